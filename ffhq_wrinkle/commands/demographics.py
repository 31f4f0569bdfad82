"""The command `demographics`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .label_options import (
    IDS_HELP,
    age_groups_option,
    aging_labels_option,
    features_option,
    race_labels_option,
    table_option,
)
from .options import (
    EXISTING_PLACE,
    FAILED,
    PLACE,
    SCHEDULER_HELP,
    chosen_ids,
    figures_option,
    ids_file_option,
    jobs_option,
    json_option,
    print_result,
)
from .parser_options import landmarks_option

if TYPE_CHECKING:
    from ..demographics.groups import AgeGroups
    from ..storage.places import Place


@click.command("demographics")
@click.argument("data", type=EXISTING_PLACE)
@click.option(
    "--ids",
    "ids_text",
    metavar="IDS",
    help=f"Faces to describe: {IDS_HELP}.  [default: DATA's photographs]",
)
@ids_file_option
@click.option(
    "--set",
    "set_texts",
    multiple=True,
    metavar="NAME=IDS",
    help="Named set to describe, with ids as for --ids. Repeat the option to show several sets "
    "side by side.",
)
@aging_labels_option
@features_option
@table_option
@age_groups_option
@click.option(
    "--race",
    is_flag=True,
    help="Also estimate race/ethnicity from the photographs with DeepFace; requires --out.",
)
@race_labels_option
@click.option(
    "--align",
    is_flag=True,
    help="With --race: first find the face in each photo and cut it out as in FFHQ.",
)
@landmarks_option
@click.option(
    "--keep-individual",
    is_flag=True,
    help="With --race: keep the estimate of each person in OUT/race.csv.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    metavar="N",
    help="With --race: images per batch of DeepFace.",
)
@jobs_option
@click.option("--scheduler", metavar="WHERE", help=f"With --race: {SCHEDULER_HELP}")
@click.option("--out", type=PLACE, help="Folder for a report: tables and a figure.")
@figures_option
@click.option(
    "--overwrite",
    is_flag=True,
    help="Replace an earlier report, as --race always does.",
)
@json_option
@click.pass_context
def demographics_command(
    ctx: click.Context,
    data: "Place",
    ids_text: str | None,
    ids_file: Path | None,
    set_texts: tuple[str, ...],
    aging_labels: Path | None,
    features: Path | None,
    table: Path | None,
    age_groups: "AgeGroups",
    race: bool,
    race_labels: Path | None,
    align: bool,
    landmarks: Path | None,
    keep_individual: bool,
    batch_size: int,
    jobs: int | None,
    scheduler: str | None,
    out: "Place | None",
    figures: str,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Describe the people in DATA: the paper's Table 1, for any sets of faces.

    DATA is a data set in the released layout, or a folder of photographs. For each set, the command
    prints how many faces belong to each age group, sex and race/ethnicity, and the shares with 95 %
    Wilson intervals. It also prints how far the sets differ (chi-squared, Cramér's V). Faces
    without a label are counted as such.

    Labels of age and sex come from FFHQ-Aging (`download aging-labels`), ffhq-features, or a table
    of your own (--table), of any ids and with further columns, which are counted too. Estimates
    of race/ethnicity come from DeepFace, which requires pip install 'ffhq-wrinkle[demographics]',
    or from a table of earlier estimates. All of these are guesses about people who were not asked:
    they describe a set, never a person. Only totals are written unless --keep-individual is given.

    With --out, the folder receives the table as CSV, JSON and Markdown, and a figure. Photographs
    that cannot be processed are listed in OUT/failures.csv, and the exit status is then 1. Run the
    same command again to resume an interrupted run. DATA and OUT can be in an object store:
    s3://BUCKET/FOLDER or gs://BUCKET/FOLDER.

    \b
    Examples:
      ffhq-wrinkle demographics ffhq --ids 0-49999
      ffhq-wrinkle demographics ffhq --set manual=manual --set weak=0-49999 --out who
      ffhq-wrinkle demographics ffhq --ids manual --race --out who
      ffhq-wrinkle demographics photos --table subjects.csv
      ffhq-wrinkle demographics photos --race --align --out who
      ffhq-wrinkle demographics ffhq --race --scheduler local:4 --out who
      ffhq-wrinkle demographics s3://faces/ffhq --ids 0-49999 --out s3://faces/who
    """
    from ..api.datasets import composition
    from ..demographics.id_sets import meant_ids, named_sets
    from ..errors import ArgumentError

    if set_texts and (ids_text is not None or ids_file):
        raise ArgumentError("--ids defines one set and --set several; use one of them")
    described = composition(
        data,
        ids=ids_text
        if ids_text is not None and not ids_file
        else chosen_ids(ids_text, ids_file, parse=lambda text: meant_ids(text, data)),
        sets=named_sets(set_texts, data),
        aging_labels=aging_labels,
        features=features,
        table=table,
        race_labels=race_labels,
        age_groups=age_groups,
        race=race,
        align=align,
        landmarks=landmarks,
        keep_individual=keep_individual,
        batch_size=batch_size,
        jobs=jobs,
        scheduler=scheduler,
        out=out,
        figures=figures,
        overwrite=overwrite,
    )
    estimation = described.estimation
    if estimation and not as_json:
        click.echo(f"{estimation.summary()}\n")
    remark = f"Tables and a figure are in {out}." if out else ""
    print_result(described, remark, as_json=as_json)
    ctx.exit(FAILED if estimation and estimation.failed else 0)

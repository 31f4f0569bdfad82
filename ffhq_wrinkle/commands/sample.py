"""The command `sample`."""

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
from .options import EXISTING_PLACE, chosen_ids, ids_file_option

if TYPE_CHECKING:
    from ..demographics.groups import AgeGroups
    from ..storage.places import Place


@click.command("sample")
@click.argument("data", type=EXISTING_PLACE)
@click.option(
    "--n",
    "draws",
    type=click.IntRange(min=1),
    required=True,
    metavar="N",
    help="Number of ids to draw.",
)
@click.option(
    "--by",
    "by_text",
    metavar="NAMES",
    help="Draw in proportion to the groups of age, sex, race or a column of --table, or of "
    "several, such as age,sex.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Seed of the draw.",
)
@click.option(
    "--ids",
    "ids_text",
    metavar="IDS",
    help=f"Faces to draw from: {IDS_HELP}.  [default: DATA's photographs]",
)
@ids_file_option
@click.option(
    "--exclude",
    "excluded_texts",
    multiple=True,
    metavar="IDS",
    help="Further ids that must not be drawn, given as for --ids; may be repeated.",
)
@aging_labels_option
@features_option
@table_option
@race_labels_option
@age_groups_option
@click.option(
    "--licence",
    "licence_text",
    metavar="NAMES",
    help="Draw only photographs under these licences, such as cc0,pd,us-gov,cc-by, by DATA's "
    "attribution.csv, which `download metadata` writes.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File for the id list, which is printed if the option is not given.",
)
@click.option("--overwrite", is_flag=True, help="Replace an existing list.")
def sample_command(
    data: "Place",
    draws: int,
    by_text: str | None,
    seed: int,
    ids_text: str | None,
    ids_file: Path | None,
    excluded_texts: tuple[str, ...],
    aging_labels: Path | None,
    features: Path | None,
    table: Path | None,
    race_labels: Path | None,
    age_groups: "AgeGroups",
    licence_text: str | None,
    out: Path | None,
    overwrite: bool,
) -> None:
    """Draw ids of images for annotation, and list them, one per line.

    DATA is a data set in the released layout, or a folder of photographs. Images that already have
    a human mask in DATA (manual_wrinkle_masks) are excluded.

    With --by, each combination of groups contributes ids in proportion to the number of its images
    that are not excluded, by the largest remainder. Images without a label are a group of their
    own. The same seed, ids and labels give the same draw.

    `download`, `build-weak`, `agreement` and other commands read the list with --ids-file.

    \b
    Examples:
      ffhq-wrinkle sample ffhq --n 1000 --out next.txt
      ffhq-wrinkle sample ffhq --n 200 --ids 0-49999 --by age,sex --seed 1 --out next.txt
      ffhq-wrinkle sample photos --n 50 --by sex,site --table subjects.csv --out next.txt
      ffhq-wrinkle sample ffhq --n 500 --licence cc0,pd,us-gov,cc-by --out next.txt
      ffhq-wrinkle sample ffhq --n 200 --by race --race-labels who/race.csv --exclude next.txt
    """
    from ..api.datasets import sample
    from ..demographics.id_sets import meant_ids
    from ..storage.writing import text_bytes

    drawn = sample(
        data,
        draws,
        by=[name.strip() for name in by_text.split(",")] if by_text is not None else [],
        seed=seed,
        ids=chosen_ids(ids_text, ids_file, parse=lambda text: meant_ids(text, data)),
        exclude=excluded_texts,
        aging_labels=aging_labels,
        features=features,
        table=table,
        race_labels=race_labels,
        age_groups=age_groups,
        licences=licence_text.split(",") if licence_text is not None else (),
        out=out,
        overwrite=overwrite,
    )
    if not out:
        click.echo(text_bytes(drawn.id_list()), nl=False)
    parts = [part for part in (drawn.table(), drawn.summary()) if part]
    click.echo("\n\n".join(parts) + (f", in {out}" if out else ""), err=not out)

"""The command `sample`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .label_options import (
    age_groups_option,
    aging_labels_option,
    features_option,
    race_labels_option,
    read_labels,
)
from .options import EXISTING_PLACE, chosen_ids, ids_file_option

if TYPE_CHECKING:
    from ..demographics.groups import AgeGroups, Variable
    from ..storage.places import Place


@click.command("sample")
@click.argument("data", type=EXISTING_PLACE)
@click.option("--n", "draws", type=click.IntRange(min=1), required=True, help="How many ids.")
@click.option(
    "--by",
    "by_text",
    metavar="NAMES",
    help="Draw in proportion to the groups of age, sex, race, or of several, such as age,sex.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="For the draw's random numbers.",
)
@click.option(
    "--ids",
    "ids_text",
    metavar="IDS",
    help="Draw from these, as for `demographics`.  [default: DATA's photographs]",
)
@ids_file_option
@click.option(
    "--exclude",
    "excluded_texts",
    multiple=True,
    metavar="IDS",
    help="Leave these out too, as for --ids; may be repeated.",
)
@aging_labels_option
@features_option
@race_labels_option
@age_groups_option
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="File for the id list."
)
@click.option("--overwrite", is_flag=True, help="Replace a list that is there.")
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
    race_labels: Path | None,
    age_groups: "AgeGroups",
    out: Path | None,
    overwrite: bool,
) -> None:
    """Draw ids of DATA for annotation, and list them, one a line.

    Ids that DATA has human masks of (manual_wrinkle_masks) are left out. With --by, of each
    combination of groups a share is drawn in proportion to what is left of it, by the largest
    remainder; ids without a label are a group of their own. The same seed, ids and labels give the
    same draw.

    The list goes to --out, or to the terminal. `download`, `build-weak`, `agreement` and others
    read it by --ids-file.

    \b
    Examples:
      ffhq-wrinkle sample ffhq --n 1000 --out next.txt
      ffhq-wrinkle sample ffhq --n 200 --ids 0-49999 --by age,sex --seed 1 --out next.txt
      ffhq-wrinkle sample ffhq --n 200 --by race --race-labels who/race.csv --exclude next.txt
    """
    from ..dataset.ids import merge_ids
    from ..dataset.layout import MANUAL_MASKS_FOLDER
    from ..demographics.id_sets import labelled_ids, meant_ids, photographed_ids
    from ..demographics.sample import draw_sample, write_id_list
    from ..storage.places import is_folder

    by = _variables(by_text)
    population = chosen_ids(ids_text, ids_file, parse=lambda text: meant_ids(text, data))
    excluded = [meant_ids(text, data, where="--exclude") for text in excluded_texts]
    if is_folder(data / MANUAL_MASKS_FOLDER):
        excluded.append(labelled_ids(data, where="sample"))
    labels = None
    if by:
        labels = read_labels(data, aging_labels, features, race_labels, age_groups)
    sample = draw_sample(
        population or photographed_ids(data),
        draws,
        excluded=merge_ids(excluded),
        by=by,
        labels=labels,
        seed=seed,
    )
    if out:
        write_id_list(out, sample, overwrite=overwrite)
    else:
        click.echo(sample.id_list(), nl=False)
    said = [part for part in (sample.table(), sample.summary()) if part]
    click.echo("\n\n".join(said) + (f", in {out}" if out else ""), err=not out)


def _variables(text: str | None) -> list["Variable"]:
    """The names after ``--by``."""
    from ..demographics.groups import VARIABLES
    from ..errors import ArgumentError

    names = [name.strip() for name in text.split(",")] if text is not None else []
    for name in names:
        if name not in VARIABLES:
            raise ArgumentError(f"--by: {name!r} is none of {', '.join(VARIABLES)}")
    return [variable for variable in VARIABLES if variable in names]

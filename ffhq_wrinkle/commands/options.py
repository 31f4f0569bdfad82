"""Options that several commands share, and how their values are read."""

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.shell_completion import CompletionItem

    from ..dataset.ids import Ids
    from ..demographics.composition import Composition
    from ..human_labels.agreement import Agreement
    from ..segmentation.evaluation.comparison import Comparison
    from ..segmentation.evaluation.evaluation import Evaluation
    from ..segmentation.experiments.experiments import Experiments
    from ..storage.places import Place
    from ..verification.verification import Verification


class LocalPath(click.Path):
    """A path on this machine. An address is refused: it would become a folder called ``s3:``."""

    def convert(
        self,
        value: "str | os.PathLike[str]",
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> "str | bytes | os.PathLike[str]":
        """Return the path; an address is a usage error."""
        if "://" in os.fspath(value):
            self.fail(f"{value} is an address; this must be a path on this machine", param, ctx)
        return super().convert(value, param, ctx)


class PlaceType(click.ParamType):  # type: ignore[type-arg]  # click 8.2 has no type parameter
    """A folder on this machine, which `local` checks, or a folder in an object store."""

    name = "directory"

    def __init__(self, local: click.Path) -> None:
        self._local = local

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> "Place":
        """Return the place; an invalid address is a usage error."""
        from ..errors import ArgumentError
        from ..storage.places import parse_place

        try:
            place = parse_place(value)
        except ArgumentError as error:
            self.fail(str(error), param, ctx)
        if isinstance(place, Path):
            self._local.convert(place, param, ctx)
        return place

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> "list[CompletionItem]":
        """Have the shell complete folders of this machine."""
        return self._local.shell_complete(ctx, param, incomplete)


FAILED = 1  # exit status if something failed
EXISTING_FOLDER = LocalPath(exists=True, file_okay=False, path_type=Path)
FOLDER = LocalPath(file_okay=False, path_type=Path)
EXISTING_PLACE, PLACE = PlaceType(EXISTING_FOLDER), PlaceType(FOLDER)
EXISTING_FILE_OR_FOLDER = LocalPath(exists=True, path_type=Path)
EXISTING_FILE = LocalPath(exists=True, dir_okay=False, path_type=Path)

ids_option = click.option(
    "--ids",
    "ids_text",
    metavar="IDS",
    help="Ids of the images to use, such as 0-49999,60000.  [default: all]",
)
ids_file_option = click.option(
    "--ids-file",
    type=EXISTING_FILE,
    help="File with the ids or ranges of ids, one per line; with --ids, both are used.",
)
limit_option = click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Process at most N images, the first by id.",
)
jobs_option = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of threads that read, compute and write.  [default: one per core]",
)
resamples_option = click.option(
    "--resamples",
    type=click.IntRange(min=0),
    default=9999,
    show_default=True,
    metavar="N",
    help="Number of bootstrap resamples of the images; 0 for no intervals.",
)
seed_option = click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    metavar="N",
    help="Seed of the bootstrap.",
)
subjects_option = click.option(
    "--group-by",
    metavar="folder|REGEX",
    help="Make bootstrap intervals over subjects instead of images: the images in one uppermost "
    "folder (folder), or those in whose ids a regular expression finds the same text, show one "
    "subject.  [default: each image on its own]",
)
SCHEDULER_HELP = (
    "Dask cluster to use, local:N (N processes on this machine) or tcp://HOST:PORT (a running "
    "scheduler). --jobs is then the number of threads of each worker."
)
scheduler_option = click.option("--scheduler", metavar="WHERE", help=SCHEDULER_HELP)
json_option = click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print the results as JSON, as in the report, instead of tables.",
)
figures_option = click.option(
    "--figures",
    default="png",
    show_default=True,
    metavar="FORMS",
    help="With --out: forms of the figures, png, pdf or svg, or several with commas.",
)
allow_trained_on_option = click.option(
    "--allow-trained-on",
    is_flag=True,
    help="Do not warn of images that the network was trained on.",
)
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace existing results.")


def chosen_ids(
    ids_text: str | None,
    ids_file: Path | None,
    *,
    parse: "Callable[[str], Ids] | None" = None,
) -> "Ids | None":
    """Return all ids that the options name, or None without either option."""
    from ..dataset.ids import merge_ids, parse_ids, read_ids

    chosen = [(parse or parse_ids)(ids_text)] if ids_text is not None else []
    chosen += [read_ids(ids_file)] if ids_file else []
    return merge_ids(chosen) if chosen else None


def print_result(
    result: "Agreement | Evaluation | Comparison | Experiments | Composition | Verification",
    remark: str,
    *,
    as_json: bool,
) -> None:
    """Print the tables of a result and a remark, or its record as JSON."""
    if as_json:
        click.echo(json.dumps(result.record(), indent=2, allow_nan=False))
        return
    # COLUMNS, or the width of the terminal; 80 if the output goes elsewhere.
    click.echo(result.summary(width=shutil.get_terminal_size().columns))
    if remark:
        click.echo(f"\n{remark}")

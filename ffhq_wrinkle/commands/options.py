"""Options that several commands have, and what they mean."""

import json
import os
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


class LocalPath(click.Path):
    """A path of this machine, and no address, which would become a folder called ``s3:``."""

    def convert(
        self,
        value: "str | os.PathLike[str]",
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> "str | bytes | os.PathLike[str]":
        """Read what was given on the command line."""
        if "://" in os.fspath(value):
            self.fail(f"{value} is an address; this has to be on this machine", param, ctx)
        return super().convert(value, param, ctx)


class PlaceType(click.ParamType):  # type: ignore[type-arg]  # click 8.2 takes none
    """A folder of this machine, which `local` has a look at, or one of an object store."""

    name = "directory"

    def __init__(self, local: click.Path) -> None:
        self._local = local

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> "Place":
        """Read what was given on the command line."""
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


FAILED = 1  # exit status: something could not be done
EXISTING_FOLDER = LocalPath(exists=True, file_okay=False, path_type=Path)
FOLDER = LocalPath(file_okay=False, path_type=Path)
EXISTING_PLACE, PLACE = PlaceType(EXISTING_FOLDER), PlaceType(FOLDER)
EXISTING_FILE = LocalPath(exists=True, dir_okay=False, path_type=Path)

ids_option = click.option(
    "--ids", "ids_text", metavar="IDS", help="Only these, such as 0-49999,60000."
)
ids_file_option = click.option(
    "--ids-file", type=EXISTING_FILE, help="Only the ids in this file, one a line."
)
limit_option = click.option(
    "--limit", type=click.IntRange(min=1), help="Only the first so many images."
)
jobs_option = click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Threads that read, compute and write.  [default: one for each core]",
)
resamples_option = click.option(
    "--resamples",
    type=click.IntRange(min=0),
    default=9999,
    show_default=True,
    help="Of the bootstrap over images; 0 for no intervals.",
)
seed_option = click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="For the bootstrap's random numbers.",
)
scheduler_option = click.option(
    "--scheduler",
    metavar="WHERE",
    help="Have Dask do it: local:N for N processes here, or tcp://HOST:PORT.",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the figures as JSON, as the report holds them."
)
overwrite_option = click.option("--overwrite", is_flag=True, help="Replace what is in OUT already.")


def chosen_ids(
    ids_text: str | None,
    ids_file: Path | None,
    *,
    parse: "Callable[[str], Ids] | None" = None,
) -> "Ids | None":
    """All ids that the options name; None without either option."""
    from ..dataset.ids import merge_ids, parse_ids, read_ids

    chosen = [(parse or parse_ids)(ids_text)] if ids_text is not None else []
    chosen += [read_ids(ids_file)] if ids_file else []
    return merge_ids(chosen) if chosen else None


def print_result(
    result: "Agreement | Evaluation | Comparison | Experiments | Composition",
    remark: str,
    *,
    as_json: bool,
) -> None:
    """Print the tables of a result and a remark, or its record as JSON."""
    if as_json:
        click.echo(json.dumps(result.record(), indent=2, allow_nan=False))
        return
    click.echo(result.summary())
    if remark:
        click.echo(f"\n{remark}")

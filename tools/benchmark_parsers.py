"""Face parsers side by side: milliseconds per image, and how well they mask faces."""

from pathlib import Path

import click

from ffhq_wrinkle.dataset.sources import source
from measure_parsers import main as measure


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--weights",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="BiSeNet's weights.  [default: those in the cache; without them, BiSeNet is left out]",
)
def parsers(folder: Path, weights: Path | None) -> None:
    """Measure the parsers mesh and bisenet on FOLDER, as `tools/measure_parsers.py` does."""
    weights = weights or source("bisenet").cached
    names = ["mesh"]
    if weights.is_file():
        names.append("bisenet")
    else:
        click.echo(f"bisenet is left out: there are no weights in {weights}", err=True)
    measure(folder, names, weights=weights)

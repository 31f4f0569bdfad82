"""Face parsers side by side: milliseconds per image, and how well they mask faces."""

from pathlib import Path

import click

from benchmark_weak import make_weights
from ffhq_wrinkle.dataset.sources import source
from measure_parsers import main as measure
from timing import scratch


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--weights",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="BiSeNet's weights.  [default: those in the cache; without them, random ones are timed]",
)
def parsers(folder: Path, weights: Path | None) -> None:
    """Measure the parsers mesh and bisenet on FOLDER, as `tools/measure_parsers.py` does."""
    weights = weights or source("bisenet").cached
    if weights.is_file():
        measure(folder, ["mesh", "bisenet"], weights=weights)
        return
    click.echo(f"there are no weights in {weights}: BiSeNet is only timed", err=True)
    with scratch() as made:
        make_weights(made / "random.pth")
        names = ["mesh", "bisenet"]
        measure(folder, names, weights=made / "random.pth", only_timed=["bisenet"])

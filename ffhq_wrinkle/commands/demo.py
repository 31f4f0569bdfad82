"""The command `demo`."""

from pathlib import Path

import click

from .options import FOLDER


@click.command("demo")
@click.argument("out", type=FOLDER, default="ffhq-wrinkle-demo")
def demo_command(out: Path) -> None:
    """Take an example face through the commands for masks, without a download.

    OUT, ffhq-wrinkle-demo if not given, receives the portrait that comes with scikit-image, a mask
    by each of three drawn annotators, the weak mask, the fused mask, a report of the annotators'
    agreement, and all of it in one picture, overview.png. Nothing is downloaded: the face mesh that
    comes with the package finds the face.

    \b
    Examples:
      ffhq-wrinkle demo
      ffhq-wrinkle demo example
    """
    from ..api.example import demo

    path = demo(out)
    click.echo(f"Look at {path} and {out / 'report' / 'report.html'}.")

"""The command `align`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import (
    EXISTING_FILE,
    EXISTING_PLACE,
    FAILED,
    PLACE,
    chosen_ids,
    ids_file_option,
    ids_option,
    jobs_option,
    limit_option,
    overwrite_option,
)

if TYPE_CHECKING:
    from ..storage.places import Place


@click.command("align")
@click.argument("images", type=EXISTING_PLACE)
@click.argument("out", type=PLACE)
@ids_option
@ids_file_option
@limit_option
@click.option(
    "--landmarks",
    type=EXISTING_FILE,
    help="CSV of the positions of eyes and mouth, instead of detecting them.",
)
@click.option(
    "--all-faces",
    is_flag=True,
    help="Use every face of a photo, instead of refusing photos with several faces.",
)
@click.option(
    "--least-side",
    type=click.IntRange(min=1),
    default=512,
    show_default=True,
    metavar="N",
    help="List faces as too small whose square has fewer than N pixels a side in the photo.",
)
@jobs_option
@overwrite_option
@click.pass_context
def align_command(
    ctx: click.Context,
    images: "Place",
    out: "Place",
    ids_text: str | None,
    ids_file: Path | None,
    limit: int | None,
    landmarks: Path | None,
    all_faces: bool,
    least_side: int,
    jobs: int | None,
    overwrite: bool,
) -> None:
    """Write to OUT the face of each photo in IMAGES, aligned as in FFHQ.

    Each face is a PNG of 1024x1024 pixels with the name of its photo. OUT/faces.csv has its square
    and landmarks in the photo. Faces that are too small, blurred, turned away, cut off or uncertain
    are written, too, and listed in OUT/doubtful.csv with the reason. OUT/contact_sheet.jpeg shows
    up to 96 faces.

    Photos without a face, or with several and without --all-faces, are listed in OUT/failures.csv,
    and the exit status is then 1. Run the same command again to resume an interrupted run.

    \b
    Examples:
      ffhq-wrinkle align photos aligned
      ffhq-wrinkle align photos aligned --all-faces --least-side 256
      ffhq-wrinkle align photos aligned --landmarks landmarks.csv
    """
    from ..api.alignment import align

    report = align(
        images,
        out,
        landmarks=landmarks,
        all_faces=all_faces,
        least_side=least_side,
        ids=chosen_ids(ids_text, ids_file),
        limit=limit,
        jobs=jobs,
        overwrite=overwrite,
    )
    click.echo(report.summary())
    ctx.exit(FAILED if report.failed else 0)

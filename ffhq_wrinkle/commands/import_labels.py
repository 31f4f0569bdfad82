"""The command `import-labels`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import EXISTING_FOLDER, FAILED, FOLDER, LocalPath, jobs_option, overwrite_option

if TYPE_CHECKING:
    from typing import Literal

    from ..annotation_tools.choices import Empty, Submission

_FORMATS = [
    "cvat", "label-studio", "labelme", "coco", "supervisely", "v7", "via2", "via3", "qupath",
    "segments-ai", "nrrd", "nifti", "psd", "ora", "napari-shapes", "napari-labels", "masks",
]  # fmt: skip


@click.command("import-labels")
@click.argument(
    "exports",
    metavar="EXPORT...",
    nargs=-1,
    required=True,
    type=LocalPath(exists=True, path_type=Path),
)
@click.option("--out", type=FOLDER, required=True, help="Folder for a folder of each annotator.")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(_FORMATS),
    help="Format of the exports.  [default: recognised by their content]",
)
@click.option(
    "--line-width",
    type=click.FloatRange(min=0, min_open=True),
    metavar="PX",
    help="Width of lines in pixels, which no tool stores; required if there are lines.",
)
@click.option(
    "--alpha",
    type=click.IntRange(1, 255),
    default=128,
    show_default=True,
    help="Lowest level at which antialiased brush strokes count as drawn.",
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="LABEL",
    help="Label to import; can be repeated.  [default: the only one]",
)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="KNOWN=NAME",
    help="Name for an annotator whom the tool knows as KNOWN: a user name, a number, an e-mail "
    "address, or the file or folder of the drawings. Two may have one NAME.  [default: "
    "annotator_1, ...]",
)
@click.option(
    "--submission",
    type=click.Choice(["last", "first"]),
    default="last",
    show_default=True,
    help="Which of several submissions of one image by one person counts.",
)
@click.option(
    "--empty",
    type=click.Choice(["drew-nothing", "missing"]),
    default="drew-nothing",
    show_default=True,
    help="Whether an image without shapes gets a black mask, or none.",
)
@click.option(
    "--images",
    type=EXISTING_FOLDER,
    help="Folder of the photographs, against which names and sizes are checked.",
)
@click.option(
    "--resize",
    type=click.Choice(["nearest"]),
    help="With --images: adapt annotations of another size. Masks take the nearest pixel; polygons "
    "and lines are scaled exactly.",
)
@click.option(
    "--keep-names",
    is_flag=True,
    help="Take the names of pictures as they are, without undoing what tools add to them.",
)
@jobs_option
@overwrite_option
@click.pass_context
def import_labels_command(
    ctx: click.Context,
    exports: tuple[Path, ...],
    out: Path,
    format_name: str | None,
    line_width: float | None,
    alpha: int,
    labels: tuple[str, ...],
    names: tuple[str, ...],
    submission: "Submission",
    empty: "Empty",
    images: Path | None,
    resize: "Literal['nearest'] | None",
    keep_names: bool,
    jobs: int | None,
    overwrite: bool,
) -> None:
    """Turn the exports of annotation tools into a folder of masks for each annotator.

    EXPORT is a file, a folder or a zip archive of CVAT, Label Studio, LabelMe, COCO or another
    tool in docs/annotating.md, which is recognised by its content. Several exports may hold the
    work of different people, or of one.

    A pixel belongs to a polygon if its centre lies inside, and to a line if its centre is at most
    half of --line-width away. Masks are taken over pixel by pixel.

    OUT receives a folder for each annotator with PNG masks of 0 and 255, import.csv with a row for
    each shape, what became of it and why, and import.json. Annotators are annotator_1,
    annotator_2, ... unless --name names them; no e-mail address is written. Annotations that
    cannot be imported are listed in OUT/failures.csv, and the exit status is then 1. Run the same
    command again to resume an interrupted run.

    \b
    Examples:
      ffhq-wrinkle import-labels job_11.zip job_12.zip --out ann --line-width 3
      ffhq-wrinkle import-labels project.json --out ann --label wrinkle --name 2=anna --name 3=ben
      ffhq-wrinkle import-labels labelme/a labelme/b --out ann --images faces --line-width 3
      ffhq-wrinkle import-labels export.json --out ann --alpha 96 --submission first
    """
    from ..api.annotation_tools import import_labels

    report = import_labels(
        exports,
        out,
        format=format_name,
        line_width=line_width,
        alpha=alpha,
        labels=labels,
        names=names,
        submission=submission,
        empty=empty,
        images=images,
        resize=resize,
        keep_names=keep_names,
        jobs=jobs,
        overwrite=overwrite,
    )
    click.echo(report.summary())
    ctx.exit(FAILED if report.failed else 0)

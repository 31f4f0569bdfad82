"""The command `export-labels`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .annotation_options import threshold_option
from .options import EXISTING_FOLDER, FAILED, FOLDER, jobs_option, overwrite_option

if TYPE_CHECKING:
    from ..annotation_tools.exporting import ExportFormat
    from ..annotation_tools.writers.drawing import Per


@click.command("export-labels")
@click.argument("masks", type=EXISTING_FOLDER)
@click.argument("out", type=FOLDER)
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["cvat", "label-studio", "labelme", "coco"]),
    required=True,
    help="Tool or format.",
)
@click.option(
    "--images",
    type=EXISTING_FOLDER,
    help="Folder of the photographs, whose names and sizes the tool knows.",
)
@click.option(
    "--label", default="wrinkle", show_default=True, help="Name of the class of all shapes."
)
@click.option(
    "--per",
    type=click.Choice(["component", "image"]),
    default="component",
    show_default=True,
    help="A shape for each connected component, or one for each image.",
)
@threshold_option
@click.option(
    "--prefix",
    default="",
    help="Text before the name of each image, such as /data/local-files/?d=faces/ for Label "
    "Studio.",
)
@click.option(
    "--model-version",
    default="ffhq-wrinkle",
    show_default=True,
    help="With --format label-studio: name of the predictions.",
)
@jobs_option
@overwrite_option
@click.pass_context
def export_labels_command(
    ctx: click.Context,
    masks: Path,
    out: Path,
    format_name: "ExportFormat",
    images: Path | None,
    label: str,
    per: "Per",
    threshold: int | None,
    prefix: str,
    model_version: str,
    jobs: int | None,
    overwrite: bool,
) -> None:
    """Write masks as a first version that annotators correct in their tool.

    MASKS is a folder of weak, semi-automatic, fused or predicted masks, flat or in shards. Soft
    masks and probabilities need --threshold; their mean level is then the score of a shape.
    Corrected masks come back by `import-labels`; unchanged ones have the same pixels.

    OUT receives annotations.xml for CVAT, tasks.json and label_config.xml for Label Studio, a JSON
    file for each image for LabelMe, or annotations.json for COCO. Masks that cannot be exported
    are listed in OUT/failures.csv, and the exit status is then 1.

    \b
    Examples:
      ffhq-wrinkle export-labels fused to_cvat --format cvat --images faces
      ffhq-wrinkle export-labels weak tasks --format label-studio --images faces --threshold 60
      ffhq-wrinkle export-labels predicted labelme --format labelme --images faces --per image
    """
    from ..api.annotation_tools import export_labels

    report = export_labels(
        masks,
        out,
        format=format_name,
        images=images,
        label=label,
        per=per,
        threshold=threshold,
        prefix=prefix,
        model_version=model_version,
        jobs=jobs,
        overwrite=overwrite,
    )
    click.echo(report.summary())
    ctx.exit(FAILED if report.failed else 0)

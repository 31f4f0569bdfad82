"""The command `predict`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from ..weak_labels.formulas import FORMULAS
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
    scheduler_option,
)
from .parser_options import engine_option, labels_option, parser_option, weights_option

if TYPE_CHECKING:
    from ..faces.bisenet import Engine
    from ..faces.parsing import ParserName
    from ..segmentation.prediction.prediction_folder import ProbabilityFormat
    from ..segmentation.prediction.trained_network import Precision
    from ..storage.places import Place


@click.command("predict")
@click.argument("images", type=EXISTING_PLACE)
@click.argument("out", type=PLACE)
@click.option(
    "--checkpoint",
    required=True,
    metavar="FILE",
    shell_complete=EXISTING_FILE.shell_complete,
    help="A checkpoint, an .onnx of `export`, or official-unet or official-swin-unetr.",
)
@ids_option
@ids_file_option
@limit_option
@parser_option
@weights_option
@labels_option
@engine_option
@click.option(
    "--recipe",
    type=click.Choice(tuple(FORMULAS)),
    help="Formula of the texture map.  [default: what the checkpoint was trained with]",
)
@click.option("--texture", type=EXISTING_PLACE, help="Folder of ready texture maps, ID.png.")
@click.option(
    "--face-masks",
    type=EXISTING_PLACE,
    help="Folder of ready face masks, ID.png; then no parser is needed.",
)
@click.option(
    "--align", is_flag=True, help="Find the face in each photo, and cut it out as FFHQ does."
)
@click.option(
    "--landmarks", type=EXISTING_FILE, help="CSV of eyes and mouths, for --align without YuNet."
)
@click.option("--all-faces", is_flag=True, help="With --align: every face of a photo.")
@click.option(
    "--probabilities",
    type=click.Choice(["png", "npy"]),
    help="Also write probabilities: 16-bit PNG, or float16 .npy.",
)
@click.option(
    "--overlays/--no-overlays", default=True, show_default=True, help="Draw the wrinkles on photos."
)
@click.option("--flip", is_flag=True, help="Average with what comes of the mirrored image.")
@click.option(
    "--precision",
    type=click.Choice(["32", "bf16"]),
    default="32",
    show_default=True,
    help="Of the network's arithmetic; bf16 is for CUDA.",
)
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps.")
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    help="Images that the network sees at once.  [default: 4 on a GPU, 1 on the CPU]",
)
@jobs_option
@scheduler_option
@overwrite_option
@click.pass_context
def predict_command(
    ctx: click.Context,
    images: "Place",
    out: "Place",
    checkpoint: str,
    ids_text: str | None,
    ids_file: Path | None,
    limit: int | None,
    parser_name: "ParserName",
    weights: Path | None,
    labels: "Place | None",
    engine: "Engine",
    recipe: str | None,
    texture: "Place | None",
    face_masks: "Place | None",
    align: bool,
    landmarks: Path | None,
    all_faces: bool,
    probabilities: "ProbabilityFormat | None",
    overlays: bool,
    flip: bool,
    precision: "Precision",
    device: str,
    batch_size: int | None,
    jobs: int | None,
    scheduler: str | None,
    overwrite: bool,
) -> None:
    """Predict the wrinkles of each face in IMAGES with a trained network.

    OUT gets masks/ (0 and 255), overlays/ (the wrinkles in colour on the photo), wrinkles.csv (how
    much of the face and of its regions is wrinkle), and if asked for probabilities/. What the
    network needs is made on the way: the face mask, the masked image and the texture map.

    IMAGES are faces aligned as FFHQ's are. Of other photos --align cuts out the face, keeps what
    the network saw in aligned/, and lays the mask back onto the photo, in photo_masks/.

    Photos that can not be done are listed in OUT/failures.csv, and the exit status is 1. Run the
    same command again to go on after an interruption, or to try the failed ones again.

    Folders may lie in an object store, s3://BUCKET/FOLDER or gs://BUCKET/FOLDER.

    \b
    Examples:
      ffhq-wrinkle predict ffhq/images1024x1024 predictions --checkpoint official-unet --ids 0-99
      ffhq-wrinkle predict photos predictions --checkpoint best.pt --align --probabilities png
      ffhq-wrinkle predict faces predictions --checkpoint best.pt --parser template
      ffhq-wrinkle predict faces predictions --checkpoint unet.onnx --texture weak --face-masks skin
      ffhq-wrinkle predict s3://faces/photos s3://faces/wrinkles --checkpoint best.pt --align
    """
    from ..api.wrinkles import predict
    from ..faces.template import TemplateParser

    chosen_parser = ctx.get_parameter_source("parser_name") is not ParameterSource.DEFAULT
    report = predict(
        images,
        out,
        checkpoint=checkpoint,
        ids=chosen_ids(ids_text, ids_file),
        limit=limit,
        parser=parser_name if chosen_parser else None,
        weights=weights,
        labels=labels,
        engine=engine,
        recipe=recipe,
        texture=texture,
        face_masks=face_masks,
        align=align,
        landmarks=landmarks,
        all_faces=all_faces,
        probabilities=probabilities,
        overlays=overlays,
        flip=flip,
        precision=precision,
        device=device,
        batch_size=batch_size,
        jobs=jobs,
        scheduler=scheduler,
        overwrite=overwrite,
    )
    click.echo(report.summary())
    if parser_name == "template":
        click.echo(f"The faces are {TemplateParser.note}.")
    ctx.exit(FAILED if report.failed else 0)

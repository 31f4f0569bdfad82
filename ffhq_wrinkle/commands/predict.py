"""The command `predict`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from ..weak_labels.formulas import FORMULAS
from .options import (
    EXISTING_FILE_OR_FOLDER,
    EXISTING_PLACE,
    FAILED,
    PLACE,
    allow_trained_on_option,
    chosen_ids,
    ids_file_option,
    ids_option,
    jobs_option,
    limit_option,
    overwrite_option,
    scheduler_option,
)
from .parser_options import (
    align_option,
    all_faces_option,
    engine_option,
    labels_option,
    landmarks_option,
    parser_option,
    parts_option,
    weights_option,
)

if TYPE_CHECKING:
    from ..faces.bisenet import Engine
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
    shell_complete=EXISTING_FILE_OR_FOLDER.shell_complete,
    help="Checkpoint file, folder of `train` (its best network), .onnx file of `export`, or "
    "official-unet or official-swin-unetr (the authors' networks).",
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
    help="Formula of the texture map; required if the checkpoint does not record the one that the "
    "network was trained with.  [default: that one]",
)
@click.option(
    "--texture",
    type=EXISTING_PLACE,
    help="Folder of existing texture maps, ID.png, to use instead of computing them.",
)
@click.option(
    "--face-masks",
    type=EXISTING_PLACE,
    help="Folder of existing face masks, ID.png, to use instead of finding the faces.",
)
@align_option
@landmarks_option
@all_faces_option
@click.option(
    "--probabilities",
    type=click.Choice(["png", "npy"]),
    help="Also write probabilities, as 16-bit PNG or float16 .npy.",
)
@click.option(
    "--overlays/--no-overlays",
    default=True,
    show_default=True,
    help="Also write the photos with the wrinkles in colour.",
)
@click.option(
    "--overlay-regions",
    is_flag=True,
    help="Draw the outlines and names of the regions of the face, such as forehead, on overlays.",
)
@click.option(
    "--flip", is_flag=True, help="Average the results for the image and for its mirror image."
)
@click.option(
    "--precision",
    type=click.Choice(["32", "bf16"]),
    default="32",
    show_default=True,
    help="Precision of the network's arithmetic: float32, or bfloat16 where possible (CUDA only).",
)
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="Device for the networks: auto, cpu, cuda, cuda:1 or mps.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    metavar="N",
    help="Images per batch of the network.  [default: 4 on a GPU, 1 on the CPU]",
)
@jobs_option
@scheduler_option
@allow_trained_on_option
@overwrite_option
@parts_option
@click.pass_context
def predict_command(
    ctx: click.Context,
    images: "Place",
    out: "Place",
    checkpoint: str,
    ids_text: str | None,
    ids_file: Path | None,
    limit: int | None,
    parser_name: str,
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
    overlay_regions: bool,
    flip: bool,
    precision: "Precision",
    device: str,
    batch_size: int | None,
    jobs: int | None,
    scheduler: str | None,
    allow_trained_on: bool,
    overwrite: bool,
    parts: str | None,
) -> None:
    """Predict the wrinkles of each face in IMAGES with a trained network.

    OUT receives masks/ (0 and 255), overlays/ (the photos with the wrinkles in colour) and
    wrinkles.csv (how much of each face and of its regions is wrinkle), and on request
    probabilities/. The inputs of the network are computed on the way: face mask, masked image and
    texture map.

    IMAGES should contain faces that are aligned as in FFHQ. For other photos, --align cuts out the
    face. The aligned face that the network saw is then written to aligned/, and the mask in the
    frame of the photo to photo_masks/.

    Photos that cannot be processed are listed in OUT/failures.csv, and the exit status is then 1.
    Run the same command again to resume an interrupted run or to retry failed photos.

    Folders can be in an object store: s3://BUCKET/FOLDER or gs://BUCKET/FOLDER.

    \b
    Examples:
      ffhq-wrinkle predict ffhq/images1024x1024 predictions --checkpoint official-unet --ids 0-99
      ffhq-wrinkle predict photos predictions --checkpoint best.pt --align --probabilities png
      ffhq-wrinkle predict faces predictions --checkpoint runs/unet --parser mesh --overlay-regions
      ffhq-wrinkle predict faces predictions --checkpoint unet.onnx --texture weak --face-masks skin
      ffhq-wrinkle predict s3://faces/photos s3://faces/wrinkles --checkpoint best.pt --align
    """
    from ..api.wrinkles import predict

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
        overlay_regions=overlay_regions,
        flip=flip,
        precision=precision,
        device=device,
        batch_size=batch_size,
        jobs=jobs,
        scheduler=scheduler,
        allow_trained_on=allow_trained_on,
        overwrite=overwrite,
        parts=parts,
    )
    click.echo(report.summary())
    ctx.exit(FAILED if report.failed else 0)

"""The command `build-weak`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..weak_labels.formulas import FORMULAS
from .options import (
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
    from ..storage.places import Place

_FORMULAS = ", ".join(f"{name} ({formula.description})" for name, formula in FORMULAS.items())


@click.command("build-weak")
@click.argument("images", type=EXISTING_PLACE)
@click.argument("out", type=PLACE)
@ids_option
@ids_file_option
@limit_option
@click.option(
    "--recipe",
    type=click.Choice(tuple(FORMULAS)),
    default="paper",
    show_default=True,
    help=f"Formula of the texture map: {_FORMULAS}.",
)
@click.option(
    "--kernel-size",
    type=int,
    default=21,
    show_default=True,
    help="Side of the Gaussian kernel in pixels, odd.",
)
@click.option(
    "--sigma",
    type=float,
    default=5.0,
    show_default=True,
    help="Standard deviation of the Gaussian in pixels.",
)
@click.option(
    "--scale-to-image",
    is_flag=True,
    help="Multiply kernel size and sigma by the longer side of the image / 1024.",
)
@parser_option
@weights_option
@labels_option
@engine_option
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="Device for BiSeNet: auto, cpu, cuda, cuda:1 or mps.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    metavar="N",
    help="Images per batch of BiSeNet.  [default: 16 on a GPU, 1 on the CPU]",
)
@jobs_option
@scheduler_option
@overwrite_option
@click.option(
    "--save-labels",
    type=PLACE,
    help="Also write the label maps to this folder, as ID.npy.",
)
@click.option(
    "--save-face-masks",
    type=PLACE,
    help="Also write the face masks to this folder, as PNG of 0 and 255.",
)
@click.option(
    "--save-masked-images",
    type=PLACE,
    help="Also write the images, black outside the face, to this folder.",
)
@click.option(
    "--save-view",
    type=PLACE,
    help="Also write pictures to this folder that show the weak masks, brightened, beside and over "
    "the photographs, and a contact sheet.",
)
@align_option
@landmarks_option
@all_faces_option
@click.option(
    "--save-aligned",
    type=PLACE,
    help="With --align: also write the aligned faces to this folder.",
)
@parts_option
@click.pass_context
def build_weak_command(
    ctx: click.Context,
    images: "Place",
    out: "Place",
    ids_text: str | None,
    ids_file: Path | None,
    limit: int | None,
    recipe: str,
    kernel_size: int,
    sigma: float,
    scale_to_image: bool,
    parser_name: str,
    weights: Path | None,
    labels: "Place | None",
    engine: "Engine",
    device: str,
    batch_size: int | None,
    jobs: int | None,
    scheduler: str | None,
    overwrite: bool,
    save_labels: "Place | None",
    save_face_masks: "Place | None",
    save_masked_images: "Place | None",
    save_view: "Place | None",
    align: bool,
    landmarks: Path | None,
    all_faces: bool,
    save_aligned: "Place | None",
    parts: str | None,
) -> None:
    """Write to OUT the weak wrinkle mask of each face in IMAGES.

    A weak mask is the texture map of the photograph inside the face (skin and nose) and 0 outside.
    It is an 8-bit gray PNG of the size of the image, in the released layout (00000/00007.png).

    IMAGES contains PNG, JPEG, WebP, TIFF, BMP, AVIF or HEIC files, flat, in FFHQ's shards or in
    other subfolders, which OUT then has, too. Images that cannot be processed are listed in
    OUT/failures.csv, and the exit status is then 1. Run the same command again to resume an
    interrupted run or to retry failed images. The masks look nearly black; --save-view shows them.

    With --align, all results are those of the aligned faces, with the names that `align` and
    `predict --align` give them: the id of the photo or, with --all-faces, ID.face1, ID.face2 and so
    on. OUT/faces.csv has the square and landmarks of each face in its photo.

    Folders can be in an object store: s3://BUCKET/FOLDER or gs://BUCKET/FOLDER.

    \b
    Examples:
      ffhq-wrinkle build-weak ffhq/images1024x1024 weak
      ffhq-wrinkle build-weak ffhq/images1024x1024 weak --recipe released --ids 0-999
      ffhq-wrinkle build-weak photos weak --parser mesh --scale-to-image
      ffhq-wrinkle build-weak photos weak --save-view views
      ffhq-wrinkle build-weak photos weak --align --save-aligned aligned
      ffhq-wrinkle build-weak photos weak --parser bisenet --parts skin,nose,neck
      ffhq-wrinkle build-weak photos weak --parser labels --labels face_parsed_labels
      ffhq-wrinkle build-weak s3://faces/images1024x1024 s3://faces/weak --jobs 16
    """
    from ..api.weak_masks import build_weak

    report = build_weak(
        images,
        out,
        recipe=recipe,
        kernel_size=kernel_size,
        sigma=sigma,
        scale_to_image=scale_to_image,
        parser=parser_name,
        weights=weights,
        labels=labels,
        engine=engine,
        device=device,
        batch_size=batch_size,
        ids=chosen_ids(ids_text, ids_file),
        limit=limit,
        jobs=jobs,
        scheduler=scheduler,
        overwrite=overwrite,
        save_labels=save_labels,
        save_face_masks=save_face_masks,
        save_masked_images=save_masked_images,
        save_view=save_view,
        align=align,
        landmarks=landmarks,
        all_faces=all_faces,
        save_aligned=save_aligned,
        parts=parts,
    )
    click.echo(report.summary())
    ctx.exit(FAILED if report.failed else 0)

"""The command `fuse-labels`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .annotation_options import (
    annotators_argument,
    missing_option,
    resize_option,
    threshold_option,
    within_option,
)
from .options import (
    EXISTING_FOLDER,
    FAILED,
    FOLDER,
    chosen_ids,
    ids_file_option,
    ids_option,
    jobs_option,
    limit_option,
    overwrite_option,
)

if TYPE_CHECKING:
    from typing import Literal

    from ..human_labels.annotators import Missing
    from ..human_labels.fusion import Method


@click.command("fuse-labels")
@annotators_argument
@click.option("--out", type=FOLDER, required=True, help="Folder for the fused masks.")
@click.option(
    "--method",
    type=click.Choice(
        ["majority", "union", "intersection", "weighted", "soft", "staple", "semi-automatic"]
    ),
    default="majority",
    show_default=True,
    help="How the masks are combined; see above.",
)
@click.option(
    "--min-votes",
    type=click.IntRange(min=1),
    metavar="N",
    help="With --method majority: number of votes that a pixel needs.  [default: more than half]",
)
@click.option(
    "--texture",
    type=EXISTING_FOLDER,
    help="With --method semi-automatic: folder of texture maps, or of weak masks by `build-weak`.",
)
@within_option
@missing_option
@threshold_option
@resize_option
@ids_option
@ids_file_option
@limit_option
@jobs_option
@overwrite_option
@click.pass_context
def fuse_labels_command(
    ctx: click.Context,
    annotators: tuple[str, ...],
    out: Path,
    method: "Method",
    min_votes: int | None,
    texture: Path | None,
    within: Path | None,
    missing: "Missing",
    threshold: int | None,
    resize: "Literal['nearest'] | None",
    ids_text: str | None,
    ids_file: Path | None,
    limit: int | None,
    jobs: int | None,
    overwrite: bool,
) -> None:
    """Fuse the masks that several annotators drew of the same images.

    Give one folder of masks for each of 2 to 20 annotators; NAME=FOLDER also names the annotator.
    Masks are PNG, BMP, TIFF, WebP or JPEG files with two values, one of which is 0. Folders are
    flat, in FFHQ's shards or in other subfolders. Masks of the same image have the same path in
    these folders except for the suffix.
    The method semi-automatic also accepts a single folder of rough masks.

    \b
    Methods, and when they count a pixel as wrinkle:
      majority        more than half of the annotators drew it, or at least --min-votes
      union           at least one annotator drew it
      intersection    all annotators drew it
      weighted        as majority, each vote weighted by its annotator's agreement with the others
      soft            no decision: the share of votes, 0 to 255, as a target for training
      staple          probable, given estimated sensitivities and specificities (Warfield 2004)
      semi-automatic  the majority drew it roughly, and its texture stands out (Kim 2022)

    OUT receives PNG masks of 0 and 255, flat (00007.png) as the released manual masks, fusion.csv
    with the votes for each image, and fusion.json. Images that cannot be fused are listed in
    OUT/failures.csv, and the exit status is then 1. Run the same command again to resume an
    interrupted run; masks whose annotations have changed are then computed again.

    \b
    Examples:
      ffhq-wrinkle fuse-labels ann/anna ann/ben ann/chris --out manual_wrinkle_masks
      ffhq-wrinkle fuse-labels A=round1/a B=round1/b C=round2/c --out fused --missing skip
      ffhq-wrinkle fuse-labels A B C --out staple --method staple --within face_masks
      ffhq-wrinkle fuse-labels A B C D --out fused --min-votes 2 --threshold 128
      ffhq-wrinkle fuse-labels rough --out masks --method semi-automatic --texture weak
    """
    from ..api.human_masks import fuse_labels

    report = fuse_labels(
        annotators,
        out,
        method=method,
        min_votes=min_votes,
        texture=texture,
        within=within,
        missing=missing,
        threshold=threshold,
        resize=resize,
        ids=chosen_ids(ids_text, ids_file),
        limit=limit,
        jobs=jobs,
        overwrite=overwrite,
    )
    click.echo(report.summary())
    ctx.exit(FAILED if report.failed else 0)

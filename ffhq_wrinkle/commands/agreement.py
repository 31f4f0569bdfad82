"""The command `agreement`."""

import re
from itertools import zip_longest
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
    FOLDER,
    chosen_ids,
    figures_option,
    ids_file_option,
    ids_option,
    jobs_option,
    json_option,
    print_result,
    resamples_option,
    seed_option,
    subjects_option,
)

if TYPE_CHECKING:
    from typing import Literal

    from ..human_labels.annotators import Missing

_TOLERANCE = "--tolerance-px"
_NUMBER = re.compile(r"\d+(\.\d*)?")


class _SeveralTolerances(click.Command):
    """A command whose ``--tolerance-px`` takes several numbers, which click does not support."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        spread: list[str] = []
        numbers_follow = False
        for argument, following in zip_longest(args, args[1:], fillvalue=""):
            if numbers_follow and _NUMBER.fullmatch(argument):
                spread += [_TOLERANCE, argument]
                continue
            alone = argument == _TOLERANCE
            numbers_follow = bool(_NUMBER.fullmatch(following)) and (
                alone or argument.startswith(f"{_TOLERANCE}=")
            )
            spread += [] if alone and numbers_follow else [argument]
        return super().parse_args(ctx, spread)


@click.command("agreement", cls=_SeveralTolerances)
@annotators_argument
@click.option("--out", type=FOLDER, help="Folder for a report: tables and pictures.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier report.")
@click.option(
    "--images",
    type=EXISTING_FOLDER,
    help="With --out: folder of photographs to show under the masks of the most disputed images.",
)
@figures_option
@click.option(
    _TOLERANCE,
    "tolerances_px",
    type=click.FloatRange(min=0),
    multiple=True,
    metavar="N...",
    help="Also measure the agreement if lines may lie N pixels apart; several values can follow.",
)
@within_option
@missing_option
@threshold_option
@resize_option
@ids_option
@ids_file_option
@resamples_option
@seed_option
@jobs_option
@json_option
@subjects_option
def agreement_command(
    annotators: tuple[str, ...],
    out: Path | None,
    overwrite: bool,
    images: Path | None,
    figures: str,
    tolerances_px: tuple[float, ...],
    within: Path | None,
    missing: "Missing",
    threshold: int | None,
    resize: "Literal['nearest'] | None",
    ids_text: str | None,
    ids_file: Path | None,
    resamples: int,
    seed: int,
    jobs: int | None,
    as_json: bool,
    group_by: str | None,
) -> None:
    """Measure how far annotators agree.

    Give one folder of masks for each of 2 to 20 annotators, as for `fuse-labels`.

    The command prints the paper's Table 2 for these annotators: the Jaccard index and Pearson's
    correlation of every pair and their averages, as the mean over images and over the pixels of all
    images pooled, each with a 95 % bootstrap interval over images. It also prints Dice, Cohen's
    kappa, Fleiss' kappa of all annotators, and the agreement of each annotator with the majority of
    the others.

    Undefined values, such as the Jaccard index of two empty masks, are left out of the means and
    counted. With --out, the folder receives all results as CSV, JSON and Markdown, a list of the
    images by disagreement, and pictures. The pictures of the most disputed images show who drew
    what.

    \b
    Examples:
      ffhq-wrinkle agreement ann/anna ann/ben ann/chris
      ffhq-wrinkle agreement A B C --out report --images ffhq/images1024x1024
      ffhq-wrinkle agreement A B C --tolerance-px 0 1 2 3 --within face_masks
      ffhq-wrinkle agreement A B C --group-by folder
    """
    from ..api.human_masks import agreement

    measured = agreement(
        annotators,
        out=out,
        overwrite=overwrite,
        images=images,
        figures=figures,
        tolerances_px=tolerances_px,
        within=within,
        missing=missing,
        threshold=threshold,
        resize=resize,
        ids=chosen_ids(ids_text, ids_file),
        resamples=resamples,
        seed=seed,
        jobs=jobs,
        group_by=group_by,
    )
    remark = f"Tables and pictures are in {out}." if out else ""
    print_result(measured, remark, as_json=as_json)

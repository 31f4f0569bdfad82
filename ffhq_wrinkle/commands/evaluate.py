"""The command `evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import (
    EXISTING_FOLDER,
    FOLDER,
    chosen_ids,
    ids_file_option,
    jobs_option,
    json_option,
    print_result,
    resamples_option,
    seed_option,
)

if TYPE_CHECKING:
    from typing import Literal


@click.command("evaluate")
@click.argument("predictions", type=EXISTING_FOLDER)
@click.argument("references", type=EXISTING_FOLDER)
@click.option("--out", type=FOLDER, help="Folder for tables and pictures.")
@click.option(
    "--compare",
    "other",
    type=EXISTING_FOLDER,
    help="Other predictions of the same images, to hold these against.",
)
@click.option(
    "--ids",
    "ids_text",
    metavar="IDS",
    help="Only these, such as 0-49999,60000; `test` stands for the 100 official test ids.",
)
@ids_file_option
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.5,
    show_default=True,
    help="For probabilities without masks: predicted is what is above it.",
)
@click.option(
    "--within",
    type=EXISTING_FOLDER,
    help="Folder of face masks; what lies outside them does not count.",
)
@click.option(
    "--resize",
    type=click.Choice(["nearest"]),
    help="Bring predictions of other sizes to that of their reference, instead of failing.",
)
@click.option(
    "--exact-only",
    is_flag=True,
    help="Leave out clDice and F1 within 0 to 3 px, which take most of the time.",
)
@click.option(
    "--images",
    type=EXISTING_FOLDER,
    help="Photographs to lay beneath the pictures of the worst images.",
)
@resamples_option
@seed_option
@jobs_option
@json_option
def evaluate_command(
    predictions: Path,
    references: Path,
    out: Path | None,
    other: Path | None,
    ids_text: str | None,
    ids_file: Path | None,
    threshold: float,
    within: Path | None,
    resize: "Literal['nearest'] | None",
    exact_only: bool,
    images: Path | None,
    resamples: int,
    seed: int,
    jobs: int | None,
    as_json: bool,
) -> None:
    """Score the masks in PREDICTIONS against those in REFERENCES.

    PREDICTIONS is a folder of masks, of probabilities (16-bit gray PNG, where 65535 is 1, or .npy
    of 0 to 1), or what `predict` wrote; of any method. REFERENCES is a folder of masks, or a data
    set with manual_wrinkle_masks in it. Both may be flat or in FFHQ's shards. An image that has a
    reference but no prediction is an error; extra predictions are not.

    Prints JSI, F1, accuracy, precision and recall, as the mean over images (the paper's) and of all
    pixels pooled, each with a 95 % bootstrap interval over images; then clDice, F1 with lines
    allowed to lie 0 to 3 pixels apart, and of probabilities the area under the precision-recall
    curve. Values that are undefined, such as the JSI of two empty masks, are left out of the means
    and counted.

    With --out, the folder gets all figures as JSON and Markdown, the images as CSV, the worst
    first, and pictures of the worst ten: white was found, orange invented, blue missed.

    \b
    Examples:
      ffhq-wrinkle evaluate pred ffhq/manual_wrinkle_masks
      ffhq-wrinkle evaluate pred ffhq --ids test --out report --images ffhq
      ffhq-wrinkle evaluate unet ffhq --compare swin --out report
    """
    from ..api.scores import compare_predictions, evaluate
    from ..dataset.ids import parse_ids_or_test

    options: dict[str, Any] = {
        "out": out,
        "images": images,
        "ids": chosen_ids(ids_text, ids_file, parse=parse_ids_or_test),
        "threshold": threshold,
        "within": within,
        "resize": resize,
        "exact_only": exact_only,
        "resamples": resamples,
        "seed": seed,
        "jobs": jobs,
    }
    result = (
        compare_predictions(predictions, other, references, **options)
        if other
        else evaluate(predictions, references, **options)
    )
    remark = f"Tables and pictures are in {out}." if out else ""
    print_result(result, remark, as_json=as_json)

"""The command `evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .options import (
    EXISTING_FILE_OR_FOLDER,
    EXISTING_FOLDER,
    FOLDER,
    allow_trained_on_option,
    chosen_ids,
    ids_file_option,
    jobs_option,
    json_option,
    print_result,
    resamples_option,
    seed_option,
    subjects_option,
)

if TYPE_CHECKING:
    from typing import Literal


@click.command("evaluate")
@click.argument("predictions", type=EXISTING_FOLDER)
@click.argument("references", type=EXISTING_FILE_OR_FOLDER)
@click.option("--out", type=FOLDER, help="Folder for a report: tables and pictures.")
@click.option("--overwrite", is_flag=True, help="Replace an earlier report.")
@click.option(
    "--compare",
    "other",
    type=EXISTING_FOLDER,
    help="Folder of other predictions of the same images, to compare PREDICTIONS with.",
)
@click.option(
    "--ids",
    "ids_text",
    metavar="IDS",
    help="Ids of the images to use, such as 0-49999,60000, or `test` for the 100 official test "
    "ids.  [default: all that have a reference]",
)
@ids_file_option
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.5,
    show_default=True,
    help="Threshold applied to probabilities when there is no mask.",
)
@click.option(
    "--within",
    type=EXISTING_FOLDER,
    help="Folder of face masks; pixels outside them do not count.",
)
@click.option(
    "--resize",
    type=click.Choice(["nearest"]),
    help="Resize predictions and face masks by nearest neighbour to the size of their reference; "
    "without this option, different sizes are an error.",
)
@click.option(
    "--exact-only",
    is_flag=True,
    help="Leave out clDice and F1 with tolerances of 0 to 3 px, which take most of the time.",
)
@click.option(
    "--by",
    type=click.Choice(["region"]),
    help="Also score each region of the faces, such as the forehead. The face mesh finds them in "
    "the photographs of --images or of the data set REFERENCES.",
)
@click.option(
    "--images",
    type=EXISTING_FOLDER,
    help="Folder of photographs: with --out, to show under the masks of the worst images; with "
    "--by region, to find the regions in.",
)
@resamples_option
@seed_option
@jobs_option
@allow_trained_on_option
@json_option
@subjects_option
def evaluate_command(
    predictions: Path,
    references: Path,
    out: Path | None,
    overwrite: bool,
    other: Path | None,
    ids_text: str | None,
    ids_file: Path | None,
    threshold: float,
    within: Path | None,
    resize: "Literal['nearest'] | None",
    exact_only: bool,
    by: "Literal['region'] | None",
    images: Path | None,
    resamples: int,
    seed: int,
    jobs: int | None,
    allow_trained_on: bool,
    as_json: bool,
    group_by: str | None,
) -> None:
    """Score the masks in PREDICTIONS against those in REFERENCES.

    PREDICTIONS is a folder of masks, a folder of probabilities (16-bit gray PNG, where 65535 is 1,
    or .npy of 0 to 1), or an output folder of `predict`. Masks and probabilities can come from any
    method. REFERENCES is a folder of masks, or data as `train` takes them: a data set, a folder
    with images/ and masks/, or a CSV. Folders can be flat, in FFHQ's shards or in other subfolders.
    An image with a reference but without a prediction is an error; additional predictions are not.

    The command prints JSI, F1, accuracy, precision and recall, as the mean over images (as in the
    paper) and over the pixels of all images pooled, each with a 95 % bootstrap interval over
    images. It also prints clDice, F1 if lines may lie 0 to 3 pixels apart, and, for probabilities,
    the area under the precision-recall curve. Undefined values, such as the JSI of two empty masks,
    are left out of the means and counted.

    With --out, the folder receives all results as JSON and Markdown, a CSV of the images, the worst
    first, and pictures of the worst ten: true positives white, false positives orange, false
    negatives blue.

    \b
    Examples:
      ffhq-wrinkle evaluate pred ffhq/manual_wrinkle_masks
      ffhq-wrinkle evaluate pred ffhq --ids test --out report --images ffhq
      ffhq-wrinkle evaluate unet ffhq --compare swin --out report
      ffhq-wrinkle evaluate pred visits --group-by "^P[0-9]+"
      ffhq-wrinkle evaluate pred ffhq --by region --out report
    """
    from ..api.scores import compare_predictions, evaluate
    from ..dataset.ids import parse_ids_or_test

    options: dict[str, Any] = {
        "out": out,
        "overwrite": overwrite,
        "images": images,
        "ids": chosen_ids(ids_text, ids_file, parse=parse_ids_or_test),
        "threshold": threshold,
        "within": within,
        "resize": resize,
        "exact_only": exact_only,
        "resamples": resamples,
        "seed": seed,
        "jobs": jobs,
        "group_by": group_by,
        "allow_trained_on": allow_trained_on,
    }
    if other and by:
        raise click.UsageError("--by cannot be combined with --compare")
    result = (
        compare_predictions(predictions, other, references, **options)
        if other
        else evaluate(predictions, references, by=by, **options)
    )
    remark = f"Tables and pictures are in {out}." if out else ""
    print_result(result, remark, as_json=as_json)

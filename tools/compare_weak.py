"""Compare weak masks with the published ones: `python tools/compare_weak.py OURS OFFICIAL`.

Prints, over the images that both folders have, the mean absolute error, the root mean square error
and the share of exactly equal pixels, in the whole image and inside the face (where either mask is
not 0). With `--images FOLDER` the texture map is also computed inside OFFICIAL's face by each
formula, which separates the formula's part of the difference from the face parser's.
"""

from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pandas as pd
from PIL import Image

from ffhq_wrinkle.dataset.layout import ImageFile, find_images
from ffhq_wrinkle.errors import FfhqWrinkleError
from ffhq_wrinkle.images.photographs import read_image
from ffhq_wrinkle.weak_labels.differences import level_difference
from ffhq_wrinkle.weak_labels.formulas import FORMULAS
from ffhq_wrinkle.weak_labels.texture import masked_texture_map

REGIONS = ("whole image", "face")


def read_weak_mask(path: Path) -> np.ndarray:
    """Read a weak mask, uint8 (H, W)."""
    with Image.open(path) as image:
        if image.mode != "L":
            raise click.ClickException(f"{path} has mode {image.mode}; a weak mask is 8-bit gray")
        return np.array(image)


def differences(mask: np.ndarray, official: np.ndarray) -> Iterator[dict[str, object]]:
    """Yield the sums over each region that give every figure, so that they can be pooled."""
    face = (mask > 0) | (official > 0)
    for region, inside in zip(REGIONS, (None, face), strict=True):
        yield {"region": region, **level_difference(mask, official, inside)._asdict()}


def compare(ours: Path, official: Path, images: Path | None) -> Iterator[dict[str, object]]:
    """Yield one row for each image, origin of the mask, and region."""
    left, right = find_images(ours), find_images(official)
    photographs = find_images(images) if images else {}
    common = [image_id for image_id in left if image_id in right]
    if not common:
        raise click.ClickException(f"{ours} and {official} have no image id in common")
    for image_id in common:
        truth = read_weak_mask(official / right[image_id].path)
        for made_by, mask in masks(ours, left[image_id], truth, images, photographs.get(image_id)):
            if mask.shape != truth.shape:
                raise click.ClickException(
                    f"{image_id}: {made_by} is {mask.shape}, the official mask {truth.shape}"
                )
            for row in differences(mask, truth):
                yield {"image_id": image_id, "made_by": made_by, **row}


def masks(
    ours: Path, file: ImageFile, truth: np.ndarray, images: Path | None, photo: ImageFile | None
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the mask in OURS and, given the photograph, one by each formula."""
    yield "OURS", read_weak_mask(ours / file.path)
    if images and photo:
        image = read_image(images / photo.path)
        for recipe in FORMULAS:
            if image.shape[:2] == truth.shape:
                yield recipe, masked_texture_map(image, truth > 0, recipe=recipe)


def figures(sums: pd.DataFrame) -> pd.DataFrame:
    """Compute MAE, RMSE and the share of exact pixels from sums."""
    return pd.DataFrame(
        {
            "mae": sums["absolute"] / sums["pixels"],
            "rmse": np.sqrt(sums["squared"] / sums["pixels"]),
            "exact": sums["exact"] / sums["pixels"],
        }
    )


@click.command(help=__doc__)
@click.argument("ours", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("official", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--images", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--csv", type=click.Path(dir_okay=False, path_type=Path), help="Write figures per image."
)
def main(ours: Path, official: Path, images: Path | None, csv: Path | None) -> None:
    """Compare two folders of weak masks."""
    try:
        rows = pd.DataFrame(compare(ours, official, images))
    except FfhqWrinkleError as error:
        raise click.ClickException(str(error)) from error
    per_image = pd.concat([rows[["image_id", "made_by", "region"]], figures(rows)], axis=1)
    if csv:
        per_image.to_csv(csv, index=False)
    groups = ["made_by", "region"]
    sums = rows.groupby(groups)[["pixels", "absolute", "squared", "exact"]].sum()
    pooled = figures(sums).add_prefix("pooled_")
    means = per_image.groupby(groups)[["mae", "rmse", "exact"]].mean().add_prefix("mean_")
    click.echo(f"{rows['image_id'].nunique()} images")
    click.echo(pd.concat([means, pooled], axis=1).round(4).to_string())


if __name__ == "__main__":
    main()

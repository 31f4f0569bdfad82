"""Benchmark of augmentation: our six in one pass against albumentations' six in sequence."""

import itertools
import math
import os
import statistics
from collections.abc import Callable

import click
import cv2
import numpy as np
import torch

from ffhq_wrinkle.segmentation.augmentation.augmentation import (
    AugmentSettings,
    FaceArrays,
    augmented,
    sample_generator,
)
from timing import SIDE, in_turns, print_machine

SETTINGS = AugmentSettings(hflip_p=1, scaling_p=1, affine_p=1, elastic_p=1, grid_p=1, optical_p=1)


def peer_augmentation(
    side: int, ours: AugmentSettings, *, approximate: bool
) -> Callable[..., dict[str, np.ndarray]]:
    """Return albumentations' six in sequence, with the strengths and probabilities of ours."""
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # otherwise it looks online for a newer version
    try:
        import albumentations
    except ImportError as error:
        raise click.ClickException(
            "this benchmark compares with albumentations, which is not installed. To install it "
            "without a second OpenCV: pip install --no-deps albumentations==2.0.8 "
            "albucore==0.0.24; pip install pydantic simsimd stringzilla"
        ) from error
    sigma = ours.elastic_sigma * side / 1024
    # albumentations divides the noise by its largest value, about 5. How much of the noise remains
    # after the filter depends on the kernel, which is nearly a 17x17 box when approximate.
    left = 17 if approximate else 2 * math.sqrt(math.pi) * sigma
    turned, sheared, moved = ours.rotation_deg, ours.shear_deg, ours.translation
    composed: Callable[..., dict[str, np.ndarray]] = albumentations.Compose(
        [
            albumentations.HorizontalFlip(p=ours.hflip_p),
            albumentations.Affine(scale=(1 - ours.scaling, 1 + ours.scaling), p=ours.scaling_p),
            albumentations.Affine(
                rotate=(-turned, turned),
                shear=(-sheared, sheared),
                translate_percent=(-moved, moved),
                p=ours.affine_p,
            ),
            albumentations.ElasticTransform(
                alpha=ours.elastic_alpha * side / 1024 * 5 * left,
                sigma=sigma,
                approximate=approximate,
                p=ours.elastic_p,
            ),
            albumentations.GridDistortion(
                num_steps=ours.grid_steps, distort_limit=ours.grid_limit, p=ours.grid_p
            ),
            albumentations.OpticalDistortion(distort_limit=ours.optical_limit, p=ours.optical_p),
        ],
        seed=0,
    )
    return composed


@click.command("augment")
@click.option("--rounds", default=15, show_default=True, help="Turns of each way.")
@click.option("--side", default=SIDE, show_default=True, help="Side of the sample in pixels.")
def augment_benchmark(rounds: int, side: int) -> None:
    """Time our augmentation against albumentations' six in sequence, on one core."""
    print_machine()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    exact, approximate = (
        peer_augmentation(side, SETTINGS, approximate=flag) for flag in (False, True)
    )
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (side, side, 4), np.uint8)
    pixels = cv2.GaussianBlur(noise, (0, 0), 3)
    image, texture = pixels[:, :, :3].copy(), pixels[:, :, 3].copy()
    mask = texture > np.quantile(texture, 0.99)
    levels = mask.astype(np.uint8)
    sample = FaceArrays(image, mask, texture)
    epochs = itertools.count()

    def ours(crop: int | None = None) -> FaceArrays:
        return augmented(sample, SETTINGS, sample_generator(0, next(epochs), "00000"), crop=crop)

    # albumentations is fastest with all four channels in one array.
    ways: dict[str, Callable[[], object]] = {
        "albumentations, exact elastic": lambda: exact(image=pixels, mask=levels),
        "albumentations, approximate": lambda: approximate(image=pixels, mask=levels),
        "ours": ours,
        "ours, a crop of half the side": lambda: ours(side // 2),
    }
    for drawn in (exact(image=pixels, mask=levels)["mask"], ours().target):
        if not 0.5 < np.count_nonzero(drawn) / np.count_nonzero(mask) < 1.5:
            raise click.ClickException("a mask lost or gained at least half its pixels")
    timed = dict(zip(ways, in_turns(rounds, *ways.values()), strict=True))
    base = statistics.median(timed["ours"])
    for name, seconds in timed.items():
        print(
            f"{name:30} median {1000 * statistics.median(seconds):6.1f} ms per sample "
            f"({1000 * min(seconds):.1f} to {1000 * max(seconds):.1f}), "
            f"{statistics.median(seconds) / base:.2f} times as long as ours"
        )

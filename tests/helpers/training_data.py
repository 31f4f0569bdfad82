"""Masks as people would draw them, and a parser that must not be made."""

import numpy as np
from PIL import Image

from tests.helpers.faces import drawn_lines


def never():
    raise AssertionError("a parser was asked for")


def draw_masks(folder, ids, side=128, levels=(0, 255)):
    folder.mkdir(parents=True, exist_ok=True)
    for image_id in ids:
        drawn = drawn_lines((side, side), int(image_id), lines=9)
        Image.fromarray(np.array(levels, np.uint8)[drawn.astype(int)]).save(
            folder / f"{image_id}.png"
        )
    return folder


def with_human_masks(dataset, ids):
    """Draw the same forehead lines as the human mask of some images of 32x32; give the data set."""
    folder = dataset.root / "manual_wrinkle_masks"
    folder.mkdir()
    for image_id in ids:
        drawn = np.zeros((32, 32), np.uint8)
        drawn[8:11, 12:20] = 255
        Image.fromarray(drawn).save(folder / f"{image_id}.png")
    return dataset

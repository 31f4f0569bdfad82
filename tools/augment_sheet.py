"""Draw a sheet of augmented samples: `python tools/augment_sheet.py docs/augmentation.jpg`.

The sheet shows the astronaut's face beside its texture map, with lines drawn where wrinkles would
be: unchanged, under each of the six augmentations alone, and five times under all six together.
"""

import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from demo import SIDE, aligned_astronaut
from ffhq_wrinkle.segmentation.augmentation.augmentation import (
    AugmentSettings,
    FaceArrays,
    augmented,
    sample_generator,
)
from ffhq_wrinkle.storage.writing import write_bytes
from ffhq_wrinkle.weak_labels.texture import scaled_kernel, texture_map

TILE = 180
COLUMNS = 3
# Forehead, crow's feet and nasolabial folds of the aligned 512x512 face.
LINES = (
    ((205, 176), (235, 170), (285, 171), (318, 177)),
    ((200, 192), (240, 187), (285, 188), (325, 193)),
    ((148, 226), (134, 220), (122, 222)),
    ((150, 240), (137, 246), (126, 256)),
    ((374, 226), (388, 220), (400, 224)),
    ((372, 240), (386, 246), (396, 256)),
    ((216, 316), (198, 338), (190, 362)),
    ((300, 316), (320, 338), (330, 362)),
)


def sample() -> FaceArrays:
    """Return the astronaut with drawn lines and, as fourth channel, a brightened texture map."""
    image = aligned_astronaut()
    drawn = np.zeros((SIDE, SIDE), np.uint8)
    for line in LINES:
        cv2.polylines(drawn, [np.array(line, np.int32)], False, 1, 3, cv2.LINE_8)
    kernel_size, sigma = scaled_kernel(21, 5.0, SIDE / 1024)
    texture = texture_map(image, kernel_size=kernel_size, sigma=sigma)
    bright = np.minimum(texture.astype(int) * 4, 255).astype(np.uint8)
    return FaceArrays(np.dstack([image, bright]), drawn.astype(bool))


def tile(shown: FaceArrays, name: str) -> np.ndarray:
    """Return the image with its mask in red beside the texture map, with a caption."""
    image = shown.image[:, :, :3].copy()
    image[shown.target] = (255, 0, 60)
    pair = np.hstack([image, np.repeat(shown.image[:, :, 3:], 3, axis=2)])
    small = cv2.resize(pair, (2 * TILE, TILE), interpolation=cv2.INTER_AREA)
    for colour, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(
            small, name, (6, TILE - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, width, cv2.LINE_AA
        )
    return np.asarray(small)


def sheet() -> np.ndarray:
    """Return the sheet of all examples, RGB uint8."""
    none = AugmentSettings.none()
    alone = {
        "horizontal flip": replace(none, hflip_p=1),
        "scaling": replace(none, scaling_p=1),
        "affine": replace(none, affine_p=1),
        "elastic": replace(none, elastic_p=1),
        "grid distortion": replace(none, grid_p=1),
        "optical distortion": replace(none, optical_p=1),
    }
    together = AugmentSettings(
        hflip_p=1, scaling_p=1, affine_p=1, elastic_p=1, grid_p=1, optical_p=1
    )
    examples = [("as it is", none), *alone.items(), *[("all six", together)] * 5]
    original = sample()
    tiles = [
        tile(augmented(original, settings, sample_generator(0, epoch, "00000")), name)
        for epoch, (name, settings) in enumerate(examples)
    ]
    rows = [np.hstack(tiles[at : at + COLUMNS]) for at in range(0, len(tiles), COLUMNS)]
    return np.vstack(rows)


def main(path: Path) -> None:
    """Write the sheet as a JPEG file."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, 70]
    _, encoded = cv2.imencode(".jpg", sheet()[:, :, ::-1], quality)
    write_bytes(path, encoded.tobytes())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))

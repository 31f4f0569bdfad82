"""Measure how many pixels the same strip has in different tools: `python tools/measure_rasters.py`.

The strips are 3 pixels wide, with corners to 0.01 pixels, at random places and angles. Each way of
filling polygons is that of a tool's own export.
"""

import itertools

import cv2
import numpy as np
from PIL import Image, ImageDraw
from pycocotools import mask as coco
from skimage.draw import polygon2mask

from ffhq_wrinkle.images.rasters import polygon_mask

_SIDE, _IMAGES, _STRIPS, _WIDTH = 1024, 20, 8, 3.0


def strips(random: np.random.Generator) -> list[np.ndarray]:
    """Return the corners of straight strips, (4, 2) each."""
    listed = []
    for _ in range(_STRIPS):
        start, turn = random.uniform(150, _SIDE - 150, 2), random.uniform(0, 2 * np.pi)
        along = np.array([np.cos(turn), np.sin(turn)])
        across = np.array([-along[1], along[0]]) * _WIDTH / 2
        end = start + along * random.uniform(40, 140)
        corners = np.array([start + across, end + across, end - across, start - across])
        listed.append(np.round(corners, 2))
    return listed


def by_pycocotools(corners: np.ndarray) -> np.ndarray:
    """Fill as COCO's own API, with which CVAT's and other COCO files are read."""
    (runs,) = coco.frPyObjects([corners.ravel().tolist()], _SIDE, _SIDE)
    return np.asarray(coco.decode(runs)).astype(bool)


def by_pillow(corners: np.ndarray) -> np.ndarray:
    """Fill as LabelMe exports polygons."""
    picture = Image.new("1", (_SIDE, _SIDE))
    ImageDraw.Draw(picture).polygon([tuple(corner) for corner in corners.tolist()], fill=1)
    return np.asarray(picture)


def by_opencv(corners: np.ndarray) -> np.ndarray:
    """Fill as OpenCV does, with rounded corners."""
    canvas = np.zeros((_SIDE, _SIDE), np.uint8)
    cv2.fillPoly(canvas, [np.round(corners).astype(np.int32)], 1)
    return canvas.astype(bool)


def by_skimage(corners: np.ndarray) -> np.ndarray:
    """Fill as scikit-image does, which takes whole numbers for centres of pixels."""
    mask: np.ndarray = polygon2mask((_SIDE, _SIDE), corners[:, ::-1])
    return mask


def by_centres(corners: np.ndarray) -> np.ndarray:
    """Fill as import-labels."""
    return polygon_mask([corners], (_SIDE, _SIDE))


WAYS = {
    "pycocotools": by_pycocotools,
    "Pillow (LabelMe)": by_pillow,
    "OpenCV, rounded": by_opencv,
    "scikit-image": by_skimage,
    "import-labels": by_centres,
}


def main() -> None:
    """Print the pixels of each way, and the Jaccard index of each pair of ways."""
    random = np.random.default_rng(0)
    masks: dict[str, list[np.ndarray]] = {name: [] for name in WAYS}
    for _ in range(_IMAGES):
        drawn = strips(random)
        for name, way in WAYS.items():
            masks[name].append(np.logical_or.reduce([way(corners) for corners in drawn]))
    exact = sum(int(mask.sum()) for mask in masks["import-labels"])
    for name, listed in masks.items():
        pixels = sum(int(mask.sum()) for mask in listed)
        print(f"{name:20} {pixels} pixels, {pixels / exact:.3f} of those by centres")
    for first, second in itertools.combinations(WAYS, 2):
        both = [(a, b) for a, b in zip(masks[first], masks[second], strict=True)]
        index = np.mean([(a & b).sum() / (a | b).sum() for a, b in both])
        print(f"{first} and {second}: Jaccard {index:.3f}")


if __name__ == "__main__":
    main()

"""Drawn faces with known label maps, a data set of them, and drawn masks."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

SKIN_COLOUR = (205, 160, 135)
BACKGROUND_COLOUR = (70, 90, 110)


def drawn_face(side: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A face where FFHQ's alignment would put it: RGB (side, side, 3), and its label map.

    A skin-coloured ellipse with a nose, dark eyes, a red mouth, two forehead lines, and noise.
    """
    at = side / 512
    image = np.full((side, side, 3), BACKGROUND_COLOUR, np.uint8)
    labels = np.zeros((512, 512), np.uint8)

    def ellipse(centre, half_axes, colour, label):
        scaled = [tuple(round(at * length) for length in pair) for pair in (centre, half_axes)]
        cv2.ellipse(image, *scaled, 0, 0, 360, colour, cv2.FILLED)
        cv2.ellipse(labels, centre, half_axes, 0, 0, 360, label, cv2.FILLED)

    ellipse((256, 290), (150, 195), SKIN_COLOUR, 1)
    ellipse((256, 290), (30, 55), SKIN_COLOUR, 10)
    for column, label in ((190, 4), (322, 5)):
        ellipse((column, 238), (28, 12), (60, 40, 30), label)
    ellipse((256, 380), (55, 22), (170, 60, 60), 11)
    for row in (140, 160):
        start, end = (round(190 * at), round(row * at)), (round(320 * at), round(row * at))
        cv2.line(image, start, end, (150, 105, 85), max(1, round(2 * at)))
    noise = np.random.default_rng(seed).integers(-6, 7, image.shape)
    return np.clip(image + noise, 0, 255).astype(np.uint8), labels


def mask(art: str) -> np.ndarray:
    """A boolean mask from text: '#' is drawn, '.' is not, and '/' ends a row."""
    return np.array([[pixel == "#" for pixel in row.strip()] for row in art.split("/")])


def drawn_lines(shape: tuple[int, int], seed, *, lines: int = 4, thickness: int = 2) -> np.ndarray:
    """Some crooked lines as an annotator draws them: bool of that shape.

    OpenCV draws 1, 3, 5, 5 and 7 pixels across for a thickness of 1, 2, 3, 4 and 5.
    """
    random = np.random.default_rng(seed)
    canvas = np.zeros(shape, np.uint8)
    for _ in range(lines):
        points = random.integers(0, min(shape), (3, 2)).astype(np.int32)
        cv2.polylines(canvas, [points], False, 1, thickness)
    return canvas.astype(bool)


class Dataset:
    """Drawn faces in the released layout: `images` in shards, `labels` flat."""

    def __init__(self, root: Path, ids: list[int], side: int) -> None:
        self.root = root
        self.images = root / "images1024x1024"
        self.labels = root / "face_parsed_labels"
        self.labels.mkdir(parents=True)
        self.ids = [f"{number:05d}" for number in ids]
        for number, image_id in zip(ids, self.ids, strict=True):
            image, label_map = drawn_face(side, seed=number)
            path = self.image_path(image_id)
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(path)
            np.save(self.labels / f"{image_id}.npy", label_map.astype(np.int64))

    def image_path(self, image_id: str) -> Path:
        return self.images / f"{int(image_id) // 1000 * 1000:05d}" / f"{image_id}.png"

"""Weak masks of a drawn data set."""

import cv2
import numpy as np
from PIL import Image

from ffhq_wrinkle.faces.parsing import ReadyLabels
from ffhq_wrinkle.weak_labels.weak import build_weak


def build(dataset, out, **options):
    parser = options.pop("parser", None) or ReadyLabels(dataset.labels)
    return build_weak(dataset.images, out, parser=parser, **options)


def pixels(path):
    with Image.open(path) as image:
        assert image.mode == "L"
        return np.array(image)


def expected_mask(dataset, image_id, kernel_size=21, sigma=5.0):
    """Eq. 1 inside skin and nose, by OpenCV and NumPy alone."""
    gray = cv2.cvtColor(cv2.imread(str(dataset.image_path(image_id))), cv2.COLOR_BGR2GRAY)
    gray = gray.astype(np.float64)
    filtered = cv2.GaussianBlur(gray, (kernel_size, kernel_size), sigma)
    texture = np.clip(np.rint((1 - gray / (1 + filtered)) * 255), 0, 255)
    face = np.isin(np.load(dataset.labels / f"{image_id}.npy"), (1, 10)).astype(np.uint8)
    face = cv2.resize(face, gray.shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    return texture * face


def rows(out):
    return (out / "failures.csv").read_text().splitlines()[1:]

"""Weak masks of a drawn data set."""

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

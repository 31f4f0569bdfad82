import shutil

import numpy as np
import pytest
from PIL import Image

from ffhq_wrinkle.faces.ready_labels import ReadyLabels
from ffhq_wrinkle.segmentation.training_data.samples import Sample
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from ffhq_wrinkle.weak_labels.weak import build_weak
from tests.helpers.training_data import draw_masks

RELEASED = TextureSettings(recipe="released")


@pytest.fixture
def plain(dataset, tmp_path):
    """A folder with `images` and, for four of them, `masks`."""
    folder = tmp_path / "plain"
    (folder / "images").mkdir(parents=True)
    for image_id in dataset.ids:
        shutil.copy(dataset.image_path(image_id), folder / "images")
    draw_masks(folder / "masks", dataset.ids[:4])
    return folder


@pytest.fixture
def parser(dataset):
    return lambda: ReadyLabels(dataset.labels)


@pytest.fixture
def released(dataset, parser):
    """The released layout, with weak masks as build-weak makes them, and four human masks."""
    weak = dataset.root / "weak_wrinkle_masks"
    build_weak(dataset.images, weak, parser=parser(), texture=RELEASED)
    draw_masks(dataset.root / "manual_wrinkle_masks", dataset.ids[:4])
    return dataset.root


@pytest.fixture
def make_samples(tmp_path):
    """Make samples with different images of 2x2 pixels, in order of id."""

    def make(ids):
        listed = []
        for image_id in ids:
            path = tmp_path / f"{image_id}.png"
            pixels = np.random.default_rng(int(image_id)).integers(0, 256, (2, 2, 3), np.uint8)
            Image.fromarray(pixels).save(path)
            listed.append(Sample(image_id, path))
        return sorted(listed)

    return make


@pytest.fixture
def hundred(make_samples):
    return make_samples(f"{number:05d}" for number in range(100))

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def data(make_dataset):
    """Twelve drawn faces of 32x32 with their forehead lines as masks."""
    dataset = make_dataset(range(12), side=32)
    folder = dataset.root / "manual_wrinkle_masks"
    folder.mkdir()
    for image_id in dataset.ids:
        drawn = np.zeros((32, 32), np.uint8)
        drawn[8:11, 12:20] = 255
        Image.fromarray(drawn).save(folder / f"{image_id}.png")
    return dataset

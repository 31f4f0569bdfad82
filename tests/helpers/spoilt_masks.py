"""Ways to spoil the mask of image 00002 in a folder of masks."""

import numpy as np
from PIL import Image


def broken(folder):
    (folder / "00002.png").write_bytes(b"\x89PNG broken")


def of_another_size(folder):
    Image.fromarray(np.zeros((3, 3), np.uint8)).save(folder / "00002.png")


def gray(folder):
    """Write 40x50 pixels, each with its own level."""
    levels = np.arange(2000, dtype=np.uint16).reshape(40, 50)
    Image.fromarray(levels).save(folder / "00002.png")

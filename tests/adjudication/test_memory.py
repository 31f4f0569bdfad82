"""Memory of the server with few and many images."""

import time

import numpy as np
import psutil
from PIL import Image

from tests.helpers.reviews import Served

SIDE = 512


def memory_after(root, count):
    """Bytes of a server that has examined this many images."""
    drawn = np.zeros((SIDE, SIDE), np.uint8)
    drawn[100:103, 50:450] = 255
    folders = []
    for name, shift in (("A", 0), ("B", 2), ("C", 4)):
        folder = root / name
        folder.mkdir(parents=True)
        Image.fromarray(np.roll(drawn, shift, axis=0)).save(folder / "00000.png")
        for number in range(1, count):
            (folder / f"{number:05d}.png").hardlink_to(folder / "00000.png")
        folders.append(folder)
    with Served(folders, root / "out") as server:
        while True:
            progress = server.get("api/next", params={"reviewer": "ann"}).json()["progress"]
            if progress["images_examined"] == count:
                break
            time.sleep(0.05)
        memory = psutil.Process(server.process.pid).memory_info().rss
        server.interrupt()
    return memory


def test_memory_does_not_grow_with_the_number_of_images(tmp_path):
    few, many = memory_after(tmp_path / "few", 20), memory_after(tmp_path / "many", 320)
    masks = 300 * 3 * SIDE * SIDE  # bytes, if the masks of all were kept
    assert many - few < masks / 20

"""Take the pictures of docs/reviewing.md: `python tools/review_pictures.py [FOLDER]`.

The page of `review` is opened in Chromium on the astronaut, with lines that nobody drew but this
script.
"""

import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import click
import cv2
import numpy as np
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from skimage import data

_SIDE = 1024
_CROP = (slice(0, 290), slice(110, 400))
# In pixels of the crop, (x, y): forehead, corners of the eyes, folds beside the mouth, chin.
_LINES = [
    [(88, 84), (104, 81), (124, 82), (141, 86)],
    [(80, 103), (74, 106), (70, 111)],
    [(149, 105), (155, 108), (159, 113)],
    [(98, 131), (91, 139), (88, 147), (88, 156)],
    [(126, 132), (135, 139), (139, 147), (140, 156)],
    [(105, 165), (115, 168), (126, 165)],
]
_LEFT_OUT = {"anna": {1}, "ben": {2, 5}, "chris": {5}}
_AGREED = 3  # the line that all draw alike


def write_inputs(folder: Path) -> list[Path]:
    """Write the photograph and the masks of three annotators, and return their folders."""
    photo = Image.fromarray(data.astronaut()[_CROP])
    scale = _SIDE / photo.width
    (folder / "photos").mkdir()
    photo.resize((_SIDE, _SIDE), Image.Resampling.LANCZOS).save(folder / "photos/astronaut.png")
    random = np.random.default_rng(5)
    folders = []
    for name, left_out in _LEFT_OUT.items():
        mask = np.zeros((_SIDE, _SIDE), np.uint8)
        for number, line in enumerate(_LINES):
            moved = random.uniform(-1.2, 1.2, (len(line), 2)) * (number != _AGREED)
            points = ((np.array(line) + moved) * scale).astype(np.int32)
            if number not in left_out:
                cv2.polylines(mask, [points], False, 255, 2)
        folders.append(folder / name)
        folders[-1].mkdir()
        Image.fromarray(mask).save(folders[-1] / "astronaut.png")
    return folders


def take(page: Page, path: Path) -> None:
    """Save what the page shows as JPEG."""
    page.wait_for_timeout(500)
    with Image.open(io.BytesIO(page.screenshot())) as picture:
        picture.convert("RGB").save(path, quality=85)


@click.command()
@click.argument("docs", default=Path("docs"), type=click.Path(file_okay=False, path_type=Path))
def main(docs: Path) -> None:
    """Take the pictures, and write them to DOCS."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        folders = write_inputs(folder)
        command = [sys.executable, "-m", "ffhq_wrinkle", "review", *map(str, folders)]
        command += ["--out", str(folder / "out"), "--images", str(folder / "photos")]
        command += ["--no-browser", "--reviewer", "dana"]
        server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            address = server.stdout.readline().strip() if server.stdout else ""
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(
                    executable_path=shutil.which("chromium"), args=["--no-sandbox"]
                )
                page = browser.new_page(viewport={"width": 1200, "height": 820})
                page.goto(address)
                page.wait_for_selector("body[data-photo-ms][data-state=ready]")
                page.keyboard.press("Enter")
                page.wait_for_timeout(500)
                page.keyboard.press("f")
                take(page, docs / "review.jpg")
                page.keyboard.press("g")
                page.keyboard.press("d")
                page.mouse.move(400, 440)
                page.mouse.down()
                page.mouse.move(560, 390, steps=9)
                page.mouse.up()
                take(page, docs / "review_drawing.jpg")
                browser.close()
        finally:
            server.terminate()
            server.wait()


if __name__ == "__main__":
    main()

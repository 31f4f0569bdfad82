"""Benchmark of PNG decoding and encoding on synthetic images."""

import io
import statistics
from collections.abc import Callable

import click
import cv2
import numpy as np
from PIL import Image

from benchmark_weak import make_images
from ffhq_wrinkle.faces.labels import face_mask, read_label_map
from ffhq_wrinkle.images.photographs import read_image
from ffhq_wrinkle.images.png import encode_png
from ffhq_wrinkle.images.png_decoding import decode_png
from ffhq_wrinkle.weak_labels.formulas import FORMULAS
from ffhq_wrinkle.weak_labels.texture import masked_texture_map
from timing import in_turns, print_machine, scratch


def pillow_png(pixels: np.ndarray) -> bytes:
    """Encode with Pillow's default settings."""
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def read_with_pillow(content: bytes) -> np.ndarray:
    """Decode with Pillow."""
    return np.array(Image.open(io.BytesIO(content)))


def compared(pixels: np.ndarray, rounds: int) -> str:
    """Return milliseconds of Pillow, OpenCV and ours for decoding and encoding, and sizes."""
    by_pillow, ours = pillow_png(pixels), encode_png(pixels)
    if not np.array_equal(read_with_pillow(ours), pixels):
        raise SystemExit("Pillow decodes our PNG to different pixels")
    if not np.array_equal(decode_png(by_pillow), pixels):
        raise SystemExit("we decode Pillow's PNG to different pixels")
    buffer = np.frombuffer(by_pillow, np.uint8)
    ways: list[Callable[[], object]] = [
        lambda: read_with_pillow(by_pillow),
        lambda: cv2.imdecode(buffer, cv2.IMREAD_UNCHANGED),
        lambda: decode_png(by_pillow),
        lambda: pillow_png(pixels),
        lambda: cv2.imencode(".png", pixels),
        lambda: encode_png(pixels),
    ]
    ms = [
        f"{1000 * statistics.median(taken):.1f} ({1000 * min(taken):.1f} to "
        f"{1000 * max(taken):.1f})"
        for taken in in_turns(rounds, *ways)
    ]
    return (
        f"decode: Pillow {ms[0]}, OpenCV {ms[1]}, ours {ms[2]} ms; encode: Pillow {ms[3]}, OpenCV "
        f"{ms[4]}, ours {ms[5]} ms; {len(ours) / len(by_pillow):.2f} times as large as Pillow's "
        f"{len(by_pillow) / 1e3:.0f} kB"
    )


@click.command()
@click.option("--rounds", default=11, show_default=True, help="Rounds of timing.")
def png(rounds: int) -> None:
    """Time decoding and encoding of 1024x1024 PNG by Pillow, OpenCV and ours, on one core."""
    print_machine()
    cv2.setNumThreads(1)
    with scratch() as folder:
        images, labels = make_images(folder, 1)
        image = read_image(next(images.rglob("*.png")))
        face = face_mask(read_label_map(next(labels.iterdir())), image.shape[:2])
    for name, pixels in {
        "photograph": image,
        **{
            f"weak mask, {recipe}": masked_texture_map(image, face, recipe=recipe)
            for recipe in FORMULAS
        },
        "face mask": face * np.uint8(255),
        "masked image": image * face[:, :, None],
    }.items():
        print(f"{name:20} {compared(pixels, rounds)}")

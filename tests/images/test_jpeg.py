import numpy as np
import pytest

from ffhq_wrinkle.errors import ImageError
from ffhq_wrinkle.images.jpeg import encode_jpeg, jpeg_note
from ffhq_wrinkle.images.photographs import read_image


def test_a_jpeg_keeps_its_note_and_is_known_to_be_whole(tmp_path):
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[10:13] = (0, 255, 130)
    path = tmp_path / "x.jpg"
    path.write_bytes(encode_jpeg(pixels, "wrinkles by unet; größer"))
    assert jpeg_note(path) == "wrinkles by unet; größer"
    assert np.abs(read_image(path).astype(int) - pixels).max() < 30  # colours are not thinned out
    path.write_bytes(path.read_bytes()[:-2])
    assert jpeg_note(path) is None
    assert jpeg_note(tmp_path / "none.jpg") is None


def test_an_image_too_long_for_a_jpeg_is_refused():
    with pytest.raises(ImageError, match="66000x1: no JPEG has a side of more than 65500"):
        encode_jpeg(np.zeros((1, 66_000, 3), np.uint8), "")

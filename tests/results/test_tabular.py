"""A result in a notebook: its text, table and pictures; on a terminal, one line."""

import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from ffhq_wrinkle.results.tabular import Tabular, paragraphs_html
from tests.helpers.notebooks import shown


class Counted(Tabular):
    """Two figures, of which one is undefined, and any pictures."""

    def __init__(self, *pictures):
        self._pictures = pictures

    def summary(self):
        return "2 of <4> & more\nand a second line"

    def to_frame(self):
        return pd.DataFrame({"measure": ["jsi", "<f1>"], "value": [0.25, None]})

    def pictures(self):
        return iter(self._pictures)


def encoded(width, height, kind, mode="RGB"):
    """A picture, red to the left and blue to the right."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, : width // 2] = (200, 30, 30)
    pixels[:, width // 2 :] = (30, 30, 200)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode, palette=Image.Palette.ADAPTIVE).save(file, kind)
    return file.getvalue()


def test_the_summary_and_the_frame_are_shown_unless_a_result_has_its_own_tables():
    page = shown(Counted())
    assert page.texts["p"] == ["2 of <4> & more\nand a second line"]
    assert page.texts["td"] == ["jsi", "0.25", "<f1>", ""]
    assert page.pictures == []


def test_lines_stay_apart_and_every_text_is_a_paragraph():
    assert paragraphs_html(["a < b\nc", 'd "e"']) == "<p>a &lt; b<br>c</p><p>d &quot;e&quot;</p>"


def test_a_result_is_one_line_on_a_terminal():
    assert repr(Counted()) == "<Counted: 2 of <4> & more>"


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("size", [(900, 900), (30, 20)])
def test_pictures_of_up_to_900_pixels_are_shown_as_they_are(kind, size):
    content = encoded(*size, kind)
    assert shown(Counted(("face", content))).pictures == [content]


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P"])
@pytest.mark.parametrize(("size", "reduced"), [((1800, 900), (900, 450)), ((40, 1000), (36, 900))])
def test_larger_ones_are_reduced_to_it(mode, size, reduced):
    (picture,) = shown(Counted(("face", encoded(*size, "PNG", mode)))).opened
    assert picture.size == reduced
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    original = Image.open(io.BytesIO(encoded(*size, "PNG", mode))).convert("RGB")
    for column in (reduced[0] // 4, 3 * reduced[0] // 4):
        colour = original.getpixel((column * size[0] // reduced[0], size[1] // 2))
        assert np.abs(pixels[reduced[1] // 2, column] - colour).max() < 8


def test_pictures_follow_the_tables_with_their_captions():
    names = ["a<b> & \"c\" 'd'", "second"]
    result = Counted(*((name, encoded(9, 9, "PNG")) for name in names))
    page = shown(result)
    assert page.texts["figcaption"] == page.alternatives == names
    assert result._repr_html_().startswith(result.tables_html())

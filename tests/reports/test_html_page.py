import base64
import re
from html.parser import HTMLParser

import numpy as np

from ffhq_wrinkle.images.jpeg import encode_jpeg
from ffhq_wrinkle.images.png import encode_png
from ffhq_wrinkle.reports.html_page import html_page


class Read(HTMLParser):
    """The links, pictures and cells of a page."""

    def __init__(self):
        super().__init__()
        self.links, self.sources, self.cells, self.tags = [], [], [], []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append(tag)
        self.links += [attributes["href"]] if "href" in attributes else []
        self.sources += [attributes["src"]] if "src" in attributes else []
        if tag == "td":
            self.cells.append("")

    def handle_data(self, data):
        if self.cells and self.tags[-1] == "td":
            self.cells[-1] += data


def page(pictures, thumbnails=None):
    rows = [["image_id", "jsi"], ["a<b", 0.25], ["c", float("nan")]]
    text = html_page("Title", "<p>The result.</p><table></table>", rows, thumbnails or {}, pictures)
    text = text.decode()
    read = Read()
    read.feed(text)
    return text, read


def test_a_page_needs_nothing_but_itself_and_the_pictures_beside_it():
    small = encode_png(np.zeros((60, 30, 3), np.uint8))
    photo = encode_jpeg(np.zeros((60, 30, 3), np.uint8), "small")
    text, read = page({"a<b": "worst/01_a<b.png"}, {"a<b": photo, "c": small})
    assert read.links == ["worst/01_a%3Cb.png"]
    assert not re.search(r"https?://|<link|<script [^>]*src", text)
    first, second = read.sources
    assert first.startswith("data:image/jpeg;base64,")
    assert base64.b64decode(second.removeprefix("data:image/png;base64,")) == small
    assert '<div class="wide result"><p>The result.</p>' in text


def test_undefined_numbers_are_blank_and_the_list_can_be_sorted():
    text, read = page({})
    assert read.cells == ["", "a<b", "0.2500", "", "c", ""]
    assert 'data-value="0.25"' in text
    assert '<table class="images">' in text
    assert "addEventListener" in text
    assert read.sources == []

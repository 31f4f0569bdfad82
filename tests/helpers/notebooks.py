"""What a notebook shows of a result, read from its HTML."""

import base64
import io
from html.parser import HTMLParser

from PIL import Image

_VOID = {"br", "img"}


class Shown(HTMLParser):
    """The parts of a page: `pictures` as files, and texts by the element that holds them."""

    def __init__(self, page):
        super().__init__()
        self.pictures = []
        self.alternatives = []
        self.texts = {"td": [], "figcaption": [], "p": [], "h4": []}
        self._open = []
        self.feed(page)
        for texts in self.texts.values():
            texts[:] = [text.strip() for text in texts]
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "img":
            kind, _, content = attributes["src"].partition(";base64,")
            self.pictures.append(base64.b64decode(content, validate=True))
            assert kind == f"data:image/{self.opened[-1].format.lower()}"
            self.alternatives.append(attributes["alt"])
        if tag == "br":
            self.handle_data("\n")
        if tag not in _VOID:
            self._open.append(tag)
        if tag in self.texts:
            self.texts[tag].append("")

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        for tag in self.texts.keys() & set(self._open):
            self.texts[tag][-1] += data

    @property
    def opened(self):
        """The pictures, decoded."""
        images = [Image.open(io.BytesIO(content)) for content in self.pictures]
        for image in images:
            image.load()
        return images


def shown(result):
    """What a notebook shows of a result whose name is the last line of a cell."""
    return Shown(result._repr_html_())

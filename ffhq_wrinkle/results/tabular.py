"""Tabular: results that a notebook shows as tables and pictures, and that turn into pandas."""

import base64
import html
import io
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    import pandas as pd

LONGEST_SIDE = 900  # pixels of a picture in a notebook


class Tabular(ABC):
    """A result of a command's function."""

    @abstractmethod
    def summary(self) -> str:
        """Return what the command prints."""

    @abstractmethod
    def to_frame(self) -> "pd.DataFrame":
        """Return the figures as a pandas DataFrame."""

    def tables_html(self) -> str:
        """Return what the command prints as HTML; the summary and the frame unless overridden."""
        frame: str = self.to_frame().to_html(index=False, na_rep="")
        return f"{paragraphs_html([self.summary()])}{frame}"

    def pictures(self) -> Iterable[tuple[str, bytes]]:
        """Yield captions and PNG or JPEG files of the pictures to show; none unless overridden."""
        return ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.summary().splitlines()[0]}>"

    def _repr_html_(self) -> str:
        return self.tables_html() + "".join(
            picture_html(caption, content) for caption, content in self.pictures()
        )


def paragraphs_html(texts: Iterable[str]) -> str:
    """Return texts as paragraphs of HTML, their line breaks kept."""
    return "".join(f"<p>{html.escape(text).replace(chr(10), '<br>')}</p>" for text in texts)


def picture_html(caption: str, content: bytes) -> str:
    """Return a PNG or JPEG file as HTML that needs no other file, large ones reduced."""
    kind = "png" if content.startswith(b"\x89PNG") else "jpeg"
    with Image.open(io.BytesIO(content)) as picture:
        if max(picture.size) > LONGEST_SIDE:
            reduced = picture.convert("RGB")
            reduced.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
            smaller = io.BytesIO()
            reduced.save(smaller, "JPEG", quality=85)
            kind, content = "jpeg", smaller.getvalue()
    data = base64.b64encode(content).decode()
    return (
        f"<figure><img style='max-width:100%' src='data:image/{kind};base64,{data}' "
        f"alt='{html.escape(caption, quote=True)}'>"
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )

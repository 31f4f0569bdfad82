"""HTML page: a report in one file that needs no server and no network.

It has the headline, the tables, and a list of images that can be sorted. Images that have a picture
show it small; a click opens the picture, which lies beside the page.
"""

import base64
import io
import math
from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import quote

from PIL import Image

from ..storage.writing import text_bytes, valid_text

_THUMBNAIL = 240  # pixels of the longer side
_STYLE = """
body { font: 15px/1.5 sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; }
div.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 0.5em 0 1.5em; }
th, td { border-bottom: 1px solid #ccc; padding: 0.2em 0.7em; text-align: left; }
th { vertical-align: bottom; white-space: pre-line; }
table.images th { cursor: pointer; }
div.result > p:first-child { font-size: 1.3em; }
"""
# Numbers are sorted as numbers, and blank cells always come last.
_SCRIPT = """
for (const table of document.querySelectorAll("table.images")) {
  table.querySelectorAll("th").forEach((head, column) => head.addEventListener("click", () => {
    const descending = head.dataset.order === "ascending";
    head.dataset.order = descending ? "descending" : "ascending";
    const body = table.tBodies[0];
    const key = row => row.cells[column].dataset.value ?? row.cells[column].textContent;
    const compare = (one, other) => {
      const first = key(one), second = key(other);
      if (first === "" || second === "") return (first === "") - (second === "");
      const numbers = first - second;
      const order = Number.isNaN(numbers) ? first.localeCompare(second) : numbers;
      return descending ? -order : order;
    };
    [...body.rows].sort(compare).forEach(row => body.append(row));
  }));
}
"""


def html_page(
    title: str,
    tables: str,
    images: Sequence[Sequence[object]],
    pictures: Mapping[str, tuple[str, bytes]],
) -> bytes:
    """Return a page.

    Parameters
    ----------
    title : str
        The heading.
    tables : str
        The headline in a paragraph of its own, and the tables, as HTML.
    images : sequence of sequence
        A header, then a row for each image; the first column has the ids.
    pictures : mapping of str to (str, bytes)
        For the ids of some images, the path of the picture relative to the page, and its PNG file.

    Returns
    -------
    bytes
        HTML in UTF-8.
    """
    header, *rows = images
    heads = "".join(f"<th>{escape(str(name))}</th>" for name in ("picture", *header))
    lines = "".join(_row(row, pictures.get(str(row[0]))) for row in rows)
    content = (
        "<!DOCTYPE html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>"
        f'<div class="wide result">{tables}</div>'
        "<h2>Images</h2><p>Click a heading to sort, and a picture to open it.</p>"
        f'<div class="wide"><table class="images"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div><script>{_SCRIPT}</script></body></html>\n"
    )
    return valid_text(content).encode()


def _row(row: Sequence[object], picture: tuple[str, bytes] | None) -> str:
    shown = "<td></td>"
    if picture:
        path, content = picture
        small = base64.b64encode(_thumbnail(content)).decode()
        shown = (
            f'<td data-value="1"><a href="{escape(quote(text_bytes(path)), quote=True)}">'
            f'<img alt="{escape(str(row[0]), quote=True)}" src="data:image/jpeg;base64,{small}">'
            "</a></td>"
        )
    return f"<tr>{shown}{''.join(map(_cell, row))}</tr>"


def _cell(value: object) -> str:
    """Return a cell; numbers have few decimals, and all of them for sorting."""
    if not isinstance(value, float):
        return f"<td>{escape(str(value))}</td>"
    if math.isnan(value):
        return "<td></td>"
    return f'<td data-value="{float(value)!r}">{value:.4f}</td>'


def _thumbnail(content: bytes) -> bytes:
    """Return a PNG file as a small JPEG file."""
    with Image.open(io.BytesIO(content)) as picture:
        small = picture.convert("RGB")
        small.thumbnail((_THUMBNAIL, _THUMBNAIL))
        file = io.BytesIO()
        small.save(file, "JPEG", quality=85)
        return file.getvalue()

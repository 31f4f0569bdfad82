"""HTML page: a report in one file that needs no server and no network.

It has the headline, the tables, and a list of images that can be sorted. Each image has a thumbnail
in the page itself. A click on it opens the picture of the image, which lies beside the page; most
images have none.
"""

import base64
import math
from collections.abc import Mapping, Sequence
from html import escape
from urllib.parse import quote

from ..storage.writing import text_bytes, valid_text

_KINDS = {b"\x89PNG": "png", b"\xff\xd8": "jpeg"}  # of thumbnails, by their first bytes
_STYLE = """
body { font: 15px/1.5 sans-serif; margin: 2em auto; max-width: 70em; padding: 0 1em; }
div.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: 0.5em 0 1.5em; }
th, td { border-bottom: 1px solid #ccc; padding: 0.2em 0.7em; text-align: left; }
th { vertical-align: bottom; white-space: pre-line; }
table.images th { cursor: pointer; }
table.images img { display: block; }
table.images a img { outline: 3px solid #0072B2; }
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
    thumbnails: Mapping[str, bytes],
    pictures: Mapping[str, str],
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
    thumbnails : mapping of str to bytes
        Small PNG or JPEG files by image id.
    pictures : mapping of str to str
        For the ids of some images, the path of the picture relative to the page.

    Returns
    -------
    bytes
        HTML in UTF-8.
    """
    header, *rows = images
    heads = "".join(f"<th>{escape(str(name))}</th>" for name in ("picture", *header))
    lines = "".join(
        _row(row, thumbnails.get(str(row[0])), pictures.get(str(row[0]))) for row in rows
    )
    content = (
        "<!DOCTYPE html>\n"
        f'<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{escape(title)}</h1>"
        f'<div class="wide result">{tables}</div>'
        "<h2>Images</h2><p>Click a heading to sort, and a framed picture to open it.</p>"
        f'<div class="wide"><table class="images"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{lines}</tbody></table></div><script>{_SCRIPT}</script></body></html>\n"
    )
    return valid_text(content).encode()


def _row(row: Sequence[object], thumbnail: bytes | None, picture: str | None) -> str:
    shown = ""
    if thumbnail:
        kind = next(kind for start, kind in _KINDS.items() if thumbnail.startswith(start))
        content = base64.b64encode(thumbnail).decode()
        name = escape(str(row[0]), quote=True)
        shown = f'<img alt="{name}" src="data:image/{kind};base64,{content}">'
    if picture:
        address = escape(quote(text_bytes(picture)), quote=True)
        shown = f'<a href="{address}">{shown or "open"}</a>'
    # Sorting by pictures brings the images that have one to the top or to the bottom.
    cell = f'<td data-value="{int(picture is not None)}">{shown}</td>'
    return f"<tr>{cell}{''.join(map(_cell, row))}</tr>"


def _cell(value: object) -> str:
    """Return a cell; numbers have few decimals, and all of them for sorting."""
    if not isinstance(value, float):
        return f"<td>{escape(str(value))}</td>"
    if math.isnan(value):
        return "<td></td>"
    return f'<td data-value="{float(value)!r}">{value:.4f}</td>'

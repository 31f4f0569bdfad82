"""Import table: `import.csv`, which says what became of every annotation."""

from collections.abc import Iterable
from typing import NamedTuple

from ..storage.writing import csv_bytes
from .choices import Choice
from .listing import Listing, ShapeNote
from .people import without_addresses

TABLE = "import.csv"
IMPORTED, LEFT_OUT, FAILED = "imported", "left out", "failed"


class ImportRow(NamedTuple):
    """The outcome of one shape, or of an annotation without shapes; a row of `import.csv`.

    Attributes
    ----------
    tool, file : str
    annotator, image_id : str
    submission, shape : str
        Its place in the file.
    kind, label : str
        As the tool names them.
    pixels : int or None
        Pixels that the shape covers; None if it was not turned into pixels.
    outcome : {"imported", "left out", "failed"}
    reason : str
    """

    tool: str
    file: str
    annotator: str
    image_id: str
    submission: str
    shape: str
    kind: str
    label: str
    pixels: int | None
    outcome: str
    reason: str


def import_row(
    listing: Listing,
    choice: Choice,
    shape: ShapeNote | None,
    *,
    pixels: int | None = None,
    outcome: str = IMPORTED,
    reason: str = "",
) -> ImportRow:
    """Return the row of a shape, or of an annotation without shapes."""
    entry = choice.entry
    source = listing.sources[entry.source]
    texts = {
        "tool": source.tool.name,
        "file": str(source.file),
        "annotator": choice.annotator,
        "image_id": choice.image_id,
        "submission": entry.submission,
        "shape": shape.place if shape else "",
        "kind": shape.kind if shape else "",
        "label": (shape.label or "") if shape else "",
        "outcome": outcome,
        "reason": "; ".join(filter(None, [reason, *entry.remarks])),
    }
    given = {"annotator", "image_id"}  # names that the user gave, or that a picture has
    safe = {key: text if key in given else without_addresses(text) for key, text in texts.items()}
    return ImportRow(**safe, pixels=pixels)


def rows_without_pixels(listing: Listing, choice: Choice) -> list[ImportRow]:
    """Return the rows of an annotation that is left out, or cannot be imported."""
    outcome = FAILED if choice.failure else LEFT_OUT
    return [
        import_row(
            listing, choice, shape, outcome=outcome, reason=choice.failure or choice.left_out
        )
        for shape in choice.entry.shapes or (None,)
    ]


def import_table(rows: Iterable[ImportRow]) -> bytes:
    """Return the table as CSV."""
    cells = (["" if cell is None else cell for cell in row] for row in rows)
    return csv_bytes(ImportRow._fields, cells)

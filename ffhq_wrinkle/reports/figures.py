"""Figures: matplotlib figures as PNG, PDF or SVG, legible in a column of a paper."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from ..errors import ArgumentError
from .fonts import families, spelled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FigureForm = Literal["png", "pdf", "svg"]
FORMS: tuple[FigureForm, ...] = ("png", "pdf", "svg")
COLUMN = 3.5  # inches, the width of a column of a paper
_FONT_SIZE = 8  # points, as captions have
_DOTS_PER_INCH = 200
_WITHOUT_DATE = {
    "png": {"Software": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
}


def parse_forms(text: str) -> tuple[FigureForm, ...]:
    """Return the forms that a list such as ``png,pdf`` names.

    Raises
    ------
    ArgumentError
        A form is not known, or none is named.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in FORMS]
    if unknown or not names:
        what = f"{unknown[0]!r} is not one of" if unknown else "name at least one of"
        raise ArgumentError(f"--figures: {what} {', '.join(FORMS)}")
    return tuple(form for form in FORMS if form in names)


@contextmanager
def column_style() -> Iterator[None]:
    """Draw what is drawn in the `with` block with letters that are legible at column width."""
    import matplotlib as mpl

    with mpl.rc_context(
        {
            "font.size": _FONT_SIZE,
            "axes.titlesize": _FONT_SIZE,
            "figure.titlesize": _FONT_SIZE,
            "svg.hashsalt": "ffhq-wrinkle",
            "pdf.fonttype": 42,  # letters stay letters
            "svg.fonttype": "none",
        }
    ):
        yield


def figure_bytes(figure: "Figure", form: FigureForm = "png") -> bytes:
    """Encode a figure, always as the same bytes; its text is never read as formulas."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_parse_math(False)  # names of annotators may contain $
        text.set_text(spelled(text.get_text()))
        text.set_fontfamily(families(text.get_text()))
    content = io.BytesIO()
    with column_style():
        figure.savefig(content, format=form, dpi=_DOTS_PER_INCH, metadata=_WITHOUT_DATE[form])
    return content.getvalue()

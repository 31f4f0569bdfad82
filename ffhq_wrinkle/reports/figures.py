"""Figures: matplotlib figures as PNG."""

import io
import warnings
from typing import TYPE_CHECKING

from ..storage.writing import valid_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure_png(figure: "Figure") -> bytes:
    """Encode a figure as PNG, always as the same bytes; its text is never read as formulas."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_parse_math(False)  # names of annotators may contain $
        text.set_text(valid_text(text.get_text()))
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a box is drawn instead
        figure.savefig(content, format="png", dpi=110, metadata={"Software": None})
    return content.getvalue()

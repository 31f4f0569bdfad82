"""Figures: matplotlib's as PNG."""

import io
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def figure_png(figure: "Figure") -> bytes:
    """A figure as PNG, the same bytes for the same figure; text is taken as it is, no formulas."""
    from matplotlib.text import Text

    for text in figure.findobj(Text):
        text.set_parse_math(False)  # names are no formulas
    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a box stands for it
        figure.savefig(content, format="png", dpi=110, metadata={"Software": None})
    return content.getvalue()

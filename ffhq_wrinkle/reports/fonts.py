"""Fonts: which installed fonts have the characters of a text, for pictures and figures.

Matplotlib brings DejaVu Sans, which has Latin, Greek, Cyrillic, Arabic and Hebrew letters. Other
scripts, such as Chinese, need a font of the system. Characters that no font has are spelled as
escapes, because the boxes that are drawn otherwise look all the same.
"""

from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import groupby
from typing import NamedTuple

from ..storage.writing import valid_text


class Font(NamedTuple):
    """A font: the name of its family, and its file."""

    family: str
    path: str


def spelled(text: str) -> str:
    """Return a text with escapes for the characters that no font has; line breaks stay.

    >>> spelled("Müller, Ирина")
    'Müller, Ирина'
    """
    return "".join(
        character
        if character == "\n" or _font_of(character)
        else character.encode("unicode_escape").decode()
        for character in valid_text(text)
    )


def runs(text: str) -> Iterator[tuple[str, Font]]:
    """Yield a spelled text in pieces, each with a font that has its characters."""
    for font, characters in groupby(spelled(text), _font_of):
        yield "".join(characters), font or default_font()


def families(text: str) -> list[str]:
    """Return the families of the fonts that a text needs, the default first."""
    return list(dict.fromkeys([default_font().family, *(font.family for _, font in runs(text))]))


@lru_cache
def default_font() -> Font:
    """Return the font that matplotlib brings."""
    from matplotlib.font_manager import findfont

    return Font("DejaVu Sans", findfont("DejaVu Sans"))


@cache
def _font_of(character: str) -> Font | None:
    """Return the first font that has a character; None if there is none."""
    if ord(character) in _characters(default_font().path):
        return default_font()
    return next((font for font in _installed() if ord(character) in _characters(font.path)), None)


@lru_cache
def _installed() -> tuple[Font, ...]:
    """Return the upright fonts of normal weight that are installed, in order of their names."""
    from matplotlib.font_manager import fontManager

    fonts = {
        Font(entry.name, entry.fname)
        for entry in fontManager.ttflist
        if entry.style == "normal"
        and entry.weight in (400, "normal", "regular")
        and "Last Resort" not in entry.name  # has the same placeholder for a whole script
    }
    return tuple(sorted(fonts))


@cache
def _characters(path: str) -> frozenset[int]:
    """Return the characters of a font file; none if it cannot be read."""
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(path).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()

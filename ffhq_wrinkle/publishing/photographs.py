"""Photographs: whether those of a data set may be published, and what goes with them."""

from collections.abc import Iterable

from ..dataset.licences import ATTRIBUTION, Attribution, PhotoLicence
from ..errors import ArgumentError, counted, first_few
from .facts import allows_commercial_use
from .source import Source

_ADVICE = "; publish without --with-images, fewer with --ids, or use --any-licence if you may"


def require_publishable(source: Source, licence: str) -> None:
    """Refuse photographs whose own licence forbids that they are published.

    Parameters
    ----------
    source : Source
        The data set, with photographs.
    licence : str
        The licence of the published data set.

    Raises
    ------
    ArgumentError
        The licence of a photograph is not known, or forbids it; the message names the first.
    """
    unknown: list[str] = []
    forbidden: list[str] = []
    for item in source.items:
        row = source.attribution.get(item.image_id)
        terms = row.licence if row else None
        if terms is None:
            unknown.append(f"{item.image_id} ({row.license})" if row else item.image_id)
        elif reason := _reason(terms, licence):
            forbidden.append(f"{item.image_id} ({terms.title}, which {reason})")
    if forbidden:
        raise ArgumentError(
            f"the licence of {counted(len(forbidden), 'photograph')} forbids publishing them under "
            f"{licence}: {first_few(forbidden)}{_ADVICE}"
        )
    if unknown:
        raise ArgumentError(
            f"{ATTRIBUTION} of the data set does not say under which licence "
            f"{counted(len(unknown), 'photograph')} may be published: {first_few(unknown)}"
            f"{_ADVICE}"
        )


def _reason(terms: PhotoLicence, licence: str) -> str:
    """Return why a photograph's licence forbids publishing it; empty if it does not."""
    if not terms.adaptable:
        return "allows no crops"
    if not terms.commercial and allows_commercial_use(licence):
        return "allows no commercial use"
    return ""


def attributions_of(source: Source) -> list[Attribution]:
    """Return the attributions of the photographs that are published, as far as they are known."""
    rows: Iterable[Attribution | None] = (
        source.attribution.get(item.image_id) for item in source.items if item.image
    )
    return [row for row in rows if row]

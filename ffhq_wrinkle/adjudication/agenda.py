"""Agenda: the parts that wait for a reviewer, and the decision that each reviewer is shown."""

from collections.abc import Iterable

from .claims import Claims
from .decisions import ConflictError, Decisions
from .entries import Entry, PartKey
from .settings import ReviewSettings


class Agenda:
    """Each reviewer's parts to decide.

    Parameters
    ----------
    decisions : Decisions
        The decisions of all reviewers; they change, and are locked by the caller.
    claims : Claims
        Which reviewer is looking at which part.
    settings : ReviewSettings
        How the review is done.
    """

    def __init__(self, decisions: Decisions, claims: Claims, settings: ReviewSettings) -> None:
        self._decisions = decisions
        self._claims = claims
        self._settings = settings

    def open_to(self, reviewer: str, keys: Iterable[PartKey]) -> list[PartKey]:
        """Return the parts that wait for the decision of a reviewer."""
        return [key for key in keys if self._is_open(key, reviewer)]

    def _is_open(self, key: PartKey, reviewer: str) -> bool:
        holding = self._decisions.holding(key)
        if holding is None:
            return True
        return (
            self._settings.has_second_look(key[1])
            and reviewer not in self._decisions.by_reviewer(key)
            and self._decisions.second_look(key) is None
        )

    def is_shared(self, reviewer: str, keys: Iterable[PartKey]) -> bool:
        """Tell whether another reviewer is looking at one of these parts."""
        return any(self._claims.holder(key, besides=reviewer) for key in keys)

    def shown(self, key: PartKey, reviewer: str) -> Entry | None:
        """Return the decision that a reviewer is shown of a part: none before a second look."""
        entries = self._decisions.by_reviewer(key)
        if self._settings.has_second_look(key[1]):
            own = entries.get(reviewer)
            if own or self._is_open(key, reviewer):
                return own
        return self._decisions.holding(key)

    def is_second_look(self, key: PartKey, reviewer: str) -> bool:
        """Tell whether a decision of a reviewer is a second look at a part."""
        own = self._decisions.by_reviewer(key).get(reviewer)
        if own:
            return own.is_second_look
        holds = self._decisions.holding(key) is not None
        return holds and self._settings.has_second_look(key[1])

    def require_unchanged(self, key: PartKey, reviewer: str, basis: int) -> None:
        """Refuse a decision on a part that another reviewer holds, or has decided meanwhile.

        Parameters
        ----------
        key : tuple of str
        reviewer : str
        basis : int
            The number of the decision that the page showed of this part, 0 if it was open.

        Raises
        ------
        ConflictError
            As above.
        """
        holder = self._claims.holder(key, besides=reviewer)
        if holder:
            raise ConflictError(f"{holder} is looking at this part; take another one, or wait")
        shown = self.shown(key, reviewer)
        if basis != (shown.sequence if shown else 0):
            now = f"{shown.reviewer} has decided it: {shown.choice}" if shown else "it is open"
            raise ConflictError(f"this part has changed in the meantime: {now}")

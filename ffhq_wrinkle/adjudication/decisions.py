"""Decisions: what holds for each part, and what can be undone, as follows from the journal."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ..errors import ArgumentError
from .entries import Entry, PartKey


class ConflictError(ArgumentError):
    """Somebody else has decided or claimed the part in the meantime."""


class PartState(NamedTuple):
    """State of a part: the decision that holds, one made as a second look, and remarks."""

    holding: Entry | None
    second: Entry | None
    remarks: list[Entry]


class _History:
    """The actions of a reviewer that undo and redo go through."""

    def __init__(self) -> None:
        self.done: list[Entry] = []
        self.undone: list[Entry] = []


class Decisions:
    """The state that follows from entries: what holds for each part, and what can be undone.

    Parameters
    ----------
    entries : iterable of Entry
        In their order.
    """

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.last = 0  # sequence number of the last entry
        self._histories: defaultdict[str, _History] = defaultdict(_History)
        # For each part and reviewer, their entries that are not undone, the last of which holds.
        self._decided: defaultdict[PartKey, dict[str, list[Entry]]] = defaultdict(dict)
        self._remarked: defaultdict[PartKey, dict[str, list[Entry]]] = defaultdict(dict)
        self._parts: defaultdict[str, set[str]] = defaultdict(set)
        for entry in entries:
            self.add(entry)

    @property
    def reviewers(self) -> list[str]:
        """Names of all who have decided or remarked anything."""
        return sorted(self._histories)

    def add(self, entry: Entry) -> None:
        """Apply an entry.

        An undo or redo that has nothing to act on, as in files put together by hand, is ignored.
        """
        self.last = max(self.last, entry.sequence)
        history = self._histories[entry.reviewer]
        if entry.action == "undo":
            if history.done:
                history.undone.append(history.done.pop())
                self._stack(history.undone[-1]).pop()
        elif entry.action == "redo":
            if history.undone:
                history.done.append(history.undone.pop())
                self._stack(history.done[-1]).append(history.done[-1])
        else:
            history.undone.clear()
            history.done.append(entry)
            self._stack(entry).append(entry)
            self._parts[entry.image].add(entry.part)

    def _stack(self, entry: Entry) -> list[Entry]:
        kind = self._decided if entry.action == "decide" else self._remarked
        return kind[entry.key].setdefault(entry.reviewer, [])

    def undoable(self, reviewer: str) -> Entry | None:
        """Return the entry that an undo would take back."""
        done = self._histories[reviewer].done if reviewer in self._histories else []
        return done[-1] if done else None

    def redoable(self, reviewer: str) -> Entry | None:
        """Return the entry that a redo would restore."""
        undone = self._histories[reviewer].undone if reviewer in self._histories else []
        return undone[-1] if undone else None

    def by_reviewer(self, key: PartKey) -> dict[str, Entry]:
        """Return the decision of each reviewer who has one on a part."""
        stacks = self._decided.get(key, {})
        return {reviewer: stack[-1] for reviewer, stack in stacks.items() if stack}

    def holding(self, key: PartKey) -> Entry | None:
        """Return the decision that holds for a part: the last one that is not a second look.

        If only second looks are left, because the first decision was undone, the first one holds.
        """
        entries = sorted(self.by_reviewer(key).values(), key=lambda entry: entry.sequence)
        first_looks = [entry for entry in entries if not entry.is_second_look]
        return first_looks[-1] if first_looks else entries[0] if entries else None

    def second_look(self, key: PartKey) -> Entry | None:
        """Return the first decision by another reviewer than the one whose decision holds."""
        holding = self.holding(key)
        others = [
            entry
            for entry in self.by_reviewer(key).values()
            if holding and entry.is_second_look and entry.reviewer != holding.reviewer
        ]
        return min(others, key=lambda entry: entry.sequence, default=None)

    def remarks(self, key: PartKey) -> list[Entry]:
        """Return the remarks on a part, one of each reviewer, in their order."""
        stacks = self._remarked.get(key, {}).values()
        last = [stack[-1] for stack in stacks if stack and stack[-1].remark]
        return sorted(last, key=lambda entry: entry.sequence)

    def state(self, key: PartKey) -> PartState:
        """Return what holds for a part."""
        return PartState(self.holding(key), self.second_look(key), self.remarks(key))

    def parts_of(self, image_id: str) -> Iterator[PartKey]:
        """Yield the parts of an image on which something was decided or remarked."""
        for part in sorted(self._parts.get(image_id, ())):
            yield image_id, part

    def counts(self) -> dict[str, int]:
        """Return the number of parts on which each reviewer has decided."""
        counts = dict.fromkeys(self.reviewers, 0)
        for stacks in self._decided.values():
            for reviewer, stack in stacks.items():
                counts[reviewer] += bool(stack)
        return counts

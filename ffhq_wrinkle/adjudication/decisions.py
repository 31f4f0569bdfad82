"""Decisions: one line for each action of a reviewer, in a file that is only appended to.

`OUT/decisions/<reviewer>.jsonl` has the actions of a reviewer: decisions, remarks, undo and redo.
`Decisions` follows from these files alone, so a review can be stopped, or killed, at any moment.
"""

import json
import os
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from ..errors import ArgumentError, OutputError
from ..storage.writing import output_error

FOLDER = "decisions"
_SUFFIX = ".jsonl"
_NAME = re.compile(r"\w[\w .@+-]{0,58}\w|\w")
Action = Literal["decide", "remark", "undo", "redo"]
Choice = Literal["annotator", "majority", "union", "nothing", "drawn"]
ACTIONS: tuple[Action, ...] = get_args(Action)
CHOICES: tuple[Choice, ...] = get_args(Choice)
PartKey = tuple[str, str]  # image id and part id


class ConflictError(ArgumentError):
    """Somebody else has decided or claimed the part in the meantime."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An action of a reviewer; a line of the file.

    Attributes
    ----------
    sequence : int
        Number of the action, over all reviewers.
    time : str
        When it was saved, in UTC (ISO 8601).
    reviewer : str
        Name of the reviewer.
    action : {"decide", "remark", "undo", "redo"}
        ``undo`` takes back the reviewer's last decision or remark that is not taken back, ``redo``
        restores the one taken back last.
    image, part : str
        Id of the image, and of its part. Undo and redo name those that they concern.
    box : list of int
        The part's first row and column, height and width.
    choice : {"annotator", "majority", "union", "nothing", "drawn"}, optional
        For ``decide``: the pixels of the part that are wrinkle.
    annotator : str, optional
        With ``annotator``: whose.
    drawn : mapping, optional
        With ``drawn``: ``box``, and in it the lengths of alternating ``runs`` of pixels, row by
        row, of which the first is background.
    is_second_look : bool
        Whether another reviewer had decided the part, which this one was not shown.
    remark : str
        For ``remark``: the text.
    shown : mapping
        State of the page: the order of the annotators, whether their names were hidden, and more
        that the page reports.
    version : str
        Version of this package.
    """

    sequence: int
    time: str
    reviewer: str
    action: Action
    image: str
    part: str
    box: list[int] = field(default_factory=list)
    choice: Choice | None = None
    annotator: str | None = None
    drawn: Mapping[str, Any] | None = None
    is_second_look: bool = False
    remark: str = ""
    shown: Mapping[str, Any] = field(default_factory=dict)
    version: str = ""

    @property
    def key(self) -> PartKey:
        """Image and part that the action concerns."""
        return self.image, self.part

    @property
    def verdict(self) -> list[Any]:
        """The decision itself, without reviewer and time."""
        return [self.choice, self.annotator, self.drawn]

    def line(self) -> bytes:
        """Return the entry as a line of JSON."""
        record = {key: value for key, value in asdict(self).items() if value not in (None, "", {})}
        return f"{json.dumps(record, separators=(',', ':'))}\n".encode()

    @classmethod
    def parse(cls, line: bytes) -> "Entry":
        """Parse a line.

        Raises
        ------
        ValueError
            The line is not such an entry.
        """
        try:
            entry = cls(**json.loads(line))
        except (TypeError, RecursionError) as error:
            raise ValueError(str(error)) from error
        texts = (entry.time, entry.reviewer, entry.image, entry.part, entry.remark)
        if not isinstance(entry.sequence, int) or not all(isinstance(text, str) for text in texts):
            raise ValueError("a value has the wrong type")
        if entry.action not in ACTIONS:
            raise ValueError(f"its action is {entry.action!r}")
        if entry.action == "decide" and entry.choice not in CHOICES:
            raise ValueError(f"its choice is {entry.choice!r}")
        return entry


def require_reviewer(name: object) -> str:
    """Return the name of a reviewer, which is also the name of a file.

    Raises
    ------
    ArgumentError
        The name is not made of 1 to 60 letters, digits, spaces and ``. @ + - _``, or begins or ends
        with another character than a letter, digit or ``_``.
    """
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ArgumentError(
            f"{name!r} cannot be a reviewer's name: use 1 to 60 letters, digits, spaces and "
            ". @ + - _, with a letter or digit first and last"
        )
    return name


class PartState(NamedTuple):
    """State of a part: the decision that holds, one made as a second look, and remarks."""

    holding: Entry | None
    second: Entry | None
    remarks: list[Entry]


class Journal:
    """The files of decisions in a folder of results, which only one process may append to.

    Parameters
    ----------
    out : Path
        The folder of results, which is locked.
    """

    def __init__(self, out: Path) -> None:
        self._folder = out / FOLDER

    def read(self) -> list[Entry]:
        """Return all entries in their order.

        A line without an end, which a killed process can leave, was never reported as saved. It is
        cut off.

        Raises
        ------
        OutputError
            A file cannot be read, or has a line that is not an entry.
        """
        entries: list[Entry] = []
        for path in sorted(self._folder.glob(f"*{_SUFFIX}")):
            try:
                content = path.read_bytes()
                whole = content[: content.rfind(b"\n") + 1]
                if len(whole) < len(content):
                    os.truncate(path, len(whole))
            except OSError as error:
                raise output_error(path, error) from error
            for number, line in enumerate(whole.splitlines(), start=1):
                try:
                    entries.append(Entry.parse(line))
                except ValueError as error:
                    raise OutputError(
                        f"{path}:{number}: not a decision: {error}; restore the file from a "
                        "backup, or remove the line"
                    ) from error
        return sorted(entries, key=lambda entry: entry.sequence)

    def append(self, entry: Entry) -> None:
        """Append an entry to the file of its reviewer, and return when it is on the disk.

        Raises
        ------
        OutputError
            The file cannot be written.
        """
        path = self._folder / f"{entry.reviewer}{_SUFFIX}"
        try:
            is_new = not path.exists()
            self._folder.mkdir(exist_ok=True)
            with path.open("ab") as file:
                before = file.tell()
                try:
                    file.write(entry.line())
                    file.flush()
                    os.fsync(file.fileno())
                except OSError:
                    os.truncate(path, before)
                    raise
            if is_new:
                _sync_folder(self._folder)
        except OSError as error:
            raise output_error(path, error) from error


def _sync_folder(folder: Path) -> None:
    """Have the name of a new file written to the disk, where the system supports it."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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

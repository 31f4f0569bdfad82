"""Entries: the actions of reviewers, as lines of JSON."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from ..errors import ArgumentError

_NAME = re.compile(r"\w[\w .@+-]{0,58}\w|\w")
Action = Literal["decide", "remark", "undo", "redo"]
Choice = Literal["annotator", "majority", "union", "nothing", "drawn"]
ACTIONS: tuple[Action, ...] = get_args(Action)
CHOICES: tuple[Choice, ...] = get_args(Choice)
PartKey = tuple[str, str]  # image id and part id


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

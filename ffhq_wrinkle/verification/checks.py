"""Checks: one figure each, expected and found, and whether the two agree."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

State = Literal["equal", "close", "different", "absent"]
# The words that reports print for each state.
WORDS: dict[State, str] = {
    "equal": "equal", "close": "close", "different": "DIFFERENT", "absent": "absent",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Check:
    """One figure that was held against a known one.

    Attributes
    ----------
    group : str
        The kind of thing that is checked, the heading of a table.
    name : str
        The thing, unique among all checks.
    expected, found : str
        The known figure and ours; `found` is empty if the thing is absent.
    source : str
        Where the known figure comes from.
    state : {"equal", "close", "different", "absent"}
        Whether they agree.
    note : str
        How far they are apart, what is wrong, or the command that gets an absent thing.
    inputs : tuple of str
        Names of checks of the things that this one is computed from. If one of these differs, that
        is why this one does.
    """

    group: str
    name: str
    expected: str
    source: str
    state: State
    found: str = ""
    note: str = ""
    inputs: tuple[str, ...] = ()


class Picture(NamedTuple):
    """A picture of a difference, PNG, and the image and the thing that it shows."""

    image_id: str
    caption: str
    content: bytes


def absent(
    group: str, name: str, *, expected: str, source: str, get: str, inputs: tuple[str, ...] = ()
) -> Check:
    """Return the check of a thing that is absent; `get` says how to get it."""
    return Check(
        group=group, name=name, expected=expected, source=source, state="absent", note=get,
        inputs=inputs,
    )  # fmt: skip


def state_of(apart: float, *, close: float) -> State:
    """Return the state of figures that are this far apart, and close up to a limit.

    >>> state_of(0, close=5), state_of(5, close=5), state_of(6, close=5)
    ('equal', 'close', 'different')
    """
    if apart == 0:
        return "equal"
    return "close" if abs(apart) <= close else "different"


def roots(checks: Sequence[Check]) -> list[Check]:
    """Return the checks that differ for a reason of their own, not because an input does.

    A check whose inputs differ may differ because of them.
    """
    differing = {check.name for check in checks if check.state == "different"}
    return [
        check
        for check in checks
        if check.state == "different" and differing.isdisjoint(check.inputs)
    ]


def count_states(checks: Iterable[Check]) -> dict[State, int]:
    """Return how many checks have each state."""
    states = [check.state for check in checks]
    return {state: states.count(state) for state in WORDS}


def command(text: str, data: object) -> str:
    """Return a command of this package with the path of the data set in the place of DATA."""
    return "ffhq-wrinkle " + text.replace("DATA", str(data))

"""Ids: image ids and sets of them, as options and id lists write them.

Nothing written in an id list ever becomes part of a path: `layout` lists the folder instead.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from ..errors import ArgumentError

MAX_IDS = 5_000_000
TEST = "test"  # stands for the official test ids
_RANGE = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")
_FFHQ_ID = re.compile(r"\d{5}")


def image_id_of(text: str) -> str:
    """Write an FFHQ id as the data set does, with five digits; leave other names as they are.

    >>> image_id_of("7"), image_id_of("0000102"), image_id_of("portrait")
    ('00007', '0000102', 'portrait')
    """
    return text.zfill(5) if is_number(text) else text


def is_ffhq_id(text: str) -> bool:
    """Whether something is an FFHQ id: five digits."""
    return bool(_FFHQ_ID.fullmatch(text))


@dataclass(frozen=True)
class Ids:
    """A set of image ids: ranges of numbers, kept as ranges, and single names.

    Each range is (first, last, digits), both ends included.
    """

    ranges: tuple[tuple[int, int, int], ...] = ()
    names: frozenset[str] = frozenset()

    def __iter__(self) -> Iterator[str]:
        """Every id once, in order of text."""
        numbered = {
            f"{number:0{digits}d}"
            for first, last, digits in self.ranges
            for number in range(first, last + 1)
        }
        return iter(sorted(numbered | self.names))


def parse_ids(text: str, where: str = "--ids") -> Ids:
    """Read ids such as ``0-49999,60000`` or ``portrait_01``.

    A number means the five-digit FFHQ id; `select_images` takes it for any name that is the same
    number, if there is no such id.

    Parameters
    ----------
    text : str
        Ids and ranges, separated by commas.
    where : str
        What the text is, for the error.

    Returns
    -------
    Ids

    Raises
    ------
    ArgumentError
        A part is empty, a range runs backwards or is absurdly long, or a name could be a path.

    >>> list(parse_ids("8-10,3,00009"))
    ['00003', '00008', '00009', '00010']
    """
    ranges, names = [], set()
    for part in (part.strip() for part in text.split(",")):
        numbers = _RANGE.fullmatch(part)
        if numbers:
            first, last = int(numbers[1]), int(numbers[2])
            if not first <= last < first + MAX_IDS:
                raise ArgumentError(
                    f"{where}: {part!r} should run from a smaller id to a larger, over "
                    f"at most {MAX_IDS} ids"
                )
            ranges.append((first, last, max(5, len(numbers[1]))))
        elif not part or part.startswith(".") or "/" in part or "\\" in part or "\0" in part:
            raise ArgumentError(
                f"{where}: {part!r} is not an image id; write ids as 00007 and ranges as 0-49999"
            )
        else:
            names.add(image_id_of(part))
    return Ids(tuple(ranges), frozenset(names))


def parse_ids_or_test(text: str, where: str = "--ids") -> Ids:
    """As `parse_ids`, but ``test`` stands for the official test ids.

    >>> len(list(parse_ids_or_test("test")))
    100
    """
    test = [part for part in text.split(",") if part.strip() == TEST]
    others = [part for part in text.split(",") if part.strip() != TEST]
    parts = [official_test_ids()] if test else []
    return merge_ids([*parts, parse_ids(",".join(others), where)] if others else parts)


def official_test_ids() -> Ids:
    """The 100 ids that the authors tested on, as `manifests/test_ids.txt` lists them."""
    return read_ids(resources.files("ffhq_wrinkle.manifests") / "test_ids.txt")


def read_ids(path: Path | Traversable) -> Ids:
    """Read an id list: ids or ranges, one or several a line; ``#`` starts a comment.

    Raises
    ------
    ArgumentError
        The file can not be read, names no id, or a line is not one; the line is named.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"{path} can not be read as an id list: {error}") from error
    parts = [
        parse_ids(line.split("#")[0].rstrip().removesuffix(","), where=f"{path}:{number}")
        for number, line in enumerate(lines, start=1)
        if line.split("#")[0].strip()
    ]
    if not parts:
        raise ArgumentError(f"{path} names no image id")
    return merge_ids(parts)


def merge_ids(parts: Sequence[Ids]) -> Ids:
    """All ids of several sets."""
    return Ids(
        tuple(one for part in parts for one in part.ranges),
        frozenset().union(*(part.names for part in parts)),
    )


def is_number(text: str) -> bool:
    """Return whether an id consists of ASCII digits alone."""
    return text.isascii() and text.isdigit()

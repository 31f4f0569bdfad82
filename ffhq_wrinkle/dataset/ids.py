"""Ids: image ids and sets of them, as written in options and id lists.

Text from an id list never becomes part of a path: `layout` lists the folder and compares names.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from ..errors import ArgumentError
from ..storage.writing import text_of

MAX_IDS = 5_000_000
TEST = "test"  # stands for the official test ids
_RANGE = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")
_FFHQ_ID = re.compile(r"\d{5}")
_SHARD = re.compile(r"\d{5,}")


def image_id_of(text: str) -> str:
    """Return a number with at least five digits, as an FFHQ id, and any other name unchanged.

    >>> image_id_of("7"), image_id_of("0000102"), image_id_of("portrait")
    ('00007', '0000102', 'portrait')
    """
    return text.zfill(5) if is_number(text) else text


def is_ffhq_id(text: str) -> bool:
    """Return whether a text is an FFHQ id: five digits."""
    return len(text) == 5 and bool(_FFHQ_ID.fullmatch(text))


def is_shard(name: str) -> bool:
    """Return whether a folder has the name of one of FFHQ's shards: at least five digits."""
    return bool(_SHARD.fullmatch(name))


def is_image_id(text: str) -> bool:
    """Return whether a text can be an id: a name, or a path below a folder of images.

    >>> is_image_id("portrait"), is_image_id("subject01/visit1"), is_image_id("../portrait")
    (True, True, False)
    """
    names = text.split("/")
    return all(name and not name.startswith(".") for name in names) and not set(text) & set("\\\0")


def without_shard(text: str) -> str:
    """Return an id without the shard that its file lies in.

    >>> without_shard("21000/21035"), without_shard("subject01/visit1")
    ('21035', 'subject01/visit1')
    """
    folder, _, name = text.rpartition("/")
    return name if is_shard(folder) else text


def id_of_path(path: str) -> str:
    """Return the id of an image, or of a result, whose path is relative to its folder.

    It is the path without the suffix; the name alone if the file is in one of FFHQ's shards.

    >>> id_of_path("00000/00007.png"), id_of_path("subject01/visit 1.2.jpg")
    ('00007', 'subject01/visit 1.2')
    """
    folder, separator, name = path.rpartition("/")
    return without_shard(f"{folder}{separator}{name.rpartition('.')[0]}")


def top_folders(image_ids: Iterable[str]) -> set[str]:
    """Return the names before the first slash of ids such as ``subject01/visit1``."""
    return {image_id.partition("/")[0] for image_id in image_ids if "/" in image_id}


@dataclass(frozen=True)
class Ids:
    """A set of image ids: ranges of numbers, which are stored as ranges, and single names.

    A range is (first, last, digits) and includes both ends.
    """

    ranges: tuple[tuple[int, int, int], ...] = ()
    names: frozenset[str] = frozenset()

    def __iter__(self) -> Iterator[str]:
        """Yield each id once, sorted as text."""
        numbered = {
            f"{number:0{digits}d}"
            for first, last, digits in self.ranges
            for number in range(first, last + 1)
        }
        return iter(sorted(numbered | self.names))


def parse_ids(text: str, where: str = "--ids") -> Ids:
    """Parse ids such as ``0-49999,60000``, ``portrait_01`` or ``subject01/visit1``.

    A number stands for the FFHQ id with five digits. If no image has this id,
    `layout.select_images` selects the image whose name is the same number.

    Parameters
    ----------
    text : str
        Ids and ranges, separated by commas.
    where : str
        Name of the option or file that contains the text, for error messages.

    Returns
    -------
    Ids

    Raises
    ------
    ArgumentError
        A part is empty, a range runs backwards or has more than `MAX_IDS` ids, or a name could be
        a path that leads out of a folder.

    >>> list(parse_ids("8-10,3,00009"))
    ['00003', '00008', '00009', '00010']
    """
    ranges, names = [], set()
    for part in (part.strip() for part in text.split(",")):
        match = _RANGE.fullmatch(part)
        if match:
            first, last = int(match[1]), int(match[2])
            if not first <= last < first + MAX_IDS:
                raise ArgumentError(
                    f"{where}: {part!r} should run from a smaller id to a larger one and contain "
                    f"at most {MAX_IDS} ids"
                )
            ranges.append((first, last, max(5, len(match[1]))))
        elif not is_image_id(part):
            raise ArgumentError(
                f"{where}: {part!r} is not an image id; write ids as 00007 and ranges as 0-49999"
            )
        else:
            names.add(image_id_of(without_shard(part)))
    return Ids(tuple(ranges), frozenset(names))


def parse_ids_or_test(text: str, where: str = "--ids") -> Ids:
    """Parse ids like `parse_ids`, where ``test`` stands for the official test ids.

    >>> len(list(parse_ids_or_test("test")))
    100
    """
    parts = text.split(",")
    others = [part for part in parts if part.strip() != TEST]
    test_ids = [official_test_ids()] if len(others) < len(parts) else []
    other_ids = [parse_ids(",".join(others), where)] if others else []
    return merge_ids([*test_ids, *other_ids])


def official_test_ids() -> Ids:
    """Return the authors' 100 test ids, which `manifests/test_ids.txt` lists."""
    return read_ids(resources.files("ffhq_wrinkle.manifests") / "test_ids.txt")


def read_ids(path: Path | Traversable) -> Ids:
    """Read an id list: one or several ids or ranges per line; ``#`` starts a comment.

    Raises
    ------
    ArgumentError
        The file cannot be read, contains no id, or has a line that is neither ids nor ranges; the
        message names the line.
    """
    try:
        lines = text_of(path.read_bytes()).splitlines()
    except (OSError, ValueError) as error:
        raise ArgumentError(f"{path} cannot be read as an id list: {error}") from error
    parts = [
        parse_ids(line.split("#")[0].rstrip().removesuffix(","), where=f"{path}:{number}")
        for number, line in enumerate(lines, start=1)
        if line.split("#")[0].strip()
    ]
    if not parts:
        raise ArgumentError(f"{path} contains no image id")
    return merge_ids(parts)


def merge_ids(parts: Sequence[Ids]) -> Ids:
    """Return the union of several sets of ids."""
    return Ids(
        tuple(id_range for part in parts for id_range in part.ranges),
        frozenset().union(*(part.names for part in parts)),
    )


def is_number(text: str) -> bool:
    """Return whether an id consists of ASCII digits only."""
    return text.isascii() and text.isdigit()

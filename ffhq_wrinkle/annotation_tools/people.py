"""People: who drew, under names that the user gives, and never under an e-mail address."""

import re
from collections.abc import Iterable, Sequence

from ..errors import ArgumentError, first_few
from ..images.opening import IMAGE_SUFFIXES

_ADDRESS = re.compile(r"[\w.+%-]+@[\w-]+(?:\.[\w-]+)+")
_PICTURE = tuple(IMAGE_SUFFIXES)
_LONGEST_NAME = 100
PSEUDONYM = "annotator_{}"


def without_addresses(text: str) -> str:
    """Return a text in which e-mail addresses are replaced; "00007@2x.png" is not one.

    >>> without_addresses("job of anna@example.org.zip"), without_addresses("00007@2x.png")
    ('job of (address)', '00007@2x.png')
    """
    return _ADDRESS.sub(
        lambda found: found[0] if found[0].lower().endswith(_PICTURE) else "(address)", text
    )


class People:
    """Everybody who drew, by the names that tools, files and folders know them by."""

    def __init__(self) -> None:
        self._names: list[list[str]] = []
        self._person_of: dict[tuple[str, str], int] = {}

    def person(self, names: Sequence[str], *, source: str) -> int:
        """Return the number of a person, the same for everybody who shares a name.

        Parameters
        ----------
        names : sequence of str
            At least one.
        source : str
            Where names come from; equal names of different sources are different people.
        """
        keys = [(source, name) for name in names]
        known = [self._person_of[key] for key in keys if key in self._person_of]
        if not known:
            self._names.append([])
        person = known[0] if known else len(self._names) - 1
        for key, name in zip(keys, names, strict=True):
            if (
                self._person_of.setdefault(key, person) == person
                and name not in self._names[person]
            ):
                self._names[person].append(name)
        return person

    def named(self, drew: Iterable[int], given: Sequence[str]) -> dict[int, str]:
        """Return the name of the folder of each person who drew.

        Parameters
        ----------
        drew : iterable of int
            Their numbers.
        given : sequence of str
            Names that the user gives, each as ``KNOWN=NAME``.

        Returns
        -------
        dict of int to str
            Names by person; ``annotator_1``, ``annotator_2``, ... in the order of the names that
            tools know them by, where the user gave none.

        Raises
        ------
        ArgumentError
            A name cannot be the name of a folder, nobody is known by it, or everybody with a name
            would share a folder with somebody without.
        """
        order = sorted(set(drew), key=lambda person: _natural(self._names[person][0]))
        folders = {person: PSEUDONYM.format(rank) for rank, person in enumerate(order, start=1)}
        for text in given:
            known, equals, name = text.rpartition("=")
            if not equals or not known:
                raise ArgumentError(f"--name {text!r} should be KNOWN=NAME, such as anna=a1")
            _require_folder_name(name)
            people = [person for person in order if known in self._names[person]]
            if not people:
                shown = [self.shown(person) for person in order]
                raise ArgumentError(
                    f"--name {without_addresses(text)}: nobody who drew is known by this name; "
                    f"they are {first_few(shown)}"
                )
            for person in people:
                folders[person] = name
        return folders

    def shown(self, person: int) -> str:
        """Return the name by which a tool knows a person, but no e-mail address."""
        names = [name for name in self._names[person] if "@" not in name]
        return without_addresses(names[0]) if names else "somebody known by an e-mail address"


def _natural(name: str) -> tuple[int, int, str]:
    is_number = name.isascii() and name.isdigit()
    return (0, int(name), "") if is_number else (1, 0, name)


def _require_folder_name(name: str) -> None:
    parts = set("/\\\0:") & set(name)
    if not name or parts or name.startswith(".") or name.strip() != name or not name.isprintable():
        raise ArgumentError(f"--name: {name!r} cannot be the name of a folder")
    if name.isdigit() or len(name) > _LONGEST_NAME or "=" in name:
        raise ArgumentError(
            f"--name: {name!r} should be a short name with a letter, as folders of digits hold "
            "shards of images"
        )

"""Licences: what the licence of each photograph allows, by `attribution.csv` of a data set.

FFHQ's metadata has the licence of each photograph, which `download metadata` puts in that table.
"""

import csv
from collections.abc import Collection, Sequence
from io import StringIO
from typing import NamedTuple

from ..errors import ArgumentError
from ..storage.places import Place, get
from ..storage.writing import csv_bytes, text_of

ATTRIBUTION = "attribution.csv"
ATTRIBUTION_COLUMNS = (
    "image_id", "author", "license", "license_url", "photo_url", "photo_title",
)  # fmt: skip


class PhotoLicence(NamedTuple):
    """A licence that photographs are published under.

    Attributes
    ----------
    name : str
        Its name on the command line.
    title : str
        Its name in texts.
    addresses : tuple of str
        Parts of the address of its text, any of which identifies it.
    names : tuple of str
        Its name in FFHQ's metadata, which identifies it where there is no address.
    commercial : bool
        Whether commercial use is allowed.
    adaptable : bool
        Whether it allows passing on parts of a photograph, as FFHQ's are.
    """

    name: str
    title: str
    addresses: tuple[str, ...]
    names: tuple[str, ...]
    commercial: bool = True
    adaptable: bool = True


_CC = "creativecommons.org"
# In this order: the address of CC BY is part of no other one.
LICENCES = {
    licence.name: licence
    for licence in (
        PhotoLicence(
            "cc0", "CC0", (f"{_CC}/publicdomain/zero/",),
            ("Public Domain Dedication (CC0)", "CC0"),
        ),
        PhotoLicence(
            "pd", "Public Domain Mark", (f"{_CC}/publicdomain/mark/",), ("Public Domain Mark",)
        ),
        PhotoLicence(
            "us-gov", "United States Government Work", ("usa.gov/",),
            ("United States Government Work",),
        ),
        PhotoLicence("cc-by", "CC BY", (f"{_CC}/licenses/by/",), ("Attribution License",)),
        PhotoLicence(
            "cc-by-nc", "CC BY-NC", (f"{_CC}/licenses/by-nc/",),
            ("Attribution-NonCommercial License",), commercial=False,
        ),
        PhotoLicence(
            "cc-by-sa", "CC BY-SA", (f"{_CC}/licenses/by-sa/",), ("Attribution-ShareAlike License",)
        ),
        PhotoLicence(
            "cc-by-nc-sa", "CC BY-NC-SA", (f"{_CC}/licenses/by-nc-sa/",),
            ("Attribution-NonCommercial-ShareAlike License",), commercial=False,
        ),
        PhotoLicence(
            "cc-by-nd", "CC BY-ND", (f"{_CC}/licenses/by-nd/",),
            ("Attribution-NoDerivs License",), adaptable=False,
        ),
        PhotoLicence(
            "cc-by-nc-nd", "CC BY-NC-ND", (f"{_CC}/licenses/by-nc-nd/",),
            ("Attribution-NonCommercial-NoDerivs License",), commercial=False, adaptable=False,
        ),
    )
}  # fmt: skip


class Attribution(NamedTuple):
    """The row of one photograph; the fields are `ATTRIBUTION_COLUMNS`."""

    image_id: str
    author: str
    license: str
    license_url: str
    photo_url: str
    photo_title: str

    @property
    def licence(self) -> PhotoLicence | None:
        """The photograph's licence; None if it is none of `LICENCES`."""
        return licence_of(self.license, self.license_url)


def licence_of(name: str, address: str) -> PhotoLicence | None:
    """Return the licence that has an address or, without an address, a name.

    >>> licence_of("", "https://creativecommons.org/licenses/by-nc/2.0/").name
    'cc-by-nc'
    >>> licence_of("All Rights Reserved", "") is None
    True
    """
    for licence in LICENCES.values():
        if any(part in address for part in licence.addresses):
            return licence
    if address.strip():
        return None
    names = (licence for licence in LICENCES.values() if name.strip() in licence.names)
    return next(names, None)


def parse_licences(text: str) -> frozenset[str]:
    """Parse names of licences, such as ``cc0,pd,us-gov,cc-by``.

    Raises
    ------
    ArgumentError
        A name is not one of `LICENCES`.
    """
    names = [name.strip().lower() for name in text.split(",")]
    for name in names:
        if name not in LICENCES:
            raise ArgumentError(f"licence {name!r} is not one of {', '.join(LICENCES)}")
    return frozenset(names)


def read_attribution(data: Place) -> dict[str, Attribution]:
    """Read the attribution of each photograph of a data set, by id; empty without the table.

    Raises
    ------
    ArgumentError
        The table cannot be read.
    """
    path = data / ATTRIBUTION
    try:
        table = csv.DictReader(StringIO(text_of(get(path)), newline=""), strict=True)
        missing = [name for name in ATTRIBUTION_COLUMNS if name not in (table.fieldnames or [])]
        if missing:
            raise ArgumentError(f"{path}:1: there is no column {missing[0]}")
        rows = (tuple(row[name] or "" for name in ATTRIBUTION_COLUMNS) for row in table)
        return {row[0]: Attribution(*row) for row in rows}
    except FileNotFoundError:
        return {}
    except ArgumentError:
        raise
    except (OSError, ValueError, csv.Error) as error:
        raise ArgumentError(f"{path} cannot be read: {error}") from error


def attribution_csv(rows: Sequence[Attribution]) -> bytes:
    """Return attributions as the table that `read_attribution` reads."""
    return csv_bytes(ATTRIBUTION_COLUMNS, rows)


def ids_under(data: Place, licences: Collection[str]) -> frozenset[str]:
    """Return the ids of photographs that are under one of some licences.

    Parameters
    ----------
    data : Place
        The data set.
    licences : collection of str
        Names of `LICENCES`.

    Raises
    ------
    ArgumentError
        The data set has no attributions, or none of its photographs is under such a licence.
    """
    attribution = read_attribution(data)
    if not attribution:
        raise ArgumentError(
            f"{data} has no {ATTRIBUTION}, which says the licence of each photograph; "
            "`ffhq-wrinkle download metadata` writes it"
        )
    ids = frozenset(
        image_id
        for image_id, row in attribution.items()
        if row.licence and row.licence.name in licences
    )
    if not ids:
        raise ArgumentError(
            f"none of the photographs in {data / ATTRIBUTION} is under {' or '.join(licences)}"
        )
    return ids

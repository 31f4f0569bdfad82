"""Wrinkle table: `wrinkles.csv`, how much of each face and of its regions is wrinkle."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from ...faces.regions import REGIONS
from ...images.sizes import resized_nearest
from ...storage.writing import csv_bytes

TABLE = "wrinkles.csv"


class WrinkleRow(NamedTuple):
    """Numbers of pixels of one face.

    Attributes
    ----------
    wrinkle_px : int
        Wrinkle pixels in the whole image.
    face_px : int
        Pixels of the face mask.
    face_wrinkle_px : int
        Wrinkle pixels inside the face mask.
    faces : int
        Number of faces that were found in the photograph; 1 without alignment.
    regions : tuple of pairs
        For each of `regions.REGIONS`, the number of its pixels and of its wrinkle pixels. Empty if
        the regions are not known.
    """

    wrinkle_px: int
    face_px: int
    face_wrinkle_px: int
    faces: int
    regions: tuple[tuple[int, int], ...] = ()

    def __str__(self) -> str:
        """Return the numbers as one line, which `parse` reads."""
        return " ".join(map(str, (*self[:4], *(count for pair in self.regions for count in pair))))

    @classmethod
    def parse(cls, text: str | None) -> "WrinkleRow | None":
        """Return the row that a line contains, or None if it is not a row."""
        try:
            numbers = [int(part) for part in (text or "").split()]
        except ValueError:
            return None
        if len(numbers) not in (4, 4 + 2 * len(REGIONS)):
            return None
        wrinkle_px, face_px, face_wrinkle_px, faces, *counts = numbers
        pairs = tuple(zip(counts[::2], counts[1::2], strict=True))
        return cls(wrinkle_px, face_px, face_wrinkle_px, faces, pairs)


def wrinkle_row(
    wrinkles: np.ndarray, face: np.ndarray, regions: np.ndarray | None, faces: int = 1
) -> WrinkleRow:
    """Count the pixels of a face and of its wrinkles.

    Parameters
    ----------
    wrinkles, face : np.ndarray
        Predicted wrinkles and face mask, bool (H, W).
    regions : np.ndarray or None
        uint8 (512, 512), as `regions.region_map`; None if not known.
    faces : int
        Number of faces in the photograph.
    """
    pairs: tuple[tuple[int, int], ...] = ()
    if regions is not None:
        full = resized_nearest(regions, face.shape) * face
        of_all = np.bincount(full.ravel(), minlength=len(REGIONS) + 1)
        of_wrinkles = np.bincount(full[wrinkles], minlength=len(REGIONS) + 1)
        pairs = tuple(
            (int(all_px), int(wrinkle_px))
            for all_px, wrinkle_px in zip(of_all[1:], of_wrinkles[1:], strict=True)
        )
    return WrinkleRow(
        int(np.count_nonzero(wrinkles)),
        int(np.count_nonzero(face)),
        int(np.count_nonzero(wrinkles & face)),
        faces,
        pairs,
    )


def wrinkle_table(rows: Iterable[tuple[str, WrinkleRow]]) -> bytes:
    """Return the rows as CSV: pixel counts, and shares, blank where a part has no pixels."""
    header = ["name", "faces_in_photo", "wrinkle_px", "face_px", "face_wrinkle_px", "face_share"]
    header += [f"{region}_{part}" for region in REGIONS for part in ("px", "wrinkle_px", "share")]
    table = []
    for name, row in rows:
        cells: list[object] = [name, row.faces, row.wrinkle_px, row.face_px, row.face_wrinkle_px]
        cells.append(_share(row.face_wrinkle_px, row.face_px))
        for pixels, wrinkle_px in row.regions:
            cells += [pixels, wrinkle_px, _share(wrinkle_px, pixels)]
        table.append(cells + [""] * (len(header) - len(cells)))
    return csv_bytes(header, table)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.6f}" if whole else ""

"""Aligned faces: the faces of a folder of photos, cut out as in FFHQ, for annotators.

`align_folder` writes each face as PNG, a table with which to go back to the photos, a list of
doubtful faces and a contact sheet. The faces are found by `views.AlignedFaces`, as in `predict`.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple

from ... import __version__
from ...dataset.ids import Ids, id_of_path
from ...dataset.layout import (
    CONTACT_SHEET,
    ImageFile,
    find_images,
    image_folder,
    released_path,
    warn_of_unread_subfolders,
)
from ...faces.face_table import TABLE, face_comment, face_rows, face_table, faces_in_photo
from ...faces.views import AlignedFaces, View
from ...images.jpeg import encode_jpeg
from ...images.named import read_named
from ...images.photographs import read_image
from ...reports.contact_sheets import contact_sheet
from ...results.inputs import Candidates, InputRow, Reading
from ...results.outputs import OutputFolder, require_separate
from ...results.result_files import State
from ...runs.folder_run import RunReport, choose_among, run_folder
from ...runs.shards import Work
from ...storage.places import Place
from ...storage.writing import csv_bytes, write_bytes

log = logging.getLogger(__name__)

ALIGNMENT_RECORD = "align.json"
DOUBTFUL = "doubtful.csv"
_READ_AT_ONCE = 16
_ON_SHEET, _SHEET_COLUMNS, _SHEET_HEIGHT = 96, 8, 160


@dataclass(frozen=True, kw_only=True)
class Doubts:
    """Limits beyond which a face is doubtful; the face is written all the same.

    Attributes
    ----------
    side_px : float
        Least side of the square, in pixels of the photo.
    sharpness : float
        Least sharpness, as `sharpness` measures it.
    eyes_to_mouth : tuple of float
        Least and largest distance of the eyes, relative to that from the eyes to the mouth. It is
        small in faces turned to a side, and large in faces that look up or down.
    outside : float
        Largest share of the square that is outside the photo.
    score : float
        Least confidence of the detector, where it is known.
    """

    side_px: float = 512
    sharpness: float = 0.05
    eyes_to_mouth: tuple[float, float] = (0.7, 1.5)
    outside: float = 0.1
    score: float = 0.8

    def about(self, row: dict[str, Any]) -> list[str]:
        """Return the reasons why a face is doubtful, from its row of the table."""
        reasons = []
        if row["side_px"] < self.side_px:
            reasons.append(f"too small: {row['side_px']:.0f} pixels a side in the photo")
        if row["sharpness"] < self.sharpness:
            reasons.append(f"blurred: sharpness {row['sharpness']:.3f}")
        least, largest = self.eyes_to_mouth
        if not least <= row["eyes_to_mouth"] <= largest:
            way = "to a side" if row["eyes_to_mouth"] < least else "up or down"
            reasons.append(f"turned {way}: eyes to mouth {row['eyes_to_mouth']:.2f}")
        if row["outside"] > self.outside:
            reasons.append(f"cut off: {100 * row['outside']:.0f} % is outside the photo")
        if row["score"] != "" and row["score"] < self.score:
            reasons.append(f"uncertain: score {row['score']:.2f} of the detector")
        return reasons


def align_folder(
    images: Place,
    out: Place,
    faces: AlignedFaces,
    *,
    doubts: Doubts | None = None,
    ids: Ids | None = None,
    limit: int | None = None,
    jobs: int = 1,
    overwrite: bool = False,
) -> RunReport:
    """Cut out the faces of the photos in a folder, as FFHQ's.

    Parameters
    ----------
    images : Place
        Photographs, as `layout.find_images` takes them, or a data set in the released layout.
    out : Place
        Receives a PNG of each face, `faces.csv`, `doubtful.csv`, `contact_sheet.jpeg`,
        `align.json`, and `failures.csv` if photos failed.
    faces : AlignedFaces
        Finds the faces.
    doubts : Doubts, optional
        Limits beyond which a face is listed as doubtful.
    ids, limit, jobs, overwrite
        As `prediction.predict_folder`.

    Returns
    -------
    RunReport

    Raises
    ------
    ArgumentError
        There are no such images, names would mean two things, or folders overlap.
    OutputError
        Results cannot be written, or would mix with results of different settings.
    RunInterrupted
        Ctrl-C was pressed. Finished results are kept, and the same call resumes the run.
    """
    folder = image_folder(images)
    photos = find_images(folder)
    warn_of_unread_subfolders(folder)
    faces.require_distinct(photos, where=folder)
    selection = choose_among(photos, ids, limit)
    require_separate([folder], [out], id_folders=selection.id_folders)
    settings = faces.settings()
    output = OutputFolder(
        out,
        settings,
        note=f"face aligned as in FFHQ by {settings['align']}; ffhq-wrinkle align",
        record=ALIGNMENT_RECORD,
        id_folders=selection.id_folders,
        overwrite=overwrite,
    )
    with output:
        results = _AlignedFolder(output, faces, doubts or Doubts())
        return run_folder(
            selection,
            out,
            title="align",
            noun="photos",
            work=_AlignmentWork(folder, faces, results),
            jobs=jobs,
        )


class _LookedAt(NamedTuple):
    """A photo's file and shape, its faces, and the row of its input file."""

    file: ImageFile
    shape: tuple[int, ...]
    views: list[View]
    inputs: InputRow | None


class _AlignmentWork(Work[_LookedAt, None]):
    """Alignment of each photo in a folder."""

    def __init__(self, folder: Place, faces: AlignedFaces, results: "_AlignedFolder") -> None:
        super().__init__([folder], results)
        self.folder = folder
        self.faces = faces
        self.aligned = results

    def inputs(self, file: ImageFile) -> Sequence[Candidates]:
        """Return the photo."""
        return [(f"{self.folder}/{file.path}",)]

    @property
    def batch_size(self) -> int:
        """One, since a detector sees one photo at a time."""
        return 1

    def load(self, file: ImageFile) -> _LookedAt:
        """Read a photo and cut out its faces."""
        reading = Reading(self.inputs(file))
        photo = read_image(self.folder / file.path)
        views = self.faces.of(photo, file.image_id)
        return _LookedAt(file, photo.shape, views, reading.row())

    def infer(self, batch: list[_LookedAt]) -> list[None]:
        """Do nothing: the faces are cut out already."""
        return [None] * len(batch)

    def write(self, loaded: _LookedAt, result: None) -> None:
        """Write the faces of a photo."""
        self.aligned.write(loaded)


class _AlignedFolder:
    """The folder of aligned faces; the comment of each PNG is its row of the table."""

    def __init__(self, output: OutputFolder, faces: AlignedFaces, doubts: Doubts) -> None:
        self.output = output
        self.faces = faces
        self.doubts = doubts
        self.overwrite = output.overwrite
        self.input_tables = [output.inputs]

    def complete(self, file: ImageFile) -> bool:
        """Return whether all faces of a photo exist."""
        first = _path(self.faces.names(file.image_id, 1)[0])
        if not self._is_ours(first):
            return False
        number = faces_in_photo(self.output.comment(first))
        return all(self._is_ours(_path(name)) for name in self.faces.names(file.image_id, number))

    def _is_ours(self, path: str) -> bool:
        return self.output.state(path) is State.OURS

    def write(self, loaded: _LookedAt) -> None:
        """Write the faces of a photo, that by which it counts as done last."""
        if self.overwrite:
            self._remove_later(loaded.file.image_id, len(loaded.views))
        if loaded.inputs:
            self.output.inputs.note(loaded.file.image_id, loaded.inputs)
        for view in (*loaded.views[1:], loaded.views[0]):
            if not self._is_ours(_path(view.name)):
                comment = face_comment(view, loaded.file, loaded.shape, len(loaded.views))
                self.output.write(_path(view.name), view.image, comment=comment)

    def remove(self, files: Sequence[ImageFile]) -> None:
        """Remove the faces of photos that were replaced."""
        for file in files:
            self._remove_later(file.image_id, 0)
            self.output.inputs.discard(file.image_id)

    def _remove_later(self, image_id: str, kept: int) -> None:
        """Remove the faces of a photo after the first ones."""
        removed: list[str] = []
        for number in count(kept + 1):
            names = self.faces.names(image_id, number)
            if len(names) < number:
                break
            removed.append(_path(names[-1]))
            # The first face is written last, and may be missing where later ones are not.
            if number > 1 and self.output.look(removed[-1]) is State.ABSENT:
                break
        # If removing them is interrupted, the next run removes the others.
        for path in reversed(removed):
            self.output.remove(path)

    def begin(self, todo: Sequence[ImageFile]) -> None:
        """Record that work is under way."""
        self.output.begin(makes=bool(todo))

    def require_shared(self) -> None:
        """Refuse a folder that is not that of the run, when called in a worker."""
        self.output.require_shared()

    def remove_partials(self) -> None:
        """Remove partial files."""
        self.output.remove_partials()

    def finish(self, made: int) -> None:
        """Write the tables and the contact sheet of all faces, then the record."""
        out = self.output.path
        paths = sorted(self.output.current_results(), key=id_of_path)
        with ThreadPoolExecutor(_READ_AT_ONCE) as pool:
            rows = face_rows(pool.map(self.output.comment, paths))
        write_bytes(out / TABLE, face_table(rows))
        doubtful = [(row["name"], "; ".join(self.doubts.about(row))) for row in rows]
        listed = [(name, reasons) for name, reasons in doubtful if reasons]
        write_bytes(out / DOUBTFUL, csv_bytes(("name", "reasons"), listed))
        if listed:
            log.info(
                "%d of %d faces are doubtful, such as %s (%s); see %s",
                *(len(listed), len(rows), *listed[0], out / DOUBTFUL),
            )
        if paths:
            shown = paths[:: max(1, -(-len(paths) // _ON_SHEET))]
            pictures = [
                (id_of_path(path), read_named(out / path, read_image, name=path)) for path in shown
            ]
            sheet = contact_sheet(pictures, columns=_SHEET_COLUMNS, height=_SHEET_HEIGHT)
            write_bytes(out / CONTACT_SHEET, encode_jpeg(sheet, self.output.note))
        about = {"command": "align", "version": __version__, "doubtful": len(listed)}
        self.output.finish(about, made=made > 0)


def _path(name: str) -> str:
    return released_path(name, ".png")

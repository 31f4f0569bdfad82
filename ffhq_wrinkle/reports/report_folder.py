"""Report folder: a folder that holds one report and nothing else, pictures included.

An earlier report in it is replaced. The record is written last, so a folder with a record holds a
complete report.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..dataset.layout import find_images, image_folder
from ..errors import OutputError
from ..results.outputs import require_separate
from ..storage.locks import another_writes, lock_of
from ..storage.places import Place, delete, entries, exists
from ..storage.writing import PARTIAL_PREFIX, output_error, write_bytes
from .figures import FORMS

if TYPE_CHECKING:
    from upath import UPath

_LONG_NAME = 200  # bytes; most file systems allow 255
_PICTURE = re.compile(r"\d\d_.*\.png")


class ReportFolder:
    """A folder for a report.

    Parameters
    ----------
    path : Place
        The folder, which need not exist, and may hold an earlier report but nothing else.
    files : iterable of str
        Names of the report's files.
    record : str
        Name of the file that is written last.
    pictures : str, optional
        Name of the folder of pictures in it, if the report has one.
    figures : iterable of str
        Names of figures without their suffix. A report has them in some of `figures.FORMS`; those
        of an earlier report in other forms are removed.
    beside : iterable of str
        Names of files that may be in the folder too, and that `write` leaves alone.
    """

    def __init__(
        self,
        path: Place,
        files: Iterable[str],
        *,
        record: str,
        pictures: str | None = None,
        figures: Iterable[str] = (),
        beside: Iterable[str] = (),
    ) -> None:
        self.path = path
        self._pictures = pictures
        self.record = record
        self._lock = f".{record}.lock"
        forms = {f"{name}.{form}" for name in figures for form in FORMS}
        self._own = {*files, *forms, record}
        self._known = {*self._own, *beside, self._lock}

    def picture_name(self, rank: int, image_id: str) -> str:
        """Return the path of a picture of an image, relative to the folder."""
        if self._pictures is None:
            raise ValueError("a report without a folder of pictures has no picture")
        name = image_id.replace("/", "_")  # the rank keeps names distinct
        short = name if len(os.fsencode(name)) < _LONG_NAME else name[:50]
        return f"{self._pictures}/{rank:02d}_{short}.png"

    def require(
        self,
        read: Sequence[Place | None] = (),
        *,
        photos: Place | None = None,
        overwrite: bool = True,
    ) -> None:
        """Check that `write` can write here.

        Parameters
        ----------
        read : sequence of Place
            Folders that are read, which must be other folders.
        photos : Place, optional
            Folder of photographs, which must not be empty.
        overwrite : bool
            Whether an earlier report may be replaced.

        Raises
        ------
        ArgumentError
            The folder is one of those that are read, or there are no photographs.
        OutputError
            The folder holds other files or, without `overwrite`, a report; or it cannot be listed
            or written.
        """
        out = self.path
        stranger: Place | None
        require_separate([*read, photos], [out])
        if photos:
            find_images(image_folder(photos))
        if isinstance(out, Path):
            existing = next(path for path in (out, *out.absolute().parents) if path.exists())
            if not existing.is_dir() or not os.access(existing, os.W_OK):
                raise OutputError(f"{out} cannot be written: {existing} is not a writable folder")
            stranger = next(self._strangers(out), None) if existing is out else None
        else:
            stranger = next(self._stored_strangers(out), None)
        if stranger:
            raise OutputError(f"{out} holds other files, such as {stranger}; choose another folder")
        if not overwrite and exists(out / self.record):
            raise OutputError(
                f"{out} holds a report already; choose another folder, or --overwrite"
            )

    def _strangers(self, out: Path) -> Iterator[Path]:
        """Yield what is in the folder but not part of a report."""
        pictures = out / self._pictures if self._pictures else None
        for path in out.iterdir():
            ours = path.name in self._known or path.name.startswith(PARTIAL_PREFIX)
            if path != pictures and not (ours and path.is_file()):
                yield path
        if pictures is None:
            return
        if pictures.is_symlink() or (pictures.exists() and not pictures.is_dir()):
            yield pictures
        elif pictures.is_dir():
            for path in pictures.iterdir():
                drawn = _PICTURE.fullmatch(path.name) is not None
                if not ((drawn or path.name.startswith(PARTIAL_PREFIX)) and path.is_file()):
                    yield path

    def _stored_strangers(self, out: "UPath") -> Iterator[Place]:
        """Do the same as `_strangers`, for a folder in an object store."""
        try:
            for entry in entries(out):
                if entry.is_folder and entry.name == self._pictures:
                    for inner in entries(out / entry.name):
                        if inner.is_folder or not _PICTURE.fullmatch(inner.name):
                            yield out / entry.name / inner.name
                elif entry.is_folder or entry.name not in self._known:
                    yield out / entry.name
        except OSError as error:
            raise output_error(out, error) from error

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write a report, in place of an earlier one.

        Parameters
        ----------
        files : mapping of str to bytes
            Contents by path in the folder, written in this order.

        Raises
        ------
        OutputError
            A file cannot be written, or another run is writing there.
        """
        out = self.path
        try:
            with lock_of(out, self._lock, busy=another_writes(out)):
                delete(out / self.record)
                for name in (*sorted(self._own), *self._leftovers(out)):
                    if name not in files:
                        delete(out / name)
                for name, content in files.items():
                    write_bytes(out / name, content)
        except OSError as error:
            raise OutputError(f"{error.filename or out}: {error.strerror or error}") from error

    def _leftovers(self, out: Place) -> list[str]:
        """List pictures of an earlier report and half-written files; make the pictures' folder."""
        pictures = self._pictures
        if not isinstance(out, Path):
            listed = entries(out / pictures) if pictures else []
            return [f"{pictures}/{entry.name}" for entry in listed]
        left = [path.name for path in out.glob(f"{PARTIAL_PREFIX}*")]
        if pictures:
            (out / pictures).mkdir(exist_ok=True)
            left += [f"{pictures}/{path.name}" for path in (out / pictures).iterdir()]
        return left

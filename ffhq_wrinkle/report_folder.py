"""Report folder: a folder that a report takes whole, with a folder of pictures in it.

Nothing else may lie there, an earlier report is replaced, and its record is written last: a folder
that has it is whole.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from .errors import OutputError
from .files import PARTIAL_PREFIX, write_bytes
from .folder_lock import FolderLock, another_writes
from .manifest import find_images, image_folder
from .outputs import require_separate

_LONG_NAME = 200  # bytes, of the 255 that most file systems allow
_PICTURE = re.compile(r"\d\d_.*\.png")


class ReportFolder:
    """A folder for a report.

    Parameters
    ----------
    path : Path
        The folder, which need not be there, and may hold an earlier report but nothing else.
    files : iterable of str
        Names of the files that a report has.
    record : str
        Name of the one that is written last.
    pictures : str, optional
        Name of the folder of pictures within; a report may have none.
    """

    def __init__(
        self, path: Path, files: Iterable[str], *, record: str, pictures: str | None = None
    ) -> None:
        self.path = path
        self.pictures = path / pictures if pictures else None
        self.record = record
        self._lock = f".{record}.lock"
        self._own = {*files, record, self._lock}

    def picture_name(self, rank: int, image_id: str) -> str:
        """Place of a picture of an image, relative to the folder."""
        if self.pictures is None:
            raise ValueError("a report without a folder of pictures has no picture")
        short = image_id if len(os.fsencode(image_id)) < _LONG_NAME else image_id[:50]
        return f"{self.pictures.name}/{rank:02d}_{short}.png"

    def require(self, read: Sequence[Path | None] = (), *, photos: Path | None = None) -> None:
        """Refuse what `write` could not work with.

        Parameters
        ----------
        read : sequence of Path
            Folders that are read, and may not be the same.
        photos : Path, optional
            Photographs, of which there must be some.

        Raises
        ------
        ArgumentError
            It is a folder that is read, or there are no photographs.
        OutputError
            There is something else in it, or it can not be listed.
        """
        out = self.path
        require_separate([*read, photos], [out])
        if photos:
            find_images(image_folder(photos))
        there = next(folder for folder in (out, *out.absolute().parents) if folder.exists())
        if not there.is_dir() or not os.access(there, os.W_OK):
            raise OutputError(f"{out} can not be written: {there} is no folder that may be written")
        stranger = next(self._strangers(), None) if there is out else None
        if stranger:
            raise OutputError(f"{out} holds other files, such as {stranger}; choose another folder")

    def _strangers(self) -> Iterator[Path]:
        """What is in the folder, and no part of a report."""
        for path in self.path.iterdir():
            ours = path.name in self._own or path.name.startswith(PARTIAL_PREFIX)
            if path != self.pictures and not (ours and path.is_file()):
                yield path
        if self.pictures is None:
            return
        if self.pictures.is_symlink() or (self.pictures.exists() and not self.pictures.is_dir()):
            yield self.pictures
        elif self.pictures.is_dir():
            for path in self.pictures.iterdir():
                drawn = _PICTURE.fullmatch(path.name) is not None
                if not ((drawn or path.name.startswith(PARTIAL_PREFIX)) and path.is_file()):
                    yield path

    def write(self, files: Mapping[str, bytes]) -> None:
        """Write files by their places in the folder, in order; those of an earlier report go.

        Raises
        ------
        OutputError
            A file can not be written, or another run is writing there.
        """
        out = self.path
        try:
            with FolderLock(out, self._lock, busy=another_writes(out)):
                pictures: list[Path] = []
                if self.pictures:
                    self.pictures.mkdir(exist_ok=True)
                    pictures = list(self.pictures.iterdir())
                (out / self.record).unlink(missing_ok=True)
                for path in (*out.glob(f"{PARTIAL_PREFIX}*"), *pictures):
                    if path.relative_to(out).as_posix() not in files:
                        path.unlink()
                for name, content in files.items():
                    write_bytes(out / name, content)
        except OSError as error:
            raise OutputError(f"{error.filename}: {error.strerror}") from error

"""Outputs: a folder that one command fills image by image, and in which a run can be resumed.

A record such as `build.json` contains the settings that the results were made with. It is written
last. Until then a hidden counterpart marks the folder as under way; if a run finds that, it checks
every result. A lock prevents two runs from writing to the same folder. `result_files` manages the
files, on this machine or in an object store.
"""

import io
import json
import logging
import platform
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..errors import ArgumentError, OutputError, counted
from ..images.jpeg import encode_jpeg
from ..images.png import (
    COMMENT,
    NOTE,
    add_notes,
    encode_png,
    is_whole_png,
    note_in,
    png_data_hash,
)
from ..storage.locks import another_writes, lock_of
from ..storage.places import Place
from .failures import read_failures
from .inputs import InputTable
from .records import (
    WEAK_RECORD,
    DamagedRecordError,
    differing_settings,
    parse_record,
    under_way_name,
    versions_of,
)
from .result_files import LocalFiles, ResultFiles, State
from .stored_files import StoredFiles

log = logging.getLogger(__name__)

_ID_FOLDERS = "image_folders"  # in records


class OutputFolder:
    """A folder of results made with one set of settings.

    Use it as a context manager. On entering, the folder is checked and locked, and the partial
    files of a killed run are removed. Then call `begin`, `write` each result, and `finish`. Copies
    in other processes, made by `pickle` after `begin`, can check and `write` results.

    The record says which versions of this package made the results. Until it is written, the mark
    of the run under way does.

    Parameters
    ----------
    path : Place
        The folder, created if missing.
    settings : mapping
        Everything that the results depend on, as values that JSON can represent.
    note : str
        One line stored in every PNG and JPEG: what the image is, and how it was made.
    record : str
        Name of the record.
    subfolders : sequence of str
        Names of subfolders that contain results, too.
    id_folders : collection of str
        Further such names, which are those of folders of images, as `dataset.ids.top_folders`
        returns them. The record lists them, so that later runs know those of other images.
    overwrite : bool
        Replace existing results, whatever their settings.

    Attributes
    ----------
    inputs : InputTable
        The files that the results were made from, by image id.

    Raises
    ------
    OutputError
        On entering: another run is writing to the folder, the folder cannot be written, or it
        contains results with different settings or of another origin and `overwrite` is not set.
    """

    def __init__(
        self,
        path: Place,
        settings: Mapping[str, Any],
        *,
        note: str,
        record: str = WEAK_RECORD,
        subfolders: Sequence[str] = (),
        id_folders: Collection[str] = (),
        overwrite: bool = False,
    ) -> None:
        self.path = path
        self.settings = dict(settings)
        self.note = note.encode("latin-1", "replace").decode("latin-1")  # as PNG requires
        self.overwrite = overwrite
        self._record = record
        self._under_way = under_way_name(record)
        lock = f".{record}.lock"
        self._lock = lock_of(path, lock, busy=another_writes(path))
        self._files: ResultFiles
        if isinstance(path, Path):
            self._files = LocalFiles(path, [*subfolders, *id_folders], lock=lock)
        else:
            marks = (lock, record, self._under_way)
            self._files = StoredFiles(path, [*subfolders, *id_folders], marks=marks)
        self._id_folders = frozenset(id_folders)
        self.inputs = InputTable(path, self._files, record)
        self._suspect = False  # whether the previous run did not finish
        self._previous: dict[str, Any] = {}  # the record of the previous run
        self._is_resumed = False
        self._mark: dict[str, Any] = {}  # the mark of this run
        self._is_written = False  # whether this process has written results
        self._earlier_versions: list[str] = []

    def __enter__(self) -> "OutputFolder":
        self._lock.acquire()
        try:
            self._files.take_stock()
            self._suspect = self._files.exists(self._under_way)
            self._previous = self._previous_record()
            self._is_resumed = bool(self._previous)
            self._add_id_folders(self._previous.get(_ID_FOLDERS))
            if not self.overwrite:
                self._require_same_origin()
            self.inputs.load(replace=self.overwrite)
            self.remove_partials()
        except BaseException:
            self._lock.release()
            raise
        return self

    def _add_id_folders(self, recorded: object) -> None:
        """Add the folders of images that the previous record lists."""
        names = {str(name) for name in recorded} if isinstance(recorded, list) else set()
        self._id_folders |= names
        if not names <= self._files.subfolders:
            self._files.subfolders |= names
            self._files.take_stock()

    @property
    def _id_folders_record(self) -> dict[str, list[str]]:
        return {_ID_FOLDERS: sorted(self._id_folders)} if self._id_folders else {}

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a copy in a worker, which checks results, since a worker may have been killed."""
        self.__dict__.update(state)
        self._suspect = True

    def require_shared(self) -> None:
        """Refuse a different folder of the same name, when called in a worker.

        Raises
        ------
        OutputError
            The folder lacks the mark of the run.
        """
        if not self._files.exists(self._under_way):
            raise OutputError(
                f"{self.path.absolute()} on {platform.node()} is not the folder of this run; "
                "all workers must see the images and results under the same paths"
            )

    def remove_partials(self) -> None:
        """Remove partial files, while no process is writing."""
        self._files.remove_partials()

    def begin(self, *, makes: bool = True) -> None:
        """Mark the folder as under way, so that a resumed run checks results until `finish`.

        Parameters
        ----------
        makes : bool
            Whether this run is going to write results.
        """
        previous = self._previous
        self._earlier_versions = versions_of(previous) if previous else []
        if self.overwrite:
            same = previous.get("settings") == self.settings and not self._replaces_others
            earlier = [*previous.get("earlier_versions", []), *self._earlier_versions]
            self._mark = {
                "settings": self.settings,
                "replacing": "same" if same else "other",
                "versions": [__version__],
                "earlier_versions": _distinct(earlier),
                **self._id_folders_record,
            }
            self._previous = self._mark
        else:
            versions = [*self._earlier_versions, *([__version__] if makes else [])]
            resumed = previous if self._suspect else {}
            self._mark = {
                **resumed,
                "settings": self.settings,
                "versions": _distinct(versions),
                **self._id_folders_record,
            }
        # The mark of an interrupted overwrite is not touched, since results older than it have yet
        # to be replaced.
        is_resumed_overwrite = not self.overwrite and "replacing" in self._mark
        is_marked = self._suspect and self._mark == previous
        if self.overwrite or not (is_resumed_overwrite or is_marked):
            self._write_json(self._under_way, self._mark)
        if self.overwrite:
            self._files.let_time_pass()
        self._files.remove(self._record)

    @property
    def is_resumed(self) -> bool:
        """Whether an earlier run, finished or not, wrote to this folder."""
        return self._is_resumed

    @property
    def _replaces_others(self) -> bool:
        """Whether an unfinished overwrite started on results with different settings."""
        return self._previous.get("replacing") == "other"

    def _previous_record(self) -> dict[str, Any]:
        """Return the mark or the record of the last run; empty if none can be read.

        Raises
        ------
        OutputError
            The record is not one of this command, and `overwrite` is not set.
        """
        for name in (self._under_way, self._record):
            if self._files.exists(name):
                try:
                    return parse_record(self._files.read(name))
                except (OSError, DamagedRecordError) as error:
                    if not self.overwrite:
                        raise OutputError(
                            f"{self.path / name} is not a record of this command; choose another "
                            "folder, or --overwrite"
                        ) from error
        return {}

    def _require_same_origin(self) -> None:
        """Refuse to add to results with different settings or of unknown origin."""
        if not self._previous:
            unknown = next(self._files.results(), None)
            if unknown:
                raise OutputError(
                    f"{self.path} holds files that this command did not make, such as "
                    f"{unknown}; choose another folder, or --overwrite"
                )
            return
        differing = differing_settings(self._previous["settings"], self.settings)
        if differing and next(self._files.results(), None) is None:
            self._previous, self._suspect = {}, False  # such as a run whose images all failed
        elif differing:
            raise OutputError(
                f"{self.path} was made with different settings: {', '.join(differing)}; choose "
                "another folder, or --overwrite"
            )

    def state(self, relative: str) -> State:
        """Return the state of a result as this run treats it.

        If the previous run finished, the name of a file is sufficient. Otherwise the file is
        checked. For a run that overwrites, every result is stale.
        """
        if not self._files.is_listed(relative):
            return State.ABSENT
        if self.overwrite:
            return State.STALE
        return self.look(relative) if self._suspect else State.OURS

    def look(self, relative: str) -> State:
        """Check the file of a result and return its state, whether or not this run overwrites."""
        if "replacing" not in self._previous:
            return self._files.look(relative, self.note)
        state = self._files.look(relative, self.note, replaced_before=self._under_way)
        return State.STALE if state is State.FOREIGN else state  # an overwrite replaces these too

    def write(self, relative: str, array: np.ndarray, *, comment: str = "") -> None:
        """Write an array as ``.npy``, or an image as ``.png`` or, RGB uint8, as ``.jpg``.

        A PNG can contain a comment, Latin-1 text of at most 15,000 characters; see `comment`.
        """
        if relative.endswith(".npy"):
            content = io.BytesIO()
            np.save(content, array, allow_pickle=False)
            encoded = content.getvalue()
        elif relative.endswith(".jpg"):
            encoded = encode_jpeg(array, self.note)
        else:
            encoded = encode_png(array)
            notes = {NOTE: self.note}
            if comment:
                notes[COMMENT] = f"{png_data_hash(encoded)} {comment}"
            encoded = add_notes(encoded, notes)
        self._files.write(relative, encoded)
        self._is_written = True

    def comment(self, relative: str) -> str | None:
        """Return the comment that `write` put into a PNG; None if the pixels have changed since."""
        content = self._files.read(relative) if self._files.exists(relative) else b""
        if not is_whole_png(content):
            return None
        of_pixels, _, comment = (note_in(content, COMMENT) or "").partition(" ")
        unchanged = of_pixels and of_pixels == png_data_hash(content)
        return comment if unchanged else None

    def remove(self, relative: str) -> None:
        """Remove a result if it exists.

        Raises
        ------
        OutputError
            The result cannot be removed.
        """
        self._files.remove(relative)

    def results(self) -> list[str]:
        """Return the names of all results in the folder."""
        return list(self._files.results())

    def current_results(self) -> list[str]:
        """Return the names of all results except those that an overwrite has yet to replace."""
        if not self._replaces_others:
            return self.results()
        return [name for name in self._files.results() if self.look(name) is State.OURS]

    def finish(
        self,
        record: Mapping[str, Any],
        *,
        made: bool = True,
        images: int | None = None,
        rows: Iterable[str] = (),
    ) -> None:
        """Write the record, with the numbers of results and failures, to mark the work as done.

        An overwrite of some of the images may leave results with different settings. The folder
        then stays under way, and the next run checks each result.

        Parameters
        ----------
        record : mapping
            Further content of the record.
        made : bool
            Whether this run has made results, in this folder or in another one that it fills.
        images : int, optional
            Number of images that have results, if an image has several files.
        rows : iterable of str
            A JSON object for each image, on a line each, since there may be many.
        """
        results = sum(1 for _ in self._files.results())
        counts = {"results": results, "failed": len(read_failures(self.path))}
        if images is not None:
            counts = {"images": images, **counts}
        self.inputs.save()
        self._files.settle()
        about = {**record, **self._versions(made), **self._id_folders_record}
        content = {**about, "counts": counts, "settings": self.settings}
        self._write_json(self._record, content, list(rows))
        not_replaced = results - len(self.current_results()) if self._replaces_others else 0
        if not_replaced:
            log.warning(
                "%s still holds %s with different settings; run again for all images",
                self.path,
                counted(not_replaced, "result"),
            )
        else:
            self._files.remove(self._under_way)

    def _versions(self, made: bool) -> dict[str, Any]:
        """Return what the record says of versions, where they are not only the present one."""
        versions: list[str] = self._mark["versions"]
        # Workers write to a folder too, and then leave journals, but not in an object store.
        is_filled = self._is_written or self.inputs.has_merged or self.inputs.is_stored
        if not (made and is_filled) and __version__ not in self._earlier_versions:
            versions = [version for version in versions if version != __version__]
        if self._mark.get("earlier_versions") and self._files.has_older(self._under_way):
            versions = _distinct([*self._mark["earlier_versions"], *versions])
        if len(versions) > 1:
            log.info("%s holds results by versions %s", self.path, ", ".join(versions))
            return {"version": __version__, "versions": versions}
        return {} if versions in ([], [__version__]) else {"version": versions[0]}

    def _write_json(self, name: str, content: Mapping[str, Any], rows: Sequence[str] = ()) -> None:
        text = json.dumps(content, indent=2)
        if rows:
            listed = ",\n    ".join(rows)
            head = text.removesuffix("\n}")
            text = f'{head},\n  "images": [\n    {listed}\n  ]\n}}'
        self._files.write(name, f"{text}\n".encode())


def _distinct(versions: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(versions))


def require_separate(
    read: Sequence[Place | None], written: Sequence[Place], *, id_folders: Collection[str] = ()
) -> None:
    """Refuse folders in which a result could overwrite an input or another result.

    Results and inputs are in a folder, in its shards, or in the folders of images.

    Parameters
    ----------
    read, written : sequence of Place
        The folders.
    id_folders : collection of str
        Names of folders of images, as `dataset.ids.top_folders` returns them.

    Raises
    ------
    ArgumentError
        Two of the folders are the same, or one is in a shard or a folder of images of the other.
    """
    folders = [path.resolve() for path in (*written, *read) if path]
    for first in range(len(written)):
        for other in folders[first + 1 :]:
            for outer, inner in ((folders[first], other), (other, folders[first])):
                name = _name_inside(outer, inner)
                in_shard = outer == inner.parent and inner.name.isdigit()
                if outer == inner or in_shard or name in id_folders:
                    raise ArgumentError(
                        f"{folders[first]} and {other} overlap; results need a folder of their own"
                    )


def _name_inside(outer: Place, inner: Place) -> str | None:
    """Return the name below `outer` through which `inner` is reached; None if it is elsewhere."""
    below = (inner, *inner.parents)
    return next((path.name for path in below if path != outer and path.parent == outer), None)

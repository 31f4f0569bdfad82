"""Outputs: a folder that one command fills, image by image, and can resume.

A record such as `build.json` says which settings the results were made with. It is written last;
until then a hidden twin of it says that work is under way, and the next run looks at every result
again. A lock keeps two runs out of each other's way. `result_files` keeps the files, here or in an
object store.
"""

import io
import json
import logging
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import ArgumentError, OutputError
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
from .records import (
    WEAK_RECORD,
    DamagedRecordError,
    differing_settings,
    parse_record,
    under_way_name,
)
from .result_files import LocalFiles, ResultFiles, State
from .stored_files import StoredFiles

log = logging.getLogger(__name__)


class OutputFolder:
    """A folder of results made with one set of settings.

    Use as a context manager: the folder is checked and locked on the way in, and whatever a killed
    run left half written is removed. Then call `begin`, `write` each result, and `finish`. Copies
    in other processes, made by `pickle` after `begin`, can tell and `write` results.

    Parameters
    ----------
    path : Place
        The folder; made if it is not there.
    settings : mapping
        What the results depend on, as JSON can hold it.
    note : str
        One line kept in every PNG: what it is, and what it was made with.
    record : str
        Name of the record.
    subfolders : sequence of str
        Names of folders in it that hold results too.
    overwrite : bool
        Whether results that are there, of whatever settings, are to be replaced.

    Raises
    ------
    OutputError
        On entering: another run is writing here, the folder can not be written, or it holds
        results of other settings or of another origin and `overwrite` is not set.
    """

    def __init__(
        self,
        path: Place,
        settings: Mapping[str, Any],
        *,
        note: str,
        record: str = WEAK_RECORD,
        subfolders: Sequence[str] = (),
        overwrite: bool = False,
    ) -> None:
        self.path = path
        self.settings = dict(settings)
        self.note = note.encode("latin-1", "replace").decode("latin-1")  # as a PNG can keep it
        self.overwrite = overwrite
        self._record = record
        self._under_way = under_way_name(record)
        lock = f".{record}.lock"
        self._lock = lock_of(path, lock, busy=another_writes(path))
        self._files: ResultFiles
        if isinstance(path, Path):
            self._files = LocalFiles(path, subfolders, lock=lock)
        else:
            self._files = StoredFiles(path, subfolders, marks=(lock, record, self._under_way))
        self._suspect = False  # the last run did not finish
        self._before: dict[str, Any] = {}  # what it noted

    def __enter__(self) -> "OutputFolder":
        self._lock.acquire()
        try:
            self._files.take_stock()
            self._suspect = self._files.exists(self._under_way)
            self._before = self._record_before()
            if not self.overwrite:
                self._require_same_origin()
            self.remove_partials()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Be a worker's copy: it looks at results, since who made them may have been killed."""
        self.__dict__.update(state)
        self._suspect = True

    def require_shared(self) -> None:
        """Refuse, in a worker's copy, another machine's folder of the same name.

        Raises
        ------
        OutputError
            The run's mark is not in it.
        """
        if not self._files.exists(self._under_way):
            raise OutputError(
                f"{self.path.absolute()} on {platform.node()} is not the folder of this run; "
                "images and results have to lie where all workers see them under the same names"
            )

    def remove_partials(self) -> None:
        """Remove what was left half written; nobody may be writing."""
        self._files.remove_partials()

    def begin(self) -> None:
        """Note that work is under way; until `finish`, results count only if they look right."""
        if self.overwrite:
            same = self._before.get("settings") == self.settings and not self._replaces_others
            note = {"settings": self.settings, "replacing": "same" if same else "other"}
            self._write_json(self._under_way, note)
            self._files.let_time_pass()
            self._before = note
        elif not self._suspect:
            self._write_json(self._under_way, {"settings": self.settings})
        # Else it stays as it is, for its age tells what was replaced before the interruption.
        self._files.remove(self._record)

    @property
    def is_resumed(self) -> bool:
        """Whether there was a run here before this one, finished or not."""
        return bool(self._before)

    @property
    def _replaces_others(self) -> bool:
        """Whether an overwrite that is not through yet found results of other settings."""
        return self._before.get("replacing") == "other"

    def _record_before(self) -> dict[str, Any]:
        """What the last run left of itself: empty if there was none, and if it is replaced anyway.

        Raises
        ------
        OutputError
            There is a record, but not one of this command.
        """
        for name in (self._under_way, self._record):
            if self._files.exists(name):
                try:
                    return parse_record(self._files.read(name))
                except (OSError, DamagedRecordError) as error:
                    if not self.overwrite:
                        raise OutputError(
                            f"{self.path / name} is no record of this command; choose another "
                            "folder, or --overwrite"
                        ) from error
        return {}

    def _require_same_origin(self) -> None:
        """Refuse to add to results of other settings, or of which nothing is known."""
        if not self._before:
            stranger = next(self._files.results(), None)
            if stranger:
                raise OutputError(
                    f"{self.path} holds files that this command did not make, such as "
                    f"{stranger}; choose another folder, or --overwrite"
                )
            return
        differing = differing_settings(self._before["settings"], self.settings)
        if differing:
            raise OutputError(
                f"{self.path} was made with other settings: {', '.join(differing)}; choose "
                "another folder, or --overwrite"
            )

    def state(self, relative: str) -> State:
        """Return the state of a result as this run treats it.

        After a run that finished, the name of a file is proof enough; after one that did not, the
        file is looked at. To a run that overwrites, every result is stale.
        """
        if not self._files.is_listed(relative):
            return State.ABSENT
        if self.overwrite:
            return State.STALE
        return self.look(relative) if self._suspect else State.OURS

    def look(self, relative: str) -> State:
        """Return the state of a result by the file itself, whether or not this run overwrites."""
        if "replacing" not in self._before:
            return self._files.look(relative, self.note)
        state = self._files.look(relative, self.note, replaced_before=self._under_way)
        return State.STALE if state is State.FOREIGN else state  # an overwrite replaces these too

    def write(self, relative: str, array: np.ndarray, *, comment: str = "") -> None:
        """Write an array under a name of ``.npy``, or an image as PNG or, RGB uint8, as ``.jpg``.

        A PNG can keep a comment, Latin-1 text of at most 15,000 characters; see `comment`.
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

    def comment(self, relative: str) -> str | None:
        """The comment that `write` put into a PNG; None if its pixels are not the same any more."""
        content = self._files.read(relative) if self._files.exists(relative) else b""
        if not is_whole_png(content):
            return None
        of_pixels, _, comment = (note_in(content, COMMENT) or "").partition(" ")
        unchanged = of_pixels and of_pixels == png_data_hash(content)
        return comment if unchanged else None

    def remove(self, relative: str) -> None:
        """Remove a result, if it is there.

        Raises
        ------
        OutputError
            It can not be removed.
        """
        self._files.remove(relative)

    def results(self) -> list[str]:
        """Return the names of all results that are here."""
        return list(self._files.results())

    def current_results(self) -> list[str]:
        """Return the names of all results but those that an overwrite has yet to replace."""
        if not self._replaces_others:
            return self.results()
        return [name for name in self._files.results() if self.look(name) is State.OURS]

    def finish(self, record: Mapping[str, Any]) -> None:
        """Write the record, with the counts of results and failures here: the work is done.

        If results of other settings are still there, which `overwrite` let in and this run was
        not about, the folder goes on being under way, and the next run looks at each of them.
        """
        results = sum(1 for _ in self._files.results())
        counts = {"results": results, "failed": len(read_failures(self.path))}
        self._files.settle()
        self._write_json(self._record, {**record, "counts": counts, "settings": self.settings})
        strangers = results - len(self.current_results()) if self._replaces_others else 0
        if strangers:
            log.warning(
                "%s still holds %d results of other settings; run again for all images",
                self.path,
                strangers,
            )
        else:
            self._files.remove(self._under_way)

    def _write_json(self, name: str, content: Mapping[str, Any]) -> None:
        self._files.write(name, (json.dumps(content, indent=2) + "\n").encode())


def require_separate(read: Sequence[Place | None], written: Sequence[Place]) -> None:
    """Refuse folders in which a result could take the place of what is read, or of another result.

    Results lie in a folder or its direct subfolders, and so do the files that are read.

    Raises
    ------
    ArgumentError
        Two of the folders are the same, or one lies directly in the other and is named like a
        shard.
    """
    folders = [path.resolve() for path in (*written, *read) if path]
    for first in range(len(written)):
        for other in folders[first + 1 :]:
            for outer, inner in ((folders[first], other), (other, folders[first])):
                if outer == inner or (outer == inner.parent and inner.name.isdigit()):
                    raise ArgumentError(
                        f"{folders[first]} and {other} overlap; results need a folder of their own"
                    )

"""Publication: a folder that appears when it is complete, made in steps that are not repeated.

The folder is built beside its place, under a hidden name, and gets its own name at the end. Each
step leaves a note, so that a run that was killed continues with the step it was in.
"""

import json
import logging
import shutil
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ..errors import OutputError
from ..results.records import DamagedRecordError, parse_record, under_way_name
from ..storage.locks import FolderLock, another_writes
from ..storage.writing import PARTIAL_PREFIX, output_error, write_bytes

log = logging.getLogger(__name__)

PUBLISH_RECORD = "publish.json"
_NOTES = ".steps"


class Publication:
    """The folder of a data set or network that is being published, used as a context manager.

    Parameters
    ----------
    out : Path
        The published folder.
    settings : mapping
        Everything that its content depends on, as values that JSON can represent.
    contents : collection of str
        Names that are in such a folder, besides its record.
    overwrite : bool
        Replace a published folder that has different settings.

    Attributes
    ----------
    folder : Path
        Where files are written until the folder is complete.
    is_done : bool
        Whether `out` was published with these settings before; nothing is to be done then.

    Raises
    ------
    OutputError
        On entering: `out` has other files, was published with different settings and `overwrite`
        is not set, or cannot be written; or another run is publishing there.
    """

    def __init__(
        self,
        out: Path,
        settings: Mapping[str, Any],
        *,
        contents: Collection[str],
        overwrite: bool = False,
    ) -> None:
        self.out = out
        # JSON has no tuples, and what was recorded is compared with these.
        self.settings: dict[str, Any] = json.loads(json.dumps(dict(settings)))
        self.folder = out.absolute().with_name(f".{out.absolute().name}.publishing")
        self.is_done = False
        self._contents = {*contents, PUBLISH_RECORD}
        self._overwrite = overwrite
        self._mark = self.folder / under_way_name(PUBLISH_RECORD)
        self._replaced = self.folder.with_name(f".{out.absolute().name}.replaced")
        self._lock = FolderLock(
            self.folder.parent, f".{out.absolute().name}.publish.lock", busy=another_writes(out)
        )

    def __enter__(self) -> Self:
        self._lock.acquire()
        try:
            self._recover()
            self._require_free()
            if not self.is_done:
                self._begin()
        except BaseException:
            self._release()
            raise
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._release()

    def _release(self) -> None:
        self._lock.release()
        (self.folder.parent / self._lock.name).unlink(missing_ok=True)

    def _recover(self) -> None:
        """Complete, or undo, a replacement that a killed run left half done."""
        if self._replaced.exists() and not self.out.exists():
            self._replaced.replace(self.out)
        shutil.rmtree(self._replaced, ignore_errors=True)

    def _require_free(self) -> None:
        """Refuse to replace what must not be replaced."""
        out = self.out
        if not out.exists() and not out.is_symlink():
            return
        if not out.is_dir() or out.is_symlink():
            raise OutputError(f"{out} is not a folder; choose another name")
        names = {path.name for path in out.iterdir()}
        if not names:
            return
        strangers = sorted(names - self._contents)
        if strangers or PUBLISH_RECORD not in names:
            example = strangers[0] if strangers else min(names)
            raise OutputError(f"{out} holds other files, such as {example}; choose another folder")
        self.is_done = _settings_in(out / PUBLISH_RECORD) == self.settings
        if not self.is_done and not self._overwrite:
            raise OutputError(
                f"{out} was published with different settings or from different files; choose "
                "another folder, or --overwrite"
            )

    def _begin(self) -> None:
        """Continue what a killed run began, or begin."""
        folder = self.folder
        if not self._mark.exists() and _settings_in(folder / PUBLISH_RECORD) == self.settings:
            self._give_name()
            self.is_done = True
            return
        try:
            if folder.exists() and _settings_in(self._mark) != self.settings:
                log.info("%s was begun with different settings or files; beginning again", self.out)
                shutil.rmtree(folder)
            (folder / _NOTES).mkdir(parents=True, exist_ok=True)
            for partial in folder.rglob(f"{PARTIAL_PREFIX}*"):
                partial.unlink()
        except OSError as error:
            raise output_error(folder, error) from error
        if not self._mark.exists():
            write_bytes(self._mark, _json_bytes({"settings": self.settings}))

    def is_noted(self, step: int) -> bool:
        """Return whether a step was completed, by this run or an earlier one."""
        return self._note(step).exists()

    def note(self, step: int, facts: Mapping[str, Any]) -> None:
        """Record that a step is complete, with facts that later ones need.

        Raises
        ------
        OutputError
            The note cannot be written.
        """
        write_bytes(self._note(step), json.dumps(facts).encode())

    def notes(self) -> Iterator[dict[str, Any]]:
        """Yield the facts of each step, in order, one at a time."""
        for path in sorted((self.folder / _NOTES).iterdir()):
            yield json.loads(path.read_bytes())

    def _note(self, step: int) -> Path:
        return self.folder / _NOTES / f"{step:08d}.json"

    def finish(self, record: Mapping[str, Any]) -> None:
        """Write the record, and give the folder its name.

        Raises
        ------
        OutputError
            The folder cannot be renamed.
        """
        write_bytes(
            self.folder / PUBLISH_RECORD, _json_bytes({**record, "settings": self.settings})
        )
        try:
            shutil.rmtree(self.folder / _NOTES)
            self._mark.unlink()
        except OSError as error:
            raise output_error(self.out, error) from error
        self._give_name()

    def _give_name(self) -> None:
        """Put the complete folder in the place of an older one, if there is one."""
        try:
            if self.out.exists() and any(self.out.iterdir()):
                self.out.replace(self._replaced)
            self.folder.replace(self.out)
            shutil.rmtree(self._replaced, ignore_errors=True)
        except OSError as error:
            raise output_error(self.out, error) from error


def _settings_in(path: Path) -> dict[str, Any] | None:
    """Return the settings in a record or mark; None if there is none that can be read."""
    try:
        settings: dict[str, Any] = parse_record(path.read_bytes())["settings"]
    except (OSError, DamagedRecordError):
        return None
    return settings


def _json_bytes(content: Mapping[str, Any]) -> bytes:
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode(
        "utf-8", "backslashreplace"
    )

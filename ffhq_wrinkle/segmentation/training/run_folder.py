"""Run folder: what one training keeps, so that it can be stopped, taken up and understood."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from ...errors import TrainingError
from ...storage.locks import FolderLock
from ...storage.writing import PARTIAL_PREFIX, write_bytes
from .stage_state import require_same

CONFIG, SPLIT, TEST = "config.toml", "split.csv", "test.json"
_DATA = "data"


class RunFolder:
    """The folder of one run, held by one process (of several devices, the first).

    Parameters
    ----------
    path : Path
        Made if it is not there.
    settings : mapping
        What the result depends on, as TOML can hold it.
    data : Path
        Where the data lies; noted, but may be elsewhere when the run goes on.
    resume : bool
        Whether a run of the same settings that is there is to be taken up.

    Raises
    ------
    TrainingError
        On entering: another run holds it, it holds one of other settings, or one at all and
        `resume` is not set.
    OutputError
        On entering: it can not be written.
    """

    def __init__(
        self, path: Path, settings: Mapping[str, Any], *, data: Path, resume: bool = True
    ) -> None:
        self.path = path
        self.data = data
        self.settings = dict(settings)
        self.resume = resume
        busy = TrainingError(
            f"another process trains in {path}; wait for it, or choose another folder"
        )
        self._lock = FolderLock(path, ".train.lock", busy=busy)

    def __enter__(self) -> "RunFolder":
        self._lock.acquire()
        try:
            self._take_up()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def _take_up(self) -> None:
        config = self.path / CONFIG
        strangers = [path for path in self.path.iterdir() if not path.name.startswith(".")]
        if not config.exists():
            if strangers:
                raise TrainingError(
                    f"{self.path} holds other files, such as {strangers[0].name}; choose another "
                    "folder for the run"
                )
            self._begin()
            return
        if not any(self.path.glob("*/*.pt")):  # an earlier one ended before it trained anything
            for split in (self.path / SPLIT, *self.path.glob(f"*/{SPLIT}")):
                split.unlink(missing_ok=True)
            self._begin()
            return
        if not self.resume:
            raise TrainingError(f"{self.path} holds a run already; choose another folder")
        try:
            then = tomllib.loads(config.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise TrainingError(f"{config} can not be read: {error}") from error
        then.pop(_DATA, None)
        require_same(then, self.settings, self.path)
        for partial in self.path.rglob(f"{PARTIAL_PREFIX}*"):
            partial.unlink(missing_ok=True)

    def _begin(self) -> None:
        content = {_DATA: str(self.data.resolve()), **self.settings}
        write_bytes(self.path / CONFIG, tomli_w.dumps(content).encode())

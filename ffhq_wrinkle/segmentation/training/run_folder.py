"""Run folder: the folder of one training run, which a later command resumes or refuses."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomli_w

from ...errors import TrainingError
from ...storage.locks import FolderLock
from ...storage.writing import PARTIAL_PREFIX, valid_text, write_bytes
from .stage_state import require_same

CONFIG, SPLIT, TEST = "config.toml", "split.csv", "test.json"
_DATA, _PARSER = "data", "parser"


class RunFolder:
    """The folder of one run, held by one process; of several devices, by the first.

    Parameters
    ----------
    path : Path
        The folder, which is made if it does not exist.
    settings : mapping
        Everything that the result depends on, as TOML can hold it.
    data : Path
        Where the data are. This is recorded, but may change when the run is resumed.
    parser : str
        How faces are found where the data lack face masks; recorded like `data`.
    resume : bool
        Whether an existing run with the same settings is resumed.

    Raises
    ------
    TrainingError
        On entering: another process holds the folder, it has a run with different settings or,
        without `resume`, any run.
    OutputError
        On entering: the folder cannot be written.
    """

    def __init__(
        self,
        path: Path,
        settings: Mapping[str, Any],
        *,
        data: Path,
        parser: str = "",
        resume: bool = True,
    ) -> None:
        self.path = path
        self.data = data
        self.parser = parser
        self.settings = dict(settings)
        self.resume = resume
        busy = TrainingError(
            f"another process is training in {path}; wait for it, or choose another folder"
        )
        self._lock = FolderLock(path, ".train.lock", busy=busy)

    def __enter__(self) -> "RunFolder":
        self._lock.acquire()
        try:
            self._begin_or_resume()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()

    def _begin_or_resume(self) -> None:
        config = self.path / CONFIG
        if not config.exists():
            others = [path for path in self.path.iterdir() if not path.name.startswith(".")]
            if others:
                raise TrainingError(
                    f"{self.path} holds other files, such as {others[0].name}; choose another "
                    "folder for the run"
                )
            self._begin()
        elif not any(self.path.glob("*/*.pt")):  # an earlier run ended before it trained anything
            for split in (self.path / SPLIT, *self.path.glob(f"*/{SPLIT}")):
                split.unlink(missing_ok=True)
            self._begin()
        elif self.resume:
            self._require_same(config)
            for partial in self.path.rglob(f"{PARTIAL_PREFIX}*"):
                partial.unlink(missing_ok=True)
        else:
            raise TrainingError(f"{self.path} already holds a run; choose another folder")

    def _begin(self) -> None:
        content = {
            _DATA: valid_text(str(self.data.resolve())),
            **({_PARSER: self.parser} if self.parser else {}),
            **self.settings,
        }
        write_bytes(self.path / CONFIG, tomli_w.dumps(content).encode())

    def _require_same(self, config: Path) -> None:
        try:
            then = tomllib.loads(config.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise TrainingError(f"{config} cannot be read: {error}") from error
        for free in (_DATA, _PARSER):
            then.pop(free, None)
        require_same(then, self.settings, self.path)

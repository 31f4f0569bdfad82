"""Data set: a folder in the released layout while files are brought into it, verified.

`DataSet` has one file after another, from wherever `image_sources` or the table of sources say, and
keeps the ledger; `download` decides which.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from ..errors import WRONG_CONTENT, OutputError, TransferFailure
from ..storage.locks import FolderLock
from ..storage.writing import PARTIAL_PREFIX, InnerFolders, output_error
from .ledger import LEDGER, VERIFIED, Ledger
from .licence import keep_licence
from .transfer import Patience, Transfers
from .verification import file_hashes, problem
from .wanted import Wanted


@dataclass(frozen=True)
class DownloadReport:
    """What a run did: files it was about, fetched, there already, and why others were not had."""

    what: str
    files: int
    fetched: int
    kept: int
    causes: dict[str, int]
    first_failure: str = ""

    @property
    def failed(self) -> int:
        """How many files could not be had."""
        return sum(self.causes.values())

    def summary(self, data: Path) -> str:
        """One line for people."""
        parts = [f"{self.what}: {self.fetched} fetched and verified", f"{self.kept} there already"]
        if self.causes:
            causes = ", ".join(f"{count} {cause}" for cause, count in sorted(self.causes.items()))
            parts.append(
                f"{self.failed} failed ({causes}), see {data / LEDGER}; first: {self.first_failure}"
            )
        left = self.files - self.fetched - self.kept - self.failed
        parts += [f"{left} left to do"] if left else []
        return ", ".join(parts)


class DataSet:
    """A data set's folder while files are brought into it; use as a context manager.

    Parameters
    ----------
    path : Path
        The folder; made if it is not there.
    jobs : int
        Connections at a time.
    verify : bool
        Look at the content of files that are there, not only at size and time of change.
    cookies : Path, optional
        As `transfer.Transfers`.
    patience : Patience, optional
        How long to bear with hosts.

    Raises
    ------
    OutputError
        On entering: the folder can not be written, or another run is writing there.
    """

    def __init__(
        self,
        path: Path,
        *,
        jobs: int = 8,
        verify: bool = False,
        cookies: Path | None = None,
        patience: Patience | None = None,
    ) -> None:
        self.path = path
        self.jobs = jobs
        self.verify = verify
        self.transfers = Transfers(patience=patience, cookies=cookies)
        self._folders = InnerFolders(path)
        busy = OutputError(f"another run is downloading into {path}")
        self._lock = FolderLock(path, f".{LEDGER}.lock", busy=busy)

    def __enter__(self) -> "DataSet":
        self._lock.acquire()
        try:
            self.ledger = Ledger(self.path)
            keep_licence(self.path)
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.transfers.close()
            self.ledger.save()
        finally:
            self._lock.release()

    def is_done(self, file: str) -> bool:
        """Whether a file is there and was verified; with `verify` its hash is taken again."""
        if not self.ledger.is_current(file):
            return False
        return not (self.verify and self._is_altered(file))

    def _is_altered(self, file: str) -> bool:
        """Whether a file's hash is another than when it was verified."""
        row = self.ledger.get(file)
        if row is None or row.state != VERIFIED or not (self.path / file).is_file():
            return False
        name, _, expected = row.hash.partition(":")
        return name != "sha256" or file_hashes(self.path / file, name)[name] != expected

    def bring(self, wanted: Wanted) -> bool:
        """Have a file, fetching it if it is not there or not right; says whether it was fetched.

        Raises
        ------
        TransferFailure
            It can not be had.
        OutputError
            It can not be written.
        """
        target = self.path / wanted.file
        try:
            if wanted.failure:
                raise wanted.failure
            self.make_room_for(wanted.file)
            fetched = (
                not target.exists()
                or (self.verify and self._is_altered(wanted.file))
                or problem(target, wanted.expected) is not None
            )
            if fetched:
                self._fetch(wanted, target)
        except TransferFailure as failure:
            self.ledger.failed(wanted.file, wanted.source, failure.cause)
            raise
        except OSError as error:
            raise output_error(target, error) from error
        self.note(wanted.file, wanted.source)
        return fetched

    def make_room_for(self, file: str) -> None:
        """Make a file's folder, and refuse what would be written elsewhere or is in the way.

        Raises
        ------
        TransferFailure
            Something that is no file has the name.
        OutputError
            The folder leads out of the data set, or can not be made.
        """
        target = self.path / file
        if target.exists() and not target.is_file():
            raise TransferFailure("in the way", f"{target} is no file; move it away", lasting=True)
        self._folders.make(target.parent)

    def _fetch(self, wanted: Wanted, target: Path) -> None:
        if wanted.copy is None:
            self.transfers.fetch(wanted.url, target, wanted.expected, headers=wanted.headers)
            return
        partial = target.with_name(f"{PARTIAL_PREFIX}{target.name}")
        try:
            wanted.copy(partial)
            trouble = problem(partial, wanted.expected)
            if trouble:
                message = f"{wanted.file} from {wanted.source}: {trouble}"
                raise TransferFailure(WRONG_CONTENT, message, lasting=True)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)

    def note(self, file: str, from_where: str) -> None:
        """Note in the ledger that a file is there and right."""
        sha256 = file_hashes(self.path / file, "sha256")["sha256"]
        self.ledger.verified(file, from_where, f"sha256:{sha256}")

    def require_room(self, needed: int) -> None:
        """Refuse to begin what the disk has no room for.

        Raises
        ------
        OutputError
            There are fewer bytes free.
        """
        free = shutil.disk_usage(self.path).free
        if needed > free:
            raise OutputError(
                f"{self.path} has {free / 1e9:.1f} GB free, but about {needed / 1e9:.1f} GB are "
                "needed; make room, or choose fewer --ids"
            )

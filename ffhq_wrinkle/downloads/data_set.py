"""Data set: a folder in the released layout, into which files are downloaded and verified.

`DataSet` makes sure that a file is present, and keeps the ledger. `image_download`,
`file_download` and `archive_download` choose the files.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import WRONG_CONTENT, OutputError, TransferFailure
from ..results.tabular import Tabular
from ..storage.locks import FolderLock
from ..storage.writing import PARTIAL_PREFIX, InnerFolders, output_error
from .ledger import LEDGER, Ledger
from .licence import keep_licence
from .transfer import Patience, Transfers
from .verification import file_hashes, problem
from .wanted_files import WantedFile

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False)
class DownloadReport(Tabular):
    """The result of a download, as numbers of files.

    Attributes
    ----------
    data : Path
        The folder of the data set.
    what : str
        Name of the kind of files.
    files : int
        Files that were requested.
    fetched, kept : int
        Files that were downloaded, and that were already present.
    causes : dict of str to int
        Files that failed, by cause.
    first_failure : str
        Message of the first failure.
    unverified : int
        Downloaded files of which no hash is known.
    side : int, optional
        Height and width at which downloaded images were decoded.
    origins : mapping of str to int
        Files by the source that they came from, where several were tried.
    """

    data: Path
    what: str
    files: int
    fetched: int
    kept: int
    causes: dict[str, int]
    first_failure: str = ""
    unverified: int = 0
    side: int | None = None
    origins: Mapping[str, int] = field(default_factory=dict)

    @property
    def failed(self) -> int:
        """Number of files that failed."""
        return sum(self.causes.values())

    def to_frame(self) -> "pd.DataFrame":
        """Return the numbers as a pandas DataFrame of one row."""
        import pandas as pd

        names = ("what", "files", "fetched", "kept", "failed")
        return pd.DataFrame([[getattr(self, name) for name in names]], columns=names)

    def summary(self) -> str:
        """Return the numbers in one line, with the first failure."""
        parts = [f"{self.what}: {self._downloaded()}{self._by_origin()}"]
        parts += [f"{self.kept} already present"]
        if self.causes:
            causes = ", ".join(f"{count} {cause}" for cause, count in sorted(self.causes.items()))
            table = self.data / LEDGER
            parts.append(
                f"{self.failed} failed ({causes}), see {table}; first: {self.first_failure}"
            )
        left = self.files - self.fetched - self.kept - self.failed
        parts += [f"{left} left to do"] if left else []
        return ", ".join(parts)

    def _by_origin(self) -> str:
        """Return how many files came from which source, if several were tried."""
        counts = ", ".join(f"{count} from {name}" for name, count in self.origins.items())
        return f" ({counts})" if counts else ""

    def _downloaded(self) -> str:
        """Return how many files were downloaded, and what is known of their content."""
        verified = self.fetched - self.unverified
        if not self.unverified:
            return f"{self.fetched} downloaded" + (" and verified" if verified else "")
        decoded = f"decoded, {self.side}x{self.side}" if self.side else ""
        if decoded and not verified:
            return f"{self.fetched} downloaded ({decoded}; no hash is known)"
        text = f"{self.fetched} downloaded, {verified} of them verified by a hash"
        return f"{text}, the others {decoded}" if decoded else text


class DataSet:
    """The folder of a data set during a download; a context manager.

    Parameters
    ----------
    path : Path
        The folder, which is created if it does not exist.
    jobs : int
        Number of simultaneous connections.
    verify : bool
        Whether to check the content of existing files, and not only their size and modification
        time.
    cookies : Path, optional
        A browser's cookies, see `transfer.Transfers`.
    patience : Patience, optional
        Timeouts and numbers of retries.

    Raises
    ------
    OutputError
        The folder cannot be written, or another run is writing to it; raised on entering.
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
        """Return whether a file is present and verified; with `verify`, hash it again."""
        if not self.ledger.is_current(file):
            return False
        return not (self.verify and self._is_altered(file))

    def _is_altered(self, file: str) -> bool:
        """Return whether a file's hash differs from the one when it was received."""
        row = self.ledger.get(file)
        if row is None or not row.hash or not (self.path / file).is_file():
            return False
        name, _, expected = row.hash.partition(":")
        return name != "sha256" or file_hashes(self.path / file, name)[name] != expected

    def ensure(self, wanted: WantedFile) -> bool:
        """Download a file if it is missing or wrong; return whether it was downloaded.

        Raises
        ------
        TransferFailure
            The file cannot be downloaded.
        OutputError
            The file cannot be written.
        """
        target = self.path / wanted.file
        try:
            if wanted.failure:
                raise wanted.failure
            self.prepare_path(wanted.file)
            fetched = (
                not target.exists()
                or (self.verify and self._is_altered(wanted.file))
                or problem(target, wanted.expected) is not None
            )
            if fetched:
                self._fetch(wanted, target)
        except TransferFailure as failure:
            self.ledger.record_failed(wanted.file, wanted.source, failure.cause)
            raise
        except OSError as error:
            raise output_error(target, error) from error
        self.record_present(wanted.file, wanted.source, is_verified=wanted.expected.is_verifiable)
        return fetched

    def prepare_path(self, file: str) -> None:
        """Create the folder of a file, and check that the file can be written there.

        Raises
        ------
        TransferFailure
            Something other than a file has the file's name.
        OutputError
            The folder is a link out of the data set, or cannot be created.
        """
        target = self.path / file
        if target.exists() and not target.is_file():
            raise TransferFailure(
                "in the way", f"{target} is not a file; move it away", lasting=True
            )
        self._folders.make(target.parent)

    def _fetch(self, wanted: WantedFile, target: Path) -> None:
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

    def record_present(self, file: str, source: str, *, is_verified: bool) -> None:
        """Record in the ledger that a file is present, and whether a known hash verified it."""
        sha256 = file_hashes(self.path / file, "sha256")["sha256"]
        self.ledger.record_present(file, source, f"sha256:{sha256}", is_verified=is_verified)

    def require_free_bytes(self, needed: int) -> None:
        """Raise an error unless the disk has some number of bytes free.

        Raises
        ------
        OutputError
            The disk has fewer bytes free.
        """
        free = shutil.disk_usage(self.path).free
        if needed > free:
            raise OutputError(
                f"{self.path} has {free / 1e9:.1f} GB free, but about {needed / 1e9:.1f} GB are "
                "needed; make room, or choose fewer ids with --ids"
            )

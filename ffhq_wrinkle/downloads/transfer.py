"""Transfer: files over HTTP, resumed, retried, and verified before they get their names.

A file is received under a hidden name in its folder. The hidden name is the same in every run, so
that data which arrived before an interruption are not requested again.

A host may replace a file between two requests, and without a hash nobody would notice. The rest of
such a file is requested on the condition that it is still the same version (``If-Range``, RFC 9110,
13.1.5). If the host does not tell versions apart, the whole file is requested again.
"""

import contextlib
import hashlib
import logging
import os
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests

from ..dataset.reachability import Reachability
from ..errors import WRONG_CONTENT, TransferFailure
from ..storage.writing import PARTIAL_PREFIX, output_error
from .answers import (
    LONGEST_PAUSE_S,
    confirmation_url,
    is_page,
    page_failure,
    retry_after_s,
    status_failure,
    strong_validator,
)
from .connections import Connections
from .tar_stream import ResponseStream, require_part
from .verification import Expected, problem

log = logging.getLogger(__name__)

_CHUNK = 1 << 18
_LOGGED_WAIT_S = 10.0  # longer waits are logged
_MAX_PAGE_BYTES = 1 << 20
_MAX_CONFIRMATIONS = 3
_MAX_WRONG_CONTENTS = 3


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Timeouts and numbers of retries.

    Attributes
    ----------
    attempts : int
        Number of failures in a row, without any progress, after which a file is given up.
    connect_s, stall_s : float
        Seconds without a connection, or without data, that count as a failure.
    first_wait_s, longest_wait_s : float
        Seconds to wait after the first failure, and at most. Each further failure doubles the wait.
        A random part of up to one half is added.
    """

    attempts: int = 8
    connect_s: float = 20.0
    stall_s: float = 60.0
    first_wait_s: float = 1.0
    longest_wait_s: float = 120.0

    def wait_s(self, failures: int) -> float:
        """Return the seconds to wait after a number of failures in a row."""
        wait = min(self.first_wait_s * 2.0 ** (failures - 1), self.longest_wait_s)
        return float(wait * random.uniform(1.0, 1.5))


class Transfers:
    """Downloads of files by many threads.

    Parameters
    ----------
    patience : Patience, optional
        Timeouts and numbers of retries.
    cookies : Path, optional
        A browser's cookies in Netscape's format. Each is sent only to the host that set it.

    Attributes
    ----------
    received : callable
        Function that is called, on any thread, with the number of bytes of each piece of data that
        arrives. It can be replaced.

    Raises
    ------
    ArgumentError
        The cookies cannot be read.
    """

    def __init__(
        self,
        *,
        patience: Patience | None = None,
        cookies: Path | None = None,
    ) -> None:
        self.patience = patience or Patience()
        timeout_s = (self.patience.connect_s, self.patience.stall_s)
        self._connections = Connections(timeout_s=timeout_s, cookies=cookies)
        self.received: Callable[[int], None] = lambda _: None

    def close(self) -> None:
        """Close all connections."""
        self._connections.close()

    def stop(self) -> None:
        """Make all threads in `fetch` raise `connections.Stopped` immediately."""
        self._connections.stop()

    @contextlib.contextmanager
    def stopped_by_errors(self) -> Iterator[None]:
        """Call `stop` if an exception ends the `with` block."""
        try:
            yield
        except BaseException:
            self.stop()
            raise

    @property
    def reachability(self) -> Reachability:
        """Which hosts can be reached."""
        return self._connections.reachability

    def resume(self) -> None:
        """Allow new transfers after `stop`."""
        self._connections.resume()

    def sleep(self, seconds: float) -> None:
        """Wait for some seconds, or until `stop` is called, which raises `connections.Stopped`."""
        self._connections.sleep(seconds)

    @contextlib.contextmanager
    def reading(self, url: str, start: int, headers: Mapping[str, str]) -> Iterator[ResponseStream]:
        """Request a file from byte `start`, for a block that reads it as a stream.

        Raises
        ------
        TransferFailure
            The host does not send that part, or the connection breaks while the block reads.
        connections.Stopped
            `stop` was called.
        """
        self._connections.require_reachable(url)
        wanted = {"Accept-Encoding": "identity", **headers}
        if start:
            wanted["Range"] = f"bytes={start}-"
        with self._connections.get(url, wanted) as response:
            self._require_success(response, url)
            answered = response.headers
            require_part(response.status_code, answered.get("Content-Range", ""), start, url)
            content_type = answered.get("Content-Type", "")
            yield ResponseStream(response.raw, url, content_type, self._count_running)

    def _count_running(self, count: int) -> None:
        """Count received bytes, unless the run was stopped."""
        self._connections.require_running()
        self.received(count)

    def fetch(
        self,
        url: str,
        target: Path,
        expected: Expected,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Download a file; `target` keeps its old content until the new one is verified.

        Raises
        ------
        TransferFailure
            The file cannot be downloaded, or its content is not the expected one.
        OutputError
            The file cannot be written.
        connections.Stopped
            `stop` was called.
        """
        self._connections.require_reachable(url)
        partial = partial_path(target)
        failures = wrong_contents = 0
        while True:
            size_before = _size(partial)
            try:
                self._receive(url, partial, expected, headers or {})
                trouble = problem(partial, expected)
                _validator_path(partial).unlink(missing_ok=True)
                if trouble is None:
                    partial.replace(target)
                    return
                partial.unlink()
                raise TransferFailure(WRONG_CONTENT, f"{url}: {trouble}")
            except TransferFailure as failure:
                # A transfer that makes progress, however slow, is not given up.
                failures = 1 if _size(partial) > size_before else failures + 1
                wrong_contents += failure.cause == WRONG_CONTENT
                given_up = (
                    failures >= self.patience.attempts or wrong_contents >= _MAX_WRONG_CONTENTS
                )
                if failure.lasting or given_up:
                    raise
                wait = self.patience.wait_s(failures)
                if wait > _LOGGED_WAIT_S:
                    log.info("%s; retry in %.0f s", failure, wait)
                self._connections.sleep(wait)
            except OSError as error:
                raise output_error(target, error) from error

    def _receive(
        self, url: str, partial: Path, expected: Expected, headers: Mapping[str, str]
    ) -> None:
        """Receive the part of a file that is missing, and confirm the request if the host asks."""
        for _ in range(_MAX_CONFIRMATIONS):
            start = _size(partial)
            if expected.size is not None and start == expected.size:
                return
            if expected.size is not None and start > expected.size:
                partial.unlink()
                start = 0
            request_headers = {"Accept-Encoding": "identity", **headers}
            if start and not expected.is_verifiable:
                validator = _stored_validator(partial)
                if validator:
                    request_headers["If-Range"] = validator
                else:
                    partial.unlink()
                    start = 0
            if start:
                request_headers["Range"] = f"bytes={start}-"
            with self._connections.get(url, request_headers) as response:
                confirmed = self._receive_response(response, url, partial, start, expected)
            if confirmed is None:
                return
            if urlsplit(confirmed).netloc != urlsplit(url).netloc:
                headers = {}  # a token must not be sent to a different host
            url = confirmed
        raise TransferFailure(
            "web page", f"{url}: the host asks for confirmation again and again", lasting=True
        )

    def _receive_response(
        self,
        response: requests.Response,
        url: str,
        partial: Path,
        start: int,
        expected: Expected,
    ) -> str | None:
        """Write a response to a file from byte `start`; return the address of a confirmation."""
        if response.status_code == 416:
            if response.headers.get("Content-Range") == f"bytes */{start}":
                return None  # the file is complete
            partial.unlink(missing_ok=True)
            raise TransferFailure(
                WRONG_CONTENT, f"{url}: the part that arrived earlier does not fit the file"
            )
        self._require_success(response, url)
        resumed = response.status_code == 206
        if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            partial.unlink(missing_ok=True)
            raise TransferFailure(
                WRONG_CONTENT, f"{url}: the host sent a different part than requested"
            )
        if not expected.is_verifiable:
            self._require_same_version(response, url, partial, resumed=resumed)
        # `read1` returns data as they arrive: a broken connection loses no part of a chunk.
        chunks = iter(lambda: response.raw.read1(_CHUNK, decode_content=True), b"")
        first = next(chunks, b"")
        if not resumed and is_page(response.headers.get("Content-Type", ""), first):
            page = _page_text(first, chunks)
            confirmed = confirmation_url(page)
            if confirmed is None:
                raise page_failure(page, url)
            return urljoin(response.url, confirmed)
        self._write(chain([first], chunks), url, partial, start if resumed else 0, expected)
        return None

    def _require_same_version(
        self, response: requests.Response, url: str, partial: Path, *, resumed: bool
    ) -> None:
        """Store what identifies this version of a file, or require the stored version."""
        validator = strong_validator(response.headers)
        stored = _validator_path(partial)
        if not resumed and validator:
            stored.write_text(validator, encoding="latin-1")
        elif not resumed:
            stored.unlink(missing_ok=True)
        elif validator and validator != _stored_validator(partial):
            partial.unlink(missing_ok=True)
            raise TransferFailure(
                WRONG_CONTENT, f"{url}: the host replaced the file while it was being downloaded"
            )

    def _require_success(self, response: requests.Response, url: str) -> None:
        """Raise a failure unless content follows, and pause requests if the host asks for it."""
        failure = status_failure(response.status_code, url)
        if failure is None:
            return
        pause_s = retry_after_s(response.headers)
        if pause_s is not None and pause_s > LONGEST_PAUSE_S:
            message = f"{failure}; it asks for a pause of {pause_s / 3600:.0f} hours"
            raise TransferFailure(failure.cause, message, lasting=True)
        if pause_s is not None:
            host = urlsplit(url).netloc
            if pause_s > _LOGGED_WAIT_S:
                log.info("%s asks for a pause of %.0f s", host, pause_s)
            self._connections.pause(host, pause_s)
        raise failure

    def _write(
        self, chunks: Iterable[bytes], url: str, partial: Path, start: int, expected: Expected
    ) -> None:
        """Write chunks to a file from byte `start`, up to the largest size that can be right."""
        size = start
        with partial.open("ab" if start else "wb") as file:
            for chunk in chunks:
                self._connections.require_running()
                file.write(chunk)
                size += len(chunk)
                self.received(len(chunk))
                if size > expected.max_bytes:
                    file.truncate(0)
                    raise TransferFailure(
                        WRONG_CONTENT,
                        f"{url}: the host sends more than {expected.max_bytes} bytes",
                        lasting=expected.size is None,
                    )
        self._connections.require_running()


def partial_path(target: Path) -> Path:
    """Return the hidden path under which a file is received, the same in every run."""
    name = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]
    return target.with_name(f"{PARTIAL_PREFIX}{name}")


def _validator_path(partial: Path) -> Path:
    """Return the path of the validator of the version that a partial file belongs to."""
    return partial.with_name(f"{partial.name}.version")


def _stored_validator(partial: Path) -> str:
    try:
        return _validator_path(partial).read_text(encoding="latin-1")
    except FileNotFoundError:
        return ""


def _page_text(first: bytes, chunks: Iterator[bytes]) -> str:
    """Return the text of a web page, of which the first chunk has been read."""
    page = first
    for chunk in chunks:
        page += chunk
        if len(page) > _MAX_PAGE_BYTES:
            break
    return page.decode("utf-8", "replace")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0

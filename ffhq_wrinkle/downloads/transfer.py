"""Transfer: files over HTTP, resumed, retried, and verified before they get their names.

A file is received under a hidden name beside its own, which stays the same from run to run, so
that what arrived before an interruption is not asked for again. Many threads may fetch at once;
when a host asks for a pause, all of them keep it.
"""

import contextlib
import hashlib
import logging
import os
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.cookiejar import LoadError, MozillaCookieJar
from itertools import chain
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from ..errors import WRONG_CONTENT, ArgumentError, TransferFailure
from ..storage.writing import PARTIAL_PREFIX, output_error
from .answers import (
    LONGEST_PAUSE_S,
    confirmation_url,
    is_page,
    page_failure,
    retry_after_s,
    status_failure,
)
from .verification import Expected, problem

log = logging.getLogger(__name__)

_CHUNK = 1 << 18
_WORTH_SAYING_S = 10.0
_PAGE_BYTES = 1 << 20
_CONFIRMATIONS = 3
_WRONG_CONTENTS = 3  # times that a whole file of wrong content is asked for


@dataclass(frozen=True, kw_only=True)
class Patience:
    """How long to bear with a host.

    Attributes
    ----------
    attempts : int
        Failures in a row, without any progress, after which a file is given up.
    connect_s, stall_s : float
        Seconds without a connection, or without a byte, that are a failure.
    first_wait_s, longest_wait_s : float
        Seconds to wait after the first failure; twice as long after each further one, up to the
        longest, and a random part of it more.
    """

    attempts: int = 8
    connect_s: float = 20.0
    stall_s: float = 60.0
    first_wait_s: float = 1.0
    longest_wait_s: float = 120.0

    def wait_s(self, failures: int) -> float:
        """How long to wait after so many failures in a row."""
        wait = min(self.first_wait_s * 2.0 ** (failures - 1), self.longest_wait_s)
        return float(wait * random.uniform(1.0, 1.5))


class Stopped(Exception):
    """The run was told to stop; what arrived is kept."""


class Transfers:
    """Fetches files for many threads.

    Parameters
    ----------
    patience : Patience, optional
        How long to bear with hosts.
    cookies : Path, optional
        A browser's cookies in Netscape's format, sent to the hosts that they are from.

    Attributes
    ----------
    received : callable
        Called with the number of bytes whenever some arrive, on any thread; may be set.
    """

    def __init__(
        self,
        *,
        patience: Patience | None = None,
        cookies: Path | None = None,
    ) -> None:
        self.patience = patience or Patience()
        self._cookies = _read_cookies(cookies) if cookies else None
        self.received: Callable[[int], None] = lambda _: None
        self._stop = threading.Event()
        self._threads = threading.local()
        self._lock = threading.Lock()
        self._sessions: list[requests.Session] = []
        self._open: set[requests.Response] = set()
        self._quiet_until: dict[str, float] = {}

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for session in self._sessions:
                session.close()

    def stop(self) -> None:
        """Have every thread that fetches give up at once, with `Stopped`."""
        self._stop.set()
        with self._lock:
            for response in self._open:
                with contextlib.suppress(ValueError, OSError):  # it ended meanwhile
                    response.raw.shutdown()

    @contextlib.contextmanager
    def stopped_by_errors(self) -> Iterator[None]:
        """Call `stop` if an exception ends the `with` block."""
        try:
            yield
        except BaseException:
            self.stop()
            raise

    def resume(self) -> None:
        """Be ready again after `stop`."""
        self._stop.clear()

    def fetch(
        self,
        url: str,
        target: Path,
        expected: Expected,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Fetch a file; under its name there is the old content or the whole, verified new one.

        Raises
        ------
        TransferFailure
            It could not be had, or was not what it should be.
        OutputError
            It can not be written.
        Stopped
            `stop` was called.
        """
        partial = partial_path(target)
        failures = wrong = 0
        while True:
            before = _size(partial)
            try:
                self._receive(url, partial, expected, headers or {})
                trouble = problem(partial, expected)
                if trouble is None:
                    partial.replace(target)
                    return
                partial.unlink()
                raise TransferFailure(WRONG_CONTENT, f"{url}: {trouble}")
            except TransferFailure as failure:
                # What goes on, however slowly, is not given up.
                failures = 1 if _size(partial) > before else failures + 1
                wrong += failure.cause == WRONG_CONTENT
                given_up = failures >= self.patience.attempts or wrong >= _WRONG_CONTENTS
                if failure.lasting or given_up:
                    raise
                wait = self.patience.wait_s(failures)
                if wait > _WORTH_SAYING_S:
                    log.info("%s; again in %.0f s", failure, wait)
                self._sleep(wait)
            except OSError as error:
                raise output_error(target, error) from error

    def _receive(
        self, url: str, partial: Path, expected: Expected, headers: Mapping[str, str]
    ) -> None:
        """Receive the rest of a file, after what is there of it."""
        for _ in range(_CONFIRMATIONS):
            have = _size(partial)
            if expected.size is not None and have == expected.size:
                return
            if expected.size is not None and have > expected.size:
                partial.unlink()
                have = 0
            asked = {"Accept-Encoding": "identity", **headers}
            if have:
                asked["Range"] = f"bytes={have}-"
            confirmed = self._ask(url, asked, partial, have, expected)
            if confirmed is None:
                return
            if urlsplit(confirmed).netloc != urlsplit(url).netloc:
                headers = {}  # a token is for the host that it was meant for
            url = confirmed
        raise TransferFailure(
            "web page", f"{url}: the host asks to confirm without end", lasting=True
        )

    def _ask(
        self, url: str, headers: Mapping[str, str], partial: Path, have: int, expected: Expected
    ) -> str | None:
        """One request; gives the address to ask instead, if the host wants a confirmation."""
        host = urlsplit(url).netloc
        self._sleep(self._quiet_until.get(host, 0.0) - time.monotonic())
        patience = self.patience
        try:
            response = self._session().get(
                url,
                headers=dict(headers),
                stream=True,
                timeout=(patience.connect_s, patience.stall_s),
            )
        except requests.RequestException as error:
            raise _connection_failure(url, error) from error
        with response:
            self._watch(response)
            try:
                return self._take(response, url, host, partial, have, expected)
            except urllib3.exceptions.HTTPError as error:
                raise _connection_failure(url, error) from error
            finally:
                with self._lock:
                    self._open.discard(response)

    def _take(
        self,
        response: requests.Response,
        url: str,
        host: str,
        partial: Path,
        have: int,
        expected: Expected,
    ) -> str | None:
        if response.status_code == 416:
            if response.headers.get("Content-Range") == f"bytes */{have}":
                return None  # there is no rest, because all of it is here
            partial.unlink(missing_ok=True)
            raise TransferFailure(WRONG_CONTENT, f"{url}: the part that was there does not fit")
        failure = status_failure(response.status_code, url)
        if failure:
            pause = retry_after_s(response.headers)
            if pause is not None and pause > LONGEST_PAUSE_S:
                wish = f"{failure}; it asks to come again in {pause / 3600:.0f} hours"
                raise TransferFailure(failure.cause, wish, lasting=True)
            if pause is not None:
                if pause > _WORTH_SAYING_S:
                    log.info("%s asks to wait %.0f s", host, pause)
                until = time.monotonic() + pause
                self._quiet_until[host] = max(until, self._quiet_until.get(host, 0.0))
            raise failure
        resumed = response.status_code == 206
        if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
            partial.unlink(missing_ok=True)
            raise TransferFailure(
                WRONG_CONTENT, f"{url}: the host sent another part than asked for"
            )
        # What has come so far, and not only whole chunks: a cut should cost nothing.
        chunks = iter(lambda: response.raw.read1(_CHUNK, decode_content=True), b"")
        first = next(chunks, b"")
        if not resumed and is_page(response.headers.get("Content-Type", ""), first):
            page = _whole_page(first, chunks)
            confirmed = confirmation_url(page)
            if confirmed is None:
                raise page_failure(page, url)
            return urljoin(response.url, confirmed)
        with partial.open("ab" if resumed else "wb") as file:
            size = have if resumed else 0
            for chunk in chain([first], chunks):
                if self._stop.is_set():
                    raise Stopped
                file.write(chunk)
                size += len(chunk)
                self.received(len(chunk))
                if size > expected.most:
                    file.truncate(0)
                    raise TransferFailure(
                        WRONG_CONTENT,
                        f"{url}: sends more than {expected.most} bytes",
                        lasting=expected.size is None,
                    )
        if self._stop.is_set():
            raise Stopped
        return None

    def _session(self) -> requests.Session:
        """The session of the calling thread, which keeps its connections."""
        session: requests.Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = requests.Session()
            if self._cookies is not None:
                session.cookies.update(self._cookies)
            self._threads.session = session
            with self._lock:
                self._sessions.append(session)
        return session

    def _watch(self, response: requests.Response) -> None:
        with self._lock:
            self._open.add(response)
        if self._stop.is_set():
            raise Stopped

    def _sleep(self, seconds: float) -> None:
        if seconds > 0:
            self._stop.wait(seconds)
        if self._stop.is_set():
            raise Stopped


def partial_path(target: Path) -> Path:
    """Where a file is received, the same in every run."""
    name = hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]
    return target.with_name(f"{PARTIAL_PREFIX}{name}")


def _whole_page(first: bytes, chunks: Iterator[bytes]) -> str:
    """The text of a web page, however small the pieces in which it comes."""
    page = first
    for chunk in chunks:
        page += chunk
        if len(page) > _PAGE_BYTES:
            break
    return page.decode("utf-8", "replace")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _read_cookies(path: Path) -> MozillaCookieJar:
    jar = MozillaCookieJar(path)
    try:
        jar.load(ignore_discard=True, ignore_expires=True)
    except (LoadError, OSError, UnicodeDecodeError) as error:
        raise ArgumentError(
            f"{path} can not be read as cookies in Netscape's format: {error}"
        ) from error
    for cookie in jar:
        if cookie.expires == 0:  # how browsers' extensions write what lasts for a session
            cookie.expires = None
    return jar


def _connection_failure(url: str, error: Exception) -> TransferFailure:
    """What went wrong between us and a host."""
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return TransferFailure("stall", f"{url}: no answer, or no byte any more")
    if isinstance(error, requests.ConnectionError | urllib3.exceptions.HTTPError):
        return TransferFailure("connection", f"{url}: no connection, or it was cut")
    return TransferFailure("refused", f"{url}: {error}", lasting=True)

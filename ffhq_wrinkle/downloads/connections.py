"""Connections: HTTP requests of many threads, which can be paused for a host and stopped together.

`transfer` uses them to download files.
"""

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping
from http.cookiejar import LoadError, MozillaCookieJar
from pathlib import Path
from urllib.parse import urlsplit

import requests
import urllib3

from ..dataset.reachability import Reachability
from ..errors import ArgumentError, TransferFailure


class Stopped(Exception):
    """The run was stopped; the data that have arrived are kept."""


class Connections:
    """HTTP connections for many threads.

    Parameters
    ----------
    timeout_s : tuple of float
        Seconds to wait for a connection, and for data.
    cookies : Path, optional
        A browser's cookies in Netscape's format. Each is sent only to the host that set it.

    Raises
    ------
    ArgumentError
        The cookies cannot be read.
    """

    def __init__(self, *, timeout_s: tuple[float, float], cookies: Path | None = None) -> None:
        self.timeout_s = timeout_s
        self._cookies = _read_cookies(cookies) if cookies else None
        self.reachability = Reachability()
        self._stop = threading.Event()
        self._threads = threading.local()
        self._lock = threading.Lock()
        self._sessions: list[requests.Session] = []
        self._open: set[requests.Response] = set()
        self._paused_until: dict[str, float] = {}

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            for session in self._sessions:
                session.close()

    def stop(self) -> None:
        """Make all threads that use these connections raise `Stopped` immediately."""
        self._stop.set()
        with self._lock:
            for response in self._open:
                with contextlib.suppress(ValueError, OSError):  # the response has just ended
                    response.raw.shutdown()

    def resume(self) -> None:
        """Allow new requests after `stop`."""
        self._stop.clear()

    def require_running(self) -> None:
        """Raise `Stopped` if `stop` was called."""
        if self._stop.is_set():
            raise Stopped

    def require_reachable(self, url: str) -> None:
        """Require that the host of an address accepts a connection; each host is tried once.

        Raises
        ------
        TransferFailure
            It does not. Trying again would take minutes, and a run can be repeated.
        """
        trouble = self.reachability.trouble(url)
        if trouble:
            raise TransferFailure("connection", f"{url}: no connection: {trouble}", lasting=True)

    def sleep(self, seconds: float) -> None:
        """Wait for some seconds, or until `stop` is called, which raises `Stopped`."""
        if seconds > 0:
            self._stop.wait(seconds)
        self.require_running()

    def pause(self, host: str, seconds: float) -> None:
        """Make no new requests to a host for some seconds, on any thread."""
        until = time.monotonic() + seconds
        self._paused_until[host] = max(until, self._paused_until.get(host, 0.0))

    @contextlib.contextmanager
    def get(self, url: str, headers: Mapping[str, str]) -> Iterator[requests.Response]:
        """Request an address, after any pause of its host; the block reads the response.

        Raises
        ------
        TransferFailure
            The host cannot be reached, or the connection breaks while the block reads.
        Stopped
            `stop` was called.
        """
        self.sleep(self._paused_until.get(urlsplit(url).netloc, 0.0) - time.monotonic())
        try:
            response = self._session().get(
                url, headers=dict(headers), stream=True, timeout=self.timeout_s
            )
        except requests.RequestException as error:
            raise _connection_failure(url, error) from error
        with response:
            with self._lock:
                self._open.add(response)
            self.require_running()
            try:
                yield response
            except urllib3.exceptions.HTTPError as error:
                raise _connection_failure(url, error) from error
            finally:
                with self._lock:
                    self._open.discard(response)

    def _session(self) -> requests.Session:
        """Return the session of the calling thread, which reuses its connections."""
        session: requests.Session | None = getattr(self._threads, "session", None)
        if session is None:
            session = requests.Session()
            if self._cookies is not None:
                session.cookies.update(self._cookies)
            self._threads.session = session
            with self._lock:
                self._sessions.append(session)
        return session


def _read_cookies(path: Path) -> MozillaCookieJar:
    jar = MozillaCookieJar(path)
    try:
        jar.load(ignore_discard=True, ignore_expires=True)
    except (LoadError, OSError, UnicodeDecodeError) as error:
        raise ArgumentError(
            f"{path} cannot be read as cookies in Netscape's format: {error}"
        ) from error
    for cookie in jar:
        if cookie.expires == 0:  # browser extensions write 0 for cookies of the current session
            cookie.expires = None
    return jar


def _connection_failure(url: str, error: Exception) -> TransferFailure:
    """Return the failure that an error of a connection stands for."""
    if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
        return TransferFailure("stall", f"{url}: the host did not answer, or stopped sending data")
    if isinstance(error, requests.ConnectionError | urllib3.exceptions.HTTPError):
        return TransferFailure("connection", f"{url}: no connection, or the connection broke")
    return TransferFailure("refused", f"{url}: {error}", lasting=True)

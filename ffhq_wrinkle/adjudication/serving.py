"""Serving: the server of a review, on this machine only, until Ctrl-C."""

import contextlib
import logging
import secrets
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable, Iterator

import uvicorn
from starlette.types import ASGIApp

from ..errors import ArgumentError

log = logging.getLogger(__name__)

_HOST = "127.0.0.1"
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class _Server(uvicorn.Server):
    """A server that leaves signals to `serve`, and reports when it listens."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the handlers of signals as they are."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen."""
        await super().startup(sockets)
        self._ready()


def bind(port: int | None) -> socket.socket:
    """Bind a port of this machine that other machines cannot reach.

    Parameters
    ----------
    port : int, optional
        The port; a free one if not given.

    Raises
    ------
    ArgumentError
        The port is in use, or not allowed.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port or 0))
    except OSError as error:
        listener.close()
        raise ArgumentError(f"port {port}: {error.strerror or error}; choose another") from error
    return listener


def new_token() -> str:
    """Return a secret for the address of a server."""
    return secrets.token_urlsafe(24)


def serve(
    app: ASGIApp, listener: socket.socket, token: str, *, show: Callable[[str], object], opens: bool
) -> None:
    """Serve until Ctrl-C or SIGTERM, and return within a second after it.

    Parameters
    ----------
    app : ASGIApp
    listener : socket
        As `bind` returns it; closed at the end.
    token : str
        The secret in the address.
    show : callable
        Gets the address when the server answers.
    opens : bool
        Whether to open the address in the browser.
    """
    address = f"http://{_HOST}:{listener.getsockname()[1]}/{token}/"

    def ready() -> None:
        show(address)
        if opens:
            threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()

    config = uvicorn.Config(
        app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    server = _Server(config, ready)

    def stop(*_: object) -> None:
        server.should_exit = True

    is_main = threading.current_thread() is threading.main_thread()
    earlier = {number: signal.signal(number, stop) for number in _SIGNALS} if is_main else {}
    try:
        server.run(sockets=[listener])
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
        listener.close()

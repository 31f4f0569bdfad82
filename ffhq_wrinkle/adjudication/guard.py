"""Guard: which requests the server of a review answers at all.

The server listens on this machine only, but any web page that is open in a browser here can send it
requests, and a name can be made to lead here (DNS rebinding). Photographs of faces are personal.
"""

import hmac
from collections.abc import MutableMapping
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST_BODY = 8 << 20  # octets; the runs of a drawing on 4096x4096 pixels are far fewer
_HOSTS = ("127.0.0.1", "localhost")
_HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


class Guard:
    """An ASGI application that passes on the requests of its own page, and refuses others.

    A request must name this machine as its host, come from this server's pages if the browser says
    where it comes from, and begin with the token in its path, which is then taken off.

    Parameters
    ----------
    app : ASGIApp
        The application behind it.
    token : str
        The secret in the address.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        refusal = self._refusal(scope)
        if refusal:
            await refusal(scope, receive, send_guarded)
            return
        prefix = f"/{self._token}"
        inner = {**scope, "path": scope["path"].removeprefix(prefix), "root_path": ""}
        await self._app(inner, receive, send_guarded)

    def _refusal(self, scope: MutableMapping[str, Any]) -> PlainTextResponse | None:
        """Return the answer to a request that is refused; None if it is not."""
        if scope["type"] != "http":
            return PlainTextResponse("only HTTP is answered", 400)
        headers = Headers(scope=scope)
        host, origin = headers.get("host", ""), headers.get("origin")
        if _hostname(host) not in _HOSTS:
            return PlainTextResponse(f"this server is not {host}", 403)
        if origin is not None and origin != f"http://{host}":
            return PlainTextResponse(f"requests from {origin} are refused", 403)
        given = scope["path"].split("/")[1] if scope["path"].count("/") >= 2 else ""
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            return PlainTextResponse("the address lacks the token that the command printed", 403)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            return PlainTextResponse(f"more than {LARGEST_BODY} bytes", 413)
        return None


def _hostname(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""

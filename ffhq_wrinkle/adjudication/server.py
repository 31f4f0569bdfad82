"""Server: a `Review` as a local page and as the requests that the page makes.

Requests and answers are JSON, apart from masks (packed bits) and photographs (JPEG). An error is
``{"error": text}``: 400 cannot be understood, 404 no such image or part, 409 a conflict with
another reviewer, 422 the image cannot be read, 507 the decision cannot be saved.
"""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from .. import __version__
from ..errors import ArgumentError, FfhqWrinkleError, ImageFailure, OutputError
from ..reports.overlays import Photographs
from .decisions import ConflictError
from .description import described_colours
from .entries import require_reviewer
from .guard import LARGEST_BODY, Guard
from .page_files import page_file, photo_jpeg
from .review import Review, UnknownError

PAGE_FILES = {
    "index.html": "text/html",
    "style.css": "text/css",
    "appearance.js": "text/javascript",
    "drawing.js": "text/javascript",
    "main.js": "text/javascript",
    "masks.js": "text/javascript",
    "panel.js": "text/javascript",
    "pointer.js": "text/javascript",
    "requests.js": "text/javascript",
    "state.js": "text/javascript",
    "viewer.js": "text/javascript",
}
_STATUS: tuple[tuple[type[FfhqWrinkleError], int], ...] = (
    (UnknownError, 404),
    (ConflictError, 409),
    (ArgumentError, 400),
    (ImageFailure, 422),
    (OutputError, 507),
)


class _TooLargeError(Exception):
    """A request has more bytes than are read."""


def review_app(
    review: Review, token: str, *, photos: Photographs | None = None, reviewer: str | None = None
) -> ASGIApp:
    """Return the application.

    Parameters
    ----------
    review : Review
        Entered.
    token : str
        The secret with which every path begins.
    photos : Photographs, optional
        The photographs to show.
    reviewer : str, optional
        Name of the reviewer, unless a page has another one.
    """
    views = _Views(review, photos, reviewer)
    routes = [
        Route("/", views.page),
        Route("/api/session", views.session),
        Route("/api/progress", views.progress),
        Route("/api/next", views.next_image),
        Route("/api/image", views.image),
        Route("/api/masks", views.masks),
        Route("/api/photo", views.photo),
        Route("/api/claims", views.claim, methods=["POST"]),
        Route("/api/decisions", views.decide, methods=["POST"]),
        Route("/api/remarks", views.remark, methods=["POST"]),
        Route("/api/undo", views.undo, methods=["POST"]),
        Route("/api/redo", views.redo, methods=["POST"]),
        Route("/{name}", views.page),
    ]
    handlers: dict[Any, Any] = {
        FfhqWrinkleError: _error,
        _TooLargeError: lambda *_: PlainTextResponse(f"more than {LARGEST_BODY} bytes", 413),
        ClientDisconnect: lambda *_: Response(status_code=400),
    }
    return Guard(Starlette(routes=routes, exception_handlers=handlers), token)


async def _error(_: Request, error: Exception) -> Response:
    status = next((code for kind, code in _STATUS if isinstance(error, kind)), 400)
    return _json({"error": str(error)}, status)


def _json(content: object, status: int = 200) -> Response:
    """Return JSON in ASCII, in which names of files that are not valid text have escapes."""
    return Response(json.dumps(content), status, media_type="application/json")


def _query(request: Request) -> dict[str, str]:
    """Return the query, in which names of files may have bytes that are not valid text."""
    query = request.scope["query_string"].decode("ascii", "surrogateescape")
    return dict(parse_qsl(query, keep_blank_values=True, errors="surrogateescape"))


class _Views:
    """The answers to requests; work is done on threads, so that requests do not wait."""

    def __init__(self, review: Review, photos: Photographs | None, reviewer: str | None) -> None:
        self._review = review
        self._photos = photos
        self._reviewer = reviewer

    async def page(self, request: Request) -> Response:
        name = request.path_params.get("name", "index.html")
        if name not in PAGE_FILES:
            return PlainTextResponse("there is no such file", 404)
        return Response(page_file(name), media_type=PAGE_FILES[name])

    async def session(self, request: Request) -> Response:
        review = self._review
        return _json(
            {
                "reviewer": self._reviewer,
                "photos": self._photos is not None,
                "blind": review.settings.blind,
                "version": __version__,
                **described_colours(len(review.names)),
            }
        )

    async def progress(self, request: Request) -> Response:
        reviewer = require_reviewer(_query(request).get("reviewer"))
        return _json(await run_in_threadpool(self._review.progress, reviewer))

    async def next_image(self, request: Request) -> Response:
        query = _query(request)
        reviewer, after = require_reviewer(query.get("reviewer")), query.get("after")
        image_id = await run_in_threadpool(self._review.next_image, reviewer, after=after)
        progress = await run_in_threadpool(self._review.progress, reviewer)
        return _json({"image": image_id, **progress})

    async def image(self, request: Request) -> Response:
        query = _query(request)
        reviewer = require_reviewer(query.get("reviewer"))
        image_id = query.get("image", "")
        return _json(await run_in_threadpool(self._review.described, image_id, reviewer))

    async def masks(self, request: Request) -> Response:
        image_id = _query(request).get("image", "")
        packed = await run_in_threadpool(self._review.masks, image_id)
        return Response(packed, media_type="application/octet-stream")

    async def photo(self, request: Request) -> Response:
        content = await run_in_threadpool(self._photo, _query(request).get("image", ""))
        if content is None:
            return PlainTextResponse("there is no photograph of this image", 404)
        return Response(content, media_type="image/jpeg")

    def _photo(self, image_id: str) -> bytes | None:
        image = self._review.image(image_id)
        return photo_jpeg(self._photos, image_id, image.shape)

    async def claim(self, request: Request) -> Response:
        body = await _body(request)
        reviewer, image_id, part_id = require_reviewer(body.get("reviewer")), *_part(body)
        holder = await run_in_threadpool(self._review.claim, reviewer, image_id, part_id)
        if holder:
            return _json({"error": f"{holder} is looking at this part"}, 409)
        return _json({})

    async def decide(self, request: Request) -> Response:
        body = await _body(request)
        shown, basis = body.get("shown", {}), body.get("basis", 0)
        if not isinstance(shown, dict) or type(basis) is not int:
            raise ArgumentError("shown must be an object and basis a number")
        decision = await run_in_threadpool(
            self._review.decide,
            body.get("reviewer", ""),
            *_part(body),
            body.get("choice"),
            position=body.get("position"),
            drawn=body.get("drawn"),
            basis=basis,
            shown=shown,
        )
        return _json(decision)

    async def remark(self, request: Request) -> Response:
        body = await _body(request)
        remark = self._review.remark
        text = body.get("remark", "")
        return _json(await run_in_threadpool(remark, body.get("reviewer", ""), *_part(body), text))

    async def undo(self, request: Request) -> Response:
        return await self._move(request, self._review.undo)

    async def redo(self, request: Request) -> Response:
        return await self._move(request, self._review.redo)

    async def _move(self, request: Request, move: Callable[[str], dict[str, Any]]) -> Response:
        body = await _body(request)
        return _json(await run_in_threadpool(move, body.get("reviewer", "")))


def _part(body: dict[str, Any]) -> tuple[str, str]:
    image_id, part_id = body.get("image"), body.get("part")
    if not isinstance(image_id, str) or not isinstance(part_id, str):
        raise ArgumentError("an image and a part are needed, as text")
    return image_id, part_id


async def _body(request: Request) -> dict[str, Any]:
    """Read the JSON of a request, but not more than the largest body."""
    content = bytearray()
    async for piece in request.stream():
        content += piece
        if len(content) > LARGEST_BODY:
            raise _TooLargeError
    try:
        body = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ArgumentError(f"not JSON: {error}") from error
    if not isinstance(body, dict):
        raise ArgumentError("not a JSON object")
    return body

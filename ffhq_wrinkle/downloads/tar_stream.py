"""Tar stream: members of a tar file on a host, read from any member on, without the whole file.

A tar file is a sequence of headers and contents, so that reading can begin at any header. A broken
connection is resumed at the first member that has not arrived completely.
"""

import io
import tarfile
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import urllib3

from ..errors import DAMAGED_ARCHIVE, WRONG_CONTENT, TransferFailure
from .answers import is_page, page_failure

if TYPE_CHECKING:
    from .transfer import Transfers

_BLOCK = 512  # bytes, of which headers and contents have whole numbers
_MAX_MEMBER_BYTES = 64 << 20
_CHUNK = 1 << 18


class TarMember(NamedTuple):
    """A file in a tar file: its path, where its header begins and where the next one does.

    `content` is empty for members that were not wanted.
    """

    name: str
    start: int
    end: int
    content: bytes


def tar_members(
    transfers: "Transfers",
    url: str,
    *,
    start: int,
    wanted: Callable[[str], bool],
    headers: Mapping[str, str],
) -> Generator[TarMember, None, None]:
    """Yield the files of a tar file from a member on, with the contents of those that are wanted.

    Parameters
    ----------
    transfers : Transfers
        Connections and patience.
    url : str
        Address of the tar file.
    start : int
        Where the header of the first member begins.
    wanted : callable
        Returns, for the path of a member, whether its content is wanted.
    headers : mapping
        Headers of the request.

    Raises
    ------
    TransferFailure
        The file cannot be read to its end.
    connections.Stopped
        The run was stopped.
    """
    failures = 0
    while True:
        before = start
        try:
            with transfers.reading(url, start, headers) as stream:
                for member in _members(stream, url, start, wanted):
                    start = member.end
                    yield member
            return
        except TransferFailure as failure:
            # A transfer that makes progress, however slow, is not given up.
            failures = 1 if start > before else failures + 1
            if failure.lasting or failures >= transfers.patience.attempts:
                raise
            transfers.sleep(transfers.patience.wait_s(failures))


def _members(
    stream: io.BufferedIOBase, url: str, start: int, wanted: Callable[[str], bool]
) -> Iterator[TarMember]:
    """Yield the files of a stream that begins with a header, which is `start` bytes into a file."""
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for info in archive:
                content = b""
                if info.isreg() and wanted(info.name):
                    if info.size > _MAX_MEMBER_BYTES:
                        raise _damaged(url, f"{info.name} has {info.size} bytes")
                    file = archive.extractfile(info)
                    content = file.read() if file else b""
                end = info.offset_data + -(-info.size // _BLOCK) * _BLOCK
                yield TarMember(info.name, start + info.offset, start + end, content)
                # It would keep the headers of all members.
                archive.members = []  # type: ignore[attr-defined]
    except tarfile.TarError as error:
        raise _damaged(url, str(error)) from error


def _damaged(url: str, reason: str) -> TransferFailure:
    return TransferFailure(DAMAGED_ARCHIVE, f"{url}: {reason}", lasting=True)


class ResponseStream(io.BufferedIOBase):
    """The body of a response as a file that is read once, from its beginning.

    Parameters
    ----------
    response : urllib3.BaseHTTPResponse
        The response.
    url, content_type : str
        Its address, and the type that its headers give.
    received : callable
        Called with the number of bytes of each piece that arrives.

    Raises
    ------
    TransferFailure
        The body is a web page.
    """

    def __init__(
        self,
        response: urllib3.BaseHTTPResponse,
        url: str,
        content_type: str,
        received: Callable[[int], None],
    ) -> None:
        self._response = response
        self._received = received
        self._buffer = self._piece()
        if is_page(content_type, self._buffer):
            raise page_failure(self._buffer.decode("utf-8", "replace"), url)

    def _piece(self) -> bytes:
        piece = self._response.read1(_CHUNK, decode_content=True)
        self._received(len(piece))
        return piece

    def readable(self) -> bool:
        """Return True."""
        return True

    def read(self, size: int | None = -1, /) -> bytes:
        """Return this many bytes; fewer only at the end of the body."""
        size = _MAX_MEMBER_BYTES if size is None or size < 0 else size
        pieces = [self._buffer]
        held = len(self._buffer)
        while held < size:
            piece = self._piece()
            if not piece:
                break
            pieces.append(piece)
            held += len(piece)
        joined = b"".join(pieces)
        self._buffer = joined[size:]
        return joined[:size]


def require_part(status: int, content_range: str, start: int, url: str) -> None:
    """Require that a response is the part of a file from byte `start`.

    Raises
    ------
    TransferFailure
        The host sent another part, or the file from its beginning.
    """
    if start == 0 and status == 200:
        return
    if status != 206 or not content_range.startswith(f"bytes {start}-"):
        raise TransferFailure(
            WRONG_CONTENT, f"{url}: the host sent a different part than requested"
        )

"""Places: folders and files of this machine or of an object store, such as ``s3://bucket/faces``.

A place is a `Path` on this machine or fsspec's `UPath` in a store; both join with ``/``. All access
to stores goes through this module. An object is read or written completely by one request, and
every error of a store's library becomes an `OSError`.
"""

import errno
import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Union
from urllib.parse import urlsplit
from urllib.request import url2pathname

from ..errors import ArgumentError

if TYPE_CHECKING:
    from upath import UPath

Place = Union[Path, "UPath"]  # UPath is imported only if a place is in a store

_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}  # extras of this package by protocol
_LISTED_AT_ONCE = 16
# Names that stores use for the time at which an object was written.
_WRITTEN = ("LastModified", "last_modified", "mtime", "updated", "created")
# Names that stores use for a text that changes with the content of an object.
_VERSION = ("md5Hash", "ETag", "etag")


def parse_place(text: str) -> Place:
    """Parse a path, or the address of a folder in an object store.

    Parameters
    ----------
    text : str
        A path, or ``s3://bucket/folder``, ``gs://bucket/folder`` or another address that fsspec
        supports. Keys and endpoints are set as for the store's own tools, for example by
        ``AWS_ENDPOINT_URL``.

    Raises
    ------
    ArgumentError
        The address has no bucket, a library is missing, or the protocol is not supported.

    >>> parse_place("faces"), parse_place("file:///data/faces")
    (PosixPath('faces'), PosixPath('/data/faces'))
    """
    protocol, separator, rest = text.partition("://")
    if not separator:
        return Path(text)
    if protocol == "file":
        return Path(url2pathname(urlsplit(text).path))
    if protocol in ("http", "https"):
        raise ArgumentError(f"{text}: web pages cannot be listed; download the files first")
    if not rest.strip("/"):
        raise ArgumentError(f"{text} does not name a bucket")
    extra = _EXTRAS.get(protocol)
    advice = f"pip install 'ffhq-wrinkle[{extra}]'" if extra else "install fsspec's library for it"
    try:
        from upath import UPath

        # A cached listing would lack the files that workers and other runs have written since.
        place = UPath(text, use_listings_cache=False)
        place.fs  # noqa: B018  # created here, so that a missing library is reported here
    except ImportError as error:
        raise ArgumentError(f"{text} needs a library: {advice}") from error
    except ValueError as error:
        raise ArgumentError(f"{text}: the protocol {protocol}:// is not supported") from error
    return place


class Entry(NamedTuple):
    """One name in the listing of a folder.

    Attributes
    ----------
    name : str
    is_folder : bool
    written : float
        Time at which the object was written, in seconds since 1970.
    size : int
        Size of the object in bytes.
    version : str
        A text without spaces and commas that changes with the content of the object: its ETag or,
        in a store without ETags, the time at which it was written.
    """

    name: str
    is_folder: bool
    written: float
    size: int
    version: str


def entries(folder: "UPath") -> list[Entry]:
    """List a folder of a store; the list is empty if there is no such folder.

    Raises
    ------
    OSError
        The store does not answer, or refuses access.
    """
    with _store_errors():
        try:
            infos = folder.fs.ls(folder.path, detail=True)
        except FileNotFoundError:
            return []
    inside = f"{folder.path.rstrip('/')}/"
    return [
        Entry(
            info["name"].rstrip("/").removeprefix(inside),
            info["type"] == "directory",
            _written(info),
            int(info.get("size") or 0),
            _version(info),
        )
        for info in infos
        if info["name"].startswith(inside) and info["name"] != inside
    ]


def entries_within(folder: "UPath", names: Iterable[str]) -> Iterator[tuple[str, list[Entry]]]:
    """List folders within a folder, several at a time.

    Raises
    ------
    OSError
        As `entries`.
    """
    with ThreadPoolExecutor(_LISTED_AT_ONCE) as pool:
        folders = list(names)
        yield from zip(folders, pool.map(lambda name: entries(folder / name), folders), strict=True)


def is_folder(place: Place) -> bool:
    """Return whether a folder exists; in a store, whether it contains anything.

    Raises
    ------
    OSError
        As `entries`.
    """
    if isinstance(place, Path):
        return place.is_dir()
    with _store_errors():
        return bool(place.fs.isdir(place.path))


def exists(place: Place) -> bool:
    """Return whether a file or folder exists.

    Raises
    ------
    OSError
        As `entries`.
    """
    if isinstance(place, Path):
        return place.exists()
    with _store_errors():
        return bool(place.fs.exists(place.path))


def get(place: Place, *, most: int | None = None) -> bytes:
    """Read a file or an object, or the first `most` bytes of it.

    Raises
    ------
    OSError
        The file does not exist, or cannot be read.
    """
    if isinstance(place, Path):
        with place.open("rb") as file:
            return file.read(most)
    with _store_errors():
        try:
            return bytes(place.fs.cat_file(place.path, start=0 if most else None, end=most))
        except OSError:
            # Stores reject a request for the first bytes of an empty object.
            if most and place.fs.info(place.path)["size"] == 0:
                return b""
            raise


def put(place: "UPath", content: bytes, *, new: bool = False) -> None:
    """Write an object; other readers get either the old or the new object, always complete.

    Parameters
    ----------
    place : UPath
    content : bytes
    new : bool
        Fail if the object exists. If several processes try this, one of them succeeds.

    Raises
    ------
    FileExistsError
        The object exists, and `new` is set.
    OSError
        The object cannot be written.
    """
    with _store_errors():
        place.fs.pipe_file(place.path, content, mode="create" if new else "overwrite")


def delete(place: Place) -> None:
    """Remove a file or object if it exists.

    Raises
    ------
    OSError
        The file cannot be removed.
    """
    if isinstance(place, Path):
        place.unlink(missing_ok=True)
        return
    with _store_errors(), suppress(FileNotFoundError):
        place.fs.rm_file(place.path)


def _written(info: Mapping[str, Any]) -> float:
    time = next((info[name] for name in _WRITTEN if info.get(name) is not None), 0.0)
    return float(time.timestamp() if hasattr(time, "timestamp") else time)


def _version(info: Mapping[str, Any]) -> str:
    text = next((str(info[name]) for name in _VERSION if info.get(name)), "")
    return re.sub(r'["\s,]', "", text) or repr(_written(info))


@contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except OSError:
        raise
    except Exception as error:  # each store's library has its own errors, without a common base
        raise OSError(errno.EIO, f"{type(error).__name__}: {error}") from error

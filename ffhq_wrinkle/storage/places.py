"""Places: folders and files of this machine or of an object store, such as ``s3://bucket/faces``.

A `Path` stands for the former and fsspec's `UPath` for the latter; both join with ``/``. What is
done to either goes through here: an object is read and written whole, by one request each, and
whatever a store's library raises is an `OSError`.
"""

import errno
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

Place = Union[Path, "UPath"]  # the latter is imported where there is one

_EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}  # of this package, by protocol
_LISTED_AT_ONCE = 16
# When an object was written, by the names that stores have for it.
_WRITTEN = ("LastModified", "last_modified", "mtime", "updated", "created")


def parse_place(text: str) -> Place:
    """Read a path, or the address of a folder in an object store.

    Parameters
    ----------
    text : str
        A path, or ``s3://bucket/folder``, ``gs://bucket/folder`` or what else fsspec knows. Keys
        and endpoints are where the store's own tools have them, such as ``AWS_ENDPOINT_URL``.

    Raises
    ------
    ArgumentError
        It names no bucket, a library is missing, or nothing can be listed and written there.

    >>> parse_place("faces"), parse_place("file:///data/faces")
    (PosixPath('faces'), PosixPath('/data/faces'))
    """
    protocol, separator, rest = text.partition("://")
    if not separator:
        return Path(text)
    if protocol == "file":
        return Path(url2pathname(urlsplit(text).path))
    if protocol in ("http", "https"):
        raise ArgumentError(f"{text}: web pages can not be listed; download the files first")
    if not rest.strip("/"):
        raise ArgumentError(f"{text} names no bucket")
    extra = _EXTRAS.get(protocol)
    advice = f"pip install 'ffhq-wrinkle[{extra}]'" if extra else "install fsspec's library for it"
    try:
        from upath import UPath

        # Listings that were kept would not show what workers and other runs have written.
        place = UPath(text, use_listings_cache=False)
        place.fs  # noqa: B018  # made here, so that a library that is missing is named here
    except ImportError as error:
        raise ArgumentError(f"{text} needs a library: {advice}") from error
    except ValueError as error:
        raise ArgumentError(f"{text}: there are no places of the kind {protocol}://") from error
    return place


class Entry(NamedTuple):
    """What a listing tells of one name in a folder; `written` is in seconds since 1970."""

    name: str
    is_folder: bool
    written: float


def entries(folder: "UPath") -> list[Entry]:
    """List a folder of a store; what is not there is empty.

    Raises
    ------
    OSError
        The store does not answer, or refuses.
    """
    with _store_errors():
        try:
            found = folder.fs.ls(folder.path, detail=True)
        except FileNotFoundError:
            return []
    inside = f"{folder.path.rstrip('/')}/"
    return [
        Entry(
            one["name"].rstrip("/").removeprefix(inside), one["type"] == "directory", _written(one)
        )
        for one in found
        if one["name"].startswith(inside) and one["name"] != inside
    ]


def entries_within(folder: "UPath", names: Iterable[str]) -> Iterator[tuple[str, list[Entry]]]:
    """List folders within a folder, several at a time.

    Raises
    ------
    OSError
        As `entries`.
    """
    with ThreadPoolExecutor(_LISTED_AT_ONCE) as pool:
        chosen = list(names)
        yield from zip(chosen, pool.map(lambda name: entries(folder / name), chosen), strict=True)


def is_folder(place: Place) -> bool:
    """Whether there is a folder; in a store, whether anything lies in it.

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
    """Whether there is a file or folder.

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
        It is not there, or can not be read.
    """
    if isinstance(place, Path):
        with place.open("rb") as file:
            return file.read(most)
    with _store_errors():
        try:
            return bytes(place.fs.cat_file(place.path, start=0 if most else None, end=most))
        except OSError:
            # A store has no first bytes of nothing to give.
            if most and place.fs.info(place.path)["size"] == 0:
                return b""
            raise


def put(place: "UPath", content: bytes, *, new: bool = False) -> None:
    """Write an object: other readers have the old one or the new one, whole.

    Parameters
    ----------
    place : UPath
    content : bytes
    new : bool
        Whether it must not be there yet. Of several that try, one succeeds.

    Raises
    ------
    FileExistsError
        It is there, and was to be new.
    OSError
        It can not be written.
    """
    with _store_errors():
        place.fs.pipe_file(place.path, content, mode="create" if new else "overwrite")


def delete(place: Place) -> None:
    """Remove a file or object, if it is there.

    Raises
    ------
    OSError
        It can not be removed.
    """
    if isinstance(place, Path):
        place.unlink(missing_ok=True)
        return
    with _store_errors(), suppress(FileNotFoundError):
        place.fs.rm_file(place.path)


def _written(info: Mapping[str, Any]) -> float:
    when = next((info[name] for name in _WRITTEN if info.get(name) is not None), 0.0)
    return float(when.timestamp() if hasattr(when, "timestamp") else when)


@contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except OSError:
        raise
    except Exception as error:  # every store's library has its own, with no base in common
        raise OSError(errno.EIO, f"{type(error).__name__}: {error}") from error

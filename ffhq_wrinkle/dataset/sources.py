"""Sources: the table of files that the package downloads, and the cache of verified files."""

import logging
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import platformdirs

from ..errors import SourceError
from ..storage.writing import sha256_of
from .reachability import Reachability

log = logging.getLogger(__name__)

TIMEOUT_S = 30


@dataclass(frozen=True, kw_only=True)
class Source:
    """A published file: one entry of `sources.toml`.

    `members` has the SHA-256 of files in an archive, by their paths.
    """

    name: str
    title: str
    file: str
    url: str
    size: int | None = None
    sha256: str | None = None
    md5: str | None = None
    members: Mapping[str, str] = field(default_factory=dict)

    @property
    def cached(self) -> Path:
        """Path of the file in the cache."""
        return cache_folder() / self.file


def cache_folder() -> Path:
    """Return the folder of downloaded weights: `FFHQ_WRINKLE_CACHE`, or one in the user's cache."""
    folder = os.environ.get("FFHQ_WRINKLE_CACHE")
    return Path(folder) if folder else platformdirs.user_cache_path("ffhq-wrinkle") / "weights"


def source(name: str) -> Source:
    """Return the source of a name in the table of sources; see `source_entry`.

    A Google Drive id becomes its download address.

    Raises
    ------
    SourceError
        The table cannot be read, or lacks the name or one of its keys.
    """
    entry = source_entry(name)
    try:
        address = entry.get("url") or (
            f"https://drive.usercontent.google.com/download?id={entry['drive']}"
            "&export=download&confirm=t"
        )
        return Source(
            name=name,
            title=entry["title"],
            file=entry["file"],
            url=address,
            size=entry.get("bytes"),
            sha256=entry.get("sha256"),
            md5=entry.get("md5"),
            members=entry.get("members", {}),
        )
    except KeyError as error:
        raise SourceError(f"the table of sources: [{name}] lacks {error}") from error


def source_entry(name: str) -> dict[str, Any]:
    """Return the entry of a name in the table of sources, as it is written there.

    The table is the one that `FFHQ_WRINKLE_SOURCES` names, or `manifests/sources.toml`.

    Raises
    ------
    SourceError
        The table cannot be read, or lacks the name.
    """
    chosen = os.environ.get("FFHQ_WRINKLE_SOURCES")
    table = Path(chosen) if chosen else resources.files("ffhq_wrinkle.manifests") / "sources.toml"
    try:
        return dict(tomllib.loads(table.read_text(encoding="utf-8"))[name])
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SourceError(f"{table} cannot be read: {error}") from error
    except KeyError as error:
        raise SourceError(f"{table} lacks [{name}]") from error


def fetch(published: Source) -> Path:
    """Return the path of a file in the cache, after downloading it if it is missing.

    The SHA-256 is verified every time.

    Returns
    -------
    Path
        The file, whose SHA-256 is the published one.

    Raises
    ------
    SourceError
        The file is neither in the cache nor can it be downloaded, its content is not the published
        one, or no hash is published.
    """
    import pooch
    import requests

    cached = published.cached
    if published.sha256 is None:
        raise SourceError(
            f"{published.name}: no hash is published, so it is not downloaded automatically"
        )
    if cached.is_file():
        sha256 = sha256_of(cached)
        if sha256 != published.sha256:
            raise SourceError(
                f"{cached} is damaged or a different file: its SHA-256 is {sha256}, but "
                f"{published.sha256} is published. Delete it to have it downloaded again"
            )
        return cached
    trouble = Reachability().trouble(published.url)
    if trouble:
        raise SourceError(
            f"{published.file} cannot be downloaded from {published.url} (no connection: {trouble})"
        )
    pooch.get_logger().setLevel(logging.WARNING)  # pooch would repeat the next line
    log.info("downloading %s from %s", published.title, published.url)
    try:
        pooch.retrieve(
            published.url,
            known_hash=f"sha256:{published.sha256}",
            fname=published.file,
            path=cached.parent,
            downloader=pooch.HTTPDownloader(timeout=TIMEOUT_S),
        )
    except requests.RequestException as error:
        if error.response is not None:
            error.response.close()  # pooch leaves the connection open
        cause = "no connection" if isinstance(error, requests.ConnectionError) else str(error)
        raise SourceError(
            f"{published.file} cannot be downloaded from {published.url} ({cause})"
        ) from error
    except ValueError as error:  # from pooch: the hash differs, and the file was deleted
        raise SourceError(
            f"{published.url} sent something other than {published.file} (its SHA-256 is not the "
            "published one; it is often a web page about a quota)"
        ) from error
    except OSError as error:
        raise SourceError(f"{cached} cannot be written: {error}") from error
    return cached


def fetch_weights(name: str, whose: str, otherwise: str) -> Path:
    """Return the path of weights as `fetch` does; the error message also gives a remedy.

    Parameters
    ----------
    name : str
        Name of the weights in the table of sources.
    whose : str
        Owner of the weights in the error message, such as ``"BiSeNet's"``.
    otherwise : str
        Advice to a user who does without these weights, for the error message.

    Returns
    -------
    Path
        The file, as from `fetch`.

    Raises
    ------
    SourceError
        In the cases of `fetch`.
    """
    published = source(name)
    try:
        return fetch(published)
    except SourceError as error:
        raise SourceError(
            f"{whose} weights: {error}. Put {published.file} into {published.cached.parent}, or "
            f"{otherwise}"
        ) from error

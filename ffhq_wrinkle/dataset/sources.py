"""Sources: the table of files the package fetches, and the cache of verified ones."""

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

log = logging.getLogger(__name__)

TIMEOUT_S = 30


@dataclass(frozen=True, kw_only=True)
class Source:
    """One file that is published somewhere: a table of `sources.toml`.

    A Google Drive id stands for its download address. `members` has the SHA-256 of files in an
    archive, by their paths.
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
        """Where the file is kept once it was fetched and verified."""
        return cache_folder() / self.file


def cache_folder() -> Path:
    """Folder of fetched weights: `FFHQ_WRINKLE_CACHE`, or the user's cache folder."""
    chosen = os.environ.get("FFHQ_WRINKLE_CACHE")
    return Path(chosen) if chosen else platformdirs.user_cache_path("ffhq-wrinkle") / "weights"


def source(name: str) -> Source:
    """Look a file up in `manifests/sources.toml`, or in the table `FFHQ_WRINKLE_SOURCES` names.

    Raises
    ------
    SourceError
        The table can not be read, or lacks the name or its address.
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
    """What the table of sources says of a name, as it is written there.

    Raises
    ------
    SourceError
        The table can not be read, or lacks the name.
    """
    other = os.environ.get("FFHQ_WRINKLE_SOURCES")
    table = Path(other) if other else resources.files("ffhq_wrinkle.manifests") / "sources.toml"
    try:
        return dict(tomllib.loads(table.read_text(encoding="utf-8"))[name])
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise SourceError(f"{table} can not be read: {error}") from error
    except KeyError as error:
        raise SourceError(f"{table} lacks [{name}]") from error


def fetch(wanted: Source) -> Path:
    """Give the cached file, fetching it once; its SHA-256 is verified every time.

    Returns
    -------
    Path
        The file, whose content has the published hash.

    Raises
    ------
    SourceError
        It is not in the cache and can not be fetched, or has another content than was published.
    """
    import pooch
    import requests

    if wanted.sha256 is None:
        raise SourceError(f"{wanted.name}: no hash is published, so it is not fetched by itself")
    if wanted.cached.is_file():
        found = sha256_of(wanted.cached)
        if found != wanted.sha256:
            raise SourceError(
                f"{wanted.cached} is damaged or another file: its SHA-256 is {found}, published is "
                f"{wanted.sha256}. Delete it, and it is fetched again."
            )
        return wanted.cached
    pooch.get_logger().setLevel(logging.WARNING)  # it would say the same again
    log.info("fetching %s from %s", wanted.title, wanted.url)
    try:
        pooch.retrieve(
            wanted.url,
            known_hash=f"sha256:{wanted.sha256}",
            fname=wanted.file,
            path=wanted.cached.parent,
            downloader=pooch.HTTPDownloader(timeout=TIMEOUT_S),
        )
    except requests.RequestException as error:
        if error.response is not None:
            error.response.close()  # pooch leaves the connection open
        cause = "no connection" if isinstance(error, requests.ConnectionError) else str(error)
        raise SourceError(
            f"{wanted.file} can not be fetched from {wanted.url} ({cause})"
        ) from error
    except ValueError as error:  # pooch: the hash does not match, the file was not kept
        raise SourceError(
            f"{wanted.url} sent something else than {wanted.file} (its SHA-256 is not the "
            "published one; often a web page about a quota)"
        ) from error
    except OSError as error:
        raise SourceError(f"{wanted.cached} can not be written: {error}") from error
    return wanted.cached


def fetch_weights(name: str, whose: str, otherwise: str) -> Path:
    """Fetch weights, and where that fails say what else can be done.

    Parameters
    ----------
    name : str
        Of the weights in the table of sources.
    whose, otherwise : str
        What they are called in the error, and what to do without them.

    Returns
    -------
    Path
        As `fetch`.

    Raises
    ------
    SourceError
        As `fetch`.
    """
    published = source(name)
    try:
        return fetch(published)
    except SourceError as error:
        raise SourceError(
            f"{whose} weights: {error}. Put {published.file} into {published.cached.parent}, or "
            f"{otherwise}"
        ) from error

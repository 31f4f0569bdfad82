"""Image sources: where FFHQ's photographs may come from, and what is known of them there."""

import os
import re
import shutil
import time
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from ..dataset.layout import (
    IMAGES_FOLDER,
    SHARD_SIZE,
    find_images,
    image_folder,
    released_path,
)
from ..errors import ArgumentError, SourceError, TransferFailure
from .archives import Member, members, unpack
from .metadata import ImageFacts
from .transfer import Patience
from .verification import Expected

_BATCH = 500  # ids that a mirror is asked about at once
_PART_SIZE = 10_000
_ASK_TIMES = 5
_ASK_TIMEOUT_S = (20, 60)  # for a connection, and for an answer
_MAX_IMAGE_BYTES = 64 << 20
# Archives and folders of the same file names that hold something else.
_NOT_IMAGES = re.compile(r"mask|thumbnail|label|wrinkle|wild", re.IGNORECASE)
_FFHQ_NAME = re.compile(r"(\d{5})\.png", re.IGNORECASE)


class Wanted(NamedTuple):
    """A file to have: its place in the data set, where it is, and what it should be.

    Either `url` is its address, or `copy` puts it under any name; or `failure` says that the source
    does not have it.
    """

    file: str
    source: str
    expected: Expected
    url: str = ""
    headers: Mapping[str, str] = {}
    copy: Callable[[Path], None] | None = None
    failure: TransferFailure | None = None


def place_of(image_id: str) -> str:
    """Where a photograph lies in a data set."""
    return f"{IMAGES_FOLDER}/{released_path(image_id, '.png')}"


class ImageSource(ABC):
    """Knows where the photographs of some place are.

    Attributes
    ----------
    name : str
        What the ledger calls it.
    """

    name: str

    @abstractmethod
    def wanted(self, image_ids: Sequence[str]) -> Iterator[Wanted]:
        """What is to be had for each of these ids; may ask the source, some ids at a time.

        Raises
        ------
        SourceError
            The source can not be asked.
        """


def image_source(
    text: str,
    entry: Mapping[str, Any],
    facts: Mapping[str, ImageFacts],
    *,
    patience: Patience | None = None,
) -> ImageSource:
    """Choose a source: ``huggingface``, ``drive``, an address with ``{id}``, or a folder.

    Parameters
    ----------
    text : str
        As `--source` has it.
    entry : mapping
        The table ``ffhq-images`` of `sources.toml`.
    facts : mapping
        FFHQ's own, by image id, if they are known.
    patience : Patience, optional
        How long to wait before the hub is asked again: `first_wait_s`, and then twice as long.

    Raises
    ------
    ArgumentError
        It is none of these.
    """
    side = int(entry.get("side", 1024))
    if text == "huggingface":
        return HuggingFaceImages(entry, facts, side, patience or Patience())
    if text == "drive":
        return DriveImages(facts, side)
    if "://" in text:
        return TemplateImages(text, facts, side)
    if Path(text).is_dir():
        return FolderImages(Path(text), facts, side)
    raise ArgumentError(
        f"--source {text!r} is neither huggingface, nor drive, nor an address with {{id}}, nor a "
        "folder that is there"
    )


def _expected(image_id: str, facts: Mapping[str, ImageFacts], side: int) -> Expected:
    """What FFHQ says of an image; without that, that it decodes whole at its size."""
    fact = facts.get(image_id)
    if fact is None:
        return Expected(side=side)
    return Expected(md5=fact.md5, pixel_md5=fact.pixel_md5, side=side)


class HuggingFaceImages(ImageSource):
    """A mirror on the Hugging Face hub, at a pinned revision."""

    name = "huggingface"

    def __init__(
        self,
        entry: Mapping[str, Any],
        facts: Mapping[str, ImageFacts],
        side: int,
        patience: Patience,
    ) -> None:
        self.repository, self.revision = entry["huggingface"], entry["revision"]
        self.path = entry["path"]
        self.facts, self.side, self.patience = facts, side, patience
        from huggingface_hub import constants

        # Read here, for the hub's library reads them once, when it is imported.
        self.endpoint = (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")
        self.token = os.environ.get("HF_TOKEN") or None

    def wanted(self, image_ids: Sequence[str]) -> Iterator[Wanted]:
        """Ask the hub for size and SHA-256 of many files at a time."""
        from huggingface_hub import hf_hub_url
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

        headers = {key: str(value) for key, value in build_hf_headers(token=self.token).items()}
        for start in range(0, len(image_ids), _BATCH):
            paths = {
                self.path.format(part=int(one) // _PART_SIZE + 1, image_id=one): one
                for one in image_ids[start : start + _BATCH]
            }
            known = self._ask(list(paths), headers)
            for path, image_id in paths.items():
                file = known.get(path)
                if file is None:
                    missing = f"{self.repository} has no {path} at revision {self.revision}"
                    failure = TransferFailure("not found", missing, lasting=True)
                    nothing = Expected(side=self.side)
                    yield Wanted(place_of(image_id), self.name, nothing, failure=failure)
                    continue
                expected = _expected(image_id, self.facts, self.side)
                if file.get("lfs"):
                    lfs = file["lfs"]
                    expected = replace(expected, size=lfs["size"], sha256=lfs["oid"])
                url = hf_hub_url(
                    self.repository,
                    path,
                    repo_type="dataset",
                    revision=self.revision,
                    endpoint=self.endpoint,
                )
                yield Wanted(place_of(image_id), self.name, expected, url, headers)

    def _ask(self, paths: list[str], headers: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """Size and hash of files, by path; those that are not there are left out.

        Asked with requests, since the hub's library raises what its own HTTP library of the day
        does, by which a lost connection could not be told from a bug.
        """
        import requests

        url = f"{self.endpoint}/api/datasets/{self.repository}/paths-info/{self.revision}"
        for attempt in range(1, _ASK_TIMES + 1):
            try:
                with requests.post(
                    url, data={"paths": paths}, headers=dict(headers), timeout=_ASK_TIMEOUT_S
                ) as response:
                    response.raise_for_status()
                    return {one["path"]: one for one in response.json()}
            except (requests.RequestException, ValueError, KeyError, TypeError) as error:
                status = getattr(getattr(error, "response", None), "status_code", None)
                if attempt == _ASK_TIMES or status in (401, 403, 404):
                    cause = "no connection" if status is None else f"status {status}"
                    raise SourceError(
                        f"the mirror {self.repository} at {self.endpoint} can not be asked for its "
                        f"files ({cause}). Try again later, or use another --source"
                    ) from error
                time.sleep(self.patience.first_wait_s * 2.0 ** (attempt - 1))
        raise AssertionError("unreachable")


class DriveImages(ImageSource):
    """FFHQ's own files on Google Drive, by the addresses in its metadata."""

    name = "drive"

    def __init__(self, facts: Mapping[str, ImageFacts], side: int) -> None:
        if not facts:
            raise ArgumentError(
                "--source drive needs FFHQ's metadata; run ffhq-wrinkle download metadata first"
            )
        self.facts, self.side = facts, side

    def wanted(self, image_ids: Sequence[str]) -> Iterator[Wanted]:
        """Addresses, sizes and hashes are those of the metadata."""
        for image_id in image_ids:
            fact = self.facts.get(image_id)
            place, expected = place_of(image_id), _expected(image_id, self.facts, self.side)
            if fact is None:
                message = f"FFHQ's metadata has no image {image_id}"
                failure = TransferFailure("not found", message, lasting=True)
                yield Wanted(place, self.name, expected, failure=failure)
            else:
                yield Wanted(place, self.name, replace(expected, size=fact.size), fact.url)


class TemplateImages(ImageSource):
    """Any host, by a template of addresses: ``{id}`` is 00007, ``{shard}`` 00000, ``{part}`` 1."""

    def __init__(self, template: str, facts: Mapping[str, ImageFacts], side: int) -> None:
        self.name = template
        self.facts, self.side = facts, side
        if "{id}" not in template or not template.startswith(("http://", "https://")):
            raise ArgumentError(f"--source {template}: write http(s)://... with {{id}} in it")

    def wanted(self, image_ids: Sequence[str]) -> Iterator[Wanted]:
        """Fill the template in."""
        for image_id in image_ids:
            number = int(image_id)
            url = self.name.replace("{id}", image_id)
            url = url.replace("{shard}", f"{number // SHARD_SIZE * SHARD_SIZE:05d}")
            url = url.replace("{part}", str(number // _PART_SIZE + 1))
            expected = _expected(image_id, self.facts, self.side)
            yield Wanted(place_of(image_id), self.name, expected, url)


class FolderImages(ImageSource):
    """A folder with FFHQ in it already: loose files, flat or in shards, or zip archives."""

    def __init__(self, folder: Path, facts: Mapping[str, ImageFacts], side: int) -> None:
        self.name = str(folder)
        self.facts, self.side = facts, side
        self._loose: dict[str, Path] = {}
        self._packed: dict[str, tuple[zipfile.ZipFile, Member]] = {}
        for path in sorted(folder.glob("*.zip")):
            self._add_archive(path)
        inner = image_folder(folder)
        try:
            self._loose = {name: inner / one.path for name, one in find_images(inner).items()}
        except ArgumentError:
            if not self._packed:
                raise

    def _add_archive(self, path: Path) -> None:
        def place(member: PurePosixPath) -> str | None:
            found = _FFHQ_NAME.fullmatch(member.name)
            other = any(_NOT_IMAGES.search(folder) for folder in (path.stem, *member.parts[:-1]))
            return place_of(found[1]) if found and not other else None

        try:
            archive = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise SourceError(f"{path} can not be read as a zip archive: {error}") from error
        most = len(archive.infolist()) * _MAX_IMAGE_BYTES
        for member in members(archive, place, max_bytes=most):
            self._packed[PurePosixPath(member.place).stem] = (archive, member)

    def wanted(self, image_ids: Sequence[str]) -> Iterator[Wanted]:
        """Loose files before packed ones."""
        for image_id in image_ids:
            place, expected = place_of(image_id), _expected(image_id, self.facts, self.side)
            if image_id in self._loose:
                yield Wanted(place, self.name, expected, copy=self._linked(image_id))
            elif image_id in self._packed:
                yield Wanted(place, self.name, expected, copy=self._unpacked(image_id))
            else:
                message = f"{self.name} has no image {image_id}"
                failure = TransferFailure("not found", message, lasting=True)
                yield Wanted(place, self.name, expected, failure=failure)

    def _linked(self, image_id: str) -> Callable[[Path], None]:
        source = self._loose[image_id]

        def link_or_copy(target: Path) -> None:
            if not source.is_file():
                raise TransferFailure("not found", f"{source} is no file", lasting=True)
            target.unlink(missing_ok=True)
            try:
                target.hardlink_to(source.resolve())
            except OSError:  # another file system
                shutil.copyfile(source, target)

        return link_or_copy

    def _unpacked(self, image_id: str) -> Callable[[Path], None]:
        archive, member = self._packed[image_id]
        return lambda target: unpack(archive, member, target)

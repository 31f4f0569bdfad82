"""Image sources: the hosts and folders from which FFHQ's photographs can be downloaded."""

import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from ..dataset.layout import SHARD_SIZE, find_images, image_folder
from ..dataset.reachability import Reachability
from ..errors import ArgumentError, SourceError, TransferFailure
from .archives import Member, members, unpack
from .hub_images import HubImages
from .metadata import ImageFacts
from .transfer import Patience
from .wanted_files import PART_SIZE, ImageSource, WantedFile, expected_image, place_of

_MAX_IMAGE_BYTES = 64 << 20
# Other archives and folders, whose files have the same names as the photographs.
_NOT_IMAGES = re.compile(r"mask|thumbnail|label|wrinkle|wild", re.IGNORECASE)
_FFHQ_NAME = re.compile(r"(\d{5})\.png", re.IGNORECASE)


def image_source(
    text: str,
    entry: Mapping[str, Any],
    facts: Mapping[str, ImageFacts],
    *,
    patience: Patience | None = None,
    reachability: Reachability | None = None,
) -> ImageSource:
    """Return the source for ``huggingface``, ``drive``, an address with ``{id}``, or a folder.

    `image_download` makes the source ``gaunernst``, which needs a data set.

    Parameters
    ----------
    text : str
        Value of `--source`.
    entry : mapping
        The table ``ffhq-images`` of `sources.toml`.
    facts : mapping of str to ImageFacts
        FFHQ's metadata by image id, if it is present.
    patience : Patience, optional
        How long to wait before the hub is asked again: `first_wait_s`, then twice as long each
        time.
    reachability : Reachability, optional
        Knowledge of hosts, so that the hub is tried once.

    Raises
    ------
    ArgumentError
        The text is none of these.
    """
    side = int(entry.get("side", 1024))
    if text == "huggingface":
        return HubImages(entry, facts, side, patience or Patience(), reachability or Reachability())
    if text == "drive":
        return DriveImages(facts, side)
    if "://" in text:
        return TemplateImages(text, facts, side)
    if Path(text).is_dir():
        return FolderImages(Path(text), facts, side)
    raise ArgumentError(
        f"--source {text!r} is neither huggingface, nor drive, nor gaunernst, nor auto, nor an "
        "address with {id}, nor an existing folder"
    )


class DriveImages(ImageSource):
    """FFHQ's own files on Google Drive, at the addresses in its metadata."""

    name = "drive"

    def __init__(self, facts: Mapping[str, ImageFacts], side: int) -> None:
        if not facts:
            raise ArgumentError(
                "--source drive needs FFHQ's metadata; run ffhq-wrinkle download metadata first"
            )
        self.facts, self.side = facts, side

    def files(self, image_ids: Sequence[str]) -> Iterator[WantedFile]:
        """Yield files with the addresses, sizes and hashes of the metadata."""
        for image_id in image_ids:
            fact = self.facts.get(image_id)
            place, expected = place_of(image_id), expected_image(image_id, self.facts, self.side)
            if fact is None:
                message = f"FFHQ's metadata has no image {image_id}"
                failure = TransferFailure("not found", message, lasting=True)
                yield WantedFile(place, self.name, expected, failure=failure)
            else:
                yield WantedFile(place, self.name, replace(expected, size=fact.size), fact.url)


class TemplateImages(ImageSource):
    """Any host, by a template of addresses: ``{id}`` is 00007, ``{shard}`` 00000, ``{part}`` 1."""

    def __init__(self, template: str, facts: Mapping[str, ImageFacts], side: int) -> None:
        self.name = template
        self.facts, self.side = facts, side
        if "{id}" not in template or not template.startswith(("http://", "https://")):
            raise ArgumentError(
                f"--source {template} should start with http:// or https:// and contain {{id}}"
            )

    def files(self, image_ids: Sequence[str]) -> Iterator[WantedFile]:
        """Yield files with addresses made from the template."""
        for image_id in image_ids:
            number = int(image_id)
            url = self.name.replace("{id}", image_id)
            url = url.replace("{shard}", f"{number // SHARD_SIZE * SHARD_SIZE:05d}")
            url = url.replace("{part}", str(number // PART_SIZE + 1))
            expected = expected_image(image_id, self.facts, self.side)
            yield WantedFile(place_of(image_id), self.name, expected, url)


class FolderImages(ImageSource):
    """A folder that already contains FFHQ: as files, flat or in shards, or in zip archives."""

    def __init__(self, folder: Path, facts: Mapping[str, ImageFacts], side: int) -> None:
        self.name = str(folder)
        self.facts, self.side = facts, side
        self._loose: dict[str, Path] = {}
        self._packed: dict[str, tuple[zipfile.ZipFile, Member]] = {}
        for path in sorted(folder.glob("*.zip")):
            self._add_archive(path)
        inner = image_folder(folder)
        try:
            self._loose = {
                image_id: inner / image.path for image_id, image in find_images(inner).items()
            }
        except ArgumentError:
            if not self._packed:
                raise

    def _add_archive(self, path: Path) -> None:
        def place(member: PurePosixPath) -> str | None:
            match = _FFHQ_NAME.fullmatch(member.name)
            folders = (path.stem, *member.parts[:-1])
            if not match or any(_NOT_IMAGES.search(folder) for folder in folders):
                return None
            return place_of(match[1])

        try:
            archive = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise SourceError(f"{path} cannot be read as a zip archive: {error}") from error
        max_bytes = len(archive.infolist()) * _MAX_IMAGE_BYTES
        for member in members(archive, place, max_bytes=max_bytes):
            self._packed[PurePosixPath(member.place).stem] = (archive, member)

    def files(self, image_ids: Sequence[str]) -> Iterator[WantedFile]:
        """Yield files to copy; loose files take precedence over those in archives."""
        for image_id in image_ids:
            place, expected = place_of(image_id), expected_image(image_id, self.facts, self.side)
            if image_id in self._loose:
                yield WantedFile(place, self.name, expected, copy=self._linked(image_id))
            elif image_id in self._packed:
                yield WantedFile(place, self.name, expected, copy=self._unpacked(image_id))
            else:
                message = f"{self.name} has no image {image_id}"
                failure = TransferFailure("not found", message, lasting=True)
                yield WantedFile(place, self.name, expected, failure=failure)

    def _linked(self, image_id: str) -> Callable[[Path], None]:
        source = self._loose[image_id]

        def link_or_copy(target: Path) -> None:
            if not source.is_file():
                raise TransferFailure("not found", f"{source} is not a file", lasting=True)
            target.unlink(missing_ok=True)
            try:
                target.hardlink_to(source.resolve())
            except OSError:  # such as a different file system
                shutil.copyfile(source, target)

        return link_or_copy

    def _unpacked(self, image_id: str) -> Callable[[Path], None]:
        archive, member = self._packed[image_id]
        return lambda target: unpack(archive, member, target)

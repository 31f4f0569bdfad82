"""Shard images: a mirror of FFHQ's photographs as lossless WebP in tar files, a WebDataset.

Only tar files that hold requested images are read, each in one stream from the first image that is
needed to the last. Which images a file holds is not published: the id of its first image tells, if
files are in order. If an image is not where that says, all other files are read for it.
"""

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from ..errors import ImageError, SourceError, TransferFailure
from ..images.photographs import read_image
from ..images.png import encode_png
from .hub_images import hub_endpoint, hub_headers
from .metadata import ImageFacts
from .shard_index import Shard, ShardIndex
from .tar_stream import tar_members
from .wanted_files import ImageSource, WantedFile, expected_image, place_of

if TYPE_CHECKING:
    from .transfer import Transfers

INDEX = ".gaunernst.json"
_IMAGE = re.compile(r"(\d{5})\.webp", re.IGNORECASE)
_ATTEMPTS = 5
_TIMEOUT_S = (20, 60)  # for a connection, and for an answer
# A gap of more bytes than this between two needed images is not read: a new request is faster.
_LONGEST_GAP = 16 << 20
_SECONDS_BETWEEN_SAVES = 5.0


class ShardImages(ImageSource):
    """A mirror on the Hugging Face hub whose images are in tar files, at a pinned revision.

    Parameters
    ----------
    entry : mapping
        The table ``ffhq-images-wds`` of `sources.toml`, which names the mirror.
    facts : mapping of str to ImageFacts
        FFHQ's metadata by image id, if it is present.
    side : int
        Height and width of the images.
    transfers : Transfers
        Connections and patience.
    data : Path
        The data set, which keeps the index of the tar files.
    keep_webp : bool
        Whether files are kept as WebP; otherwise they are written as PNG.
    """

    name = "gaunernst"

    def __init__(
        self,
        entry: Mapping[str, Any],
        facts: Mapping[str, ImageFacts],
        side: int,
        *,
        transfers: "Transfers",
        data: Path,
        keep_webp: bool = False,
    ) -> None:
        self.repository, self.revision = entry["huggingface"], entry["revision"]
        self.facts, self.side, self.keep_webp = facts, side, keep_webp
        self._transfers = transfers
        self._index = ShardIndex(data / INDEX, self.revision)
        self._saved = time.monotonic()
        self.endpoint = hub_endpoint()

    def files(self, image_ids: Sequence[str]) -> Iterator[WantedFile]:
        """Yield the files in the order in which they arrive, then those that no tar file has."""
        self._headers = hub_headers(os.environ.get("HF_TOKEN") or None)
        self._list_shards()
        needed = set(image_ids)
        trouble = ""
        try:
            for name, ids, to_the_end in self._plan(needed):
                try:
                    for image_id, content in self._read(name, ids & needed, to_the_end=to_the_end):
                        needed.discard(image_id)
                        yield self._arrived(image_id, content)
                except TransferFailure as failure:
                    trouble = trouble or str(failure)
        finally:
            self._index.save()
        for image_id in sorted(needed):
            message = trouble or f"{self.repository} has no {image_id} at revision {self.revision}"
            lacking = TransferFailure("not found", message, lasting=True)
            expected = expected_image(image_id, self.facts, self.side)
            yield WantedFile(self._place(image_id), self.name, expected, failure=lacking)

    def _place(self, image_id: str) -> str:
        return place_of(image_id, ".webp" if self.keep_webp else ".png")

    def _arrived(self, image_id: str, content: bytes) -> WantedFile:
        expected = expected_image(image_id, self.facts, self.side)
        copy = _writer(content, keep=self.keep_webp)
        return WantedFile(self._place(image_id), self.name, expected, copy=copy)

    def _plan(self, needed: set[str]) -> Iterator[tuple[str, set[str], bool]]:
        """Yield shards with the images to look for in them, and whether to read to their end.

        Those whose places are known come first, then those that are guessed, then all others for
        what is still needed. `needed` shrinks while the plan is carried out.
        """
        of_shards: dict[str, set[str]] = {}
        for image_id in sorted(needed):
            name = self._index.place(image_id)
            if name:
                of_shards.setdefault(name, set()).add(image_id)
        yield from ((name, ids, False) for name, ids in sorted(of_shards.items()))
        self._look_at_first_images(needed)
        guessed: dict[str, set[str]] = {}
        for image_id in sorted(needed):
            name = self._index.guess(image_id)
            if name:
                guessed.setdefault(name, set()).add(image_id)
        for name, _ in sorted(guessed.items()):
            yield name, set(needed), False
        for name in sorted(self._index.shards):
            if needed and not self._index.shards[name].is_whole:
                yield name, set(needed), True

    def _look_at_first_images(self, needed: set[str]) -> None:
        """Read the first header of each tar file, unless that is known."""
        if not needed:
            return
        for name, shard in self._index.shards.items():
            if shard.first or shard.is_whole:
                continue
            members = tar_members(
                self._transfers, self._url(name), start=0, wanted=lambda _: False,
                headers=self._headers,
            )  # fmt: skip
            try:
                for member in members:
                    match = _IMAGE.fullmatch(PurePosixPath(member.name).name)
                    if match:
                        shard.first = match[1]
                        break
            except TransferFailure:
                continue  # it is read for what is not found elsewhere, and reported then
            finally:
                members.close()

    def _read(self, name: str, ids: set[str], *, to_the_end: bool) -> Iterator[tuple[str, bytes]]:
        """Yield images of a tar file with their contents, until all are found or the file ends.

        Raises
        ------
        TransferFailure
            The file cannot be read to its end.
        """
        shard = self._index.shards[name]
        left = set(ids)
        known = sorted(shard.starts[image_id] for image_id in left if image_id in shard.starts)
        start = known[0] if known else shard.read_to
        while left:
            beyond = [shard.starts[each] for each in left if shard.starts.get(each, -1) >= start]
            unknown = any(image_id not in shard.starts for image_id in left)
            if not beyond and (not unknown or shard.is_whole):
                return
            jumped = False
            members = tar_members(
                self._transfers, self._url(name), start=start, headers=self._headers,
                wanted=lambda path: _id_of(path) in left,
            )  # fmt: skip
            try:
                for member in members:
                    start = member.end
                    self._note(shard, member.name, member.start, member.end)
                    image_id = _id_of(member.name)
                    if image_id in left and member.content:
                        left.discard(image_id)
                        yield image_id, member.content
                    if not left:
                        return
                    following = self._next_start(shard, left, start)
                    if following is None:
                        return
                    if following - start > _LONGEST_GAP:
                        start, jumped = following, True
                        break
            finally:
                members.close()
            if not jumped:
                shard.is_whole = True
                return

    def _next_start(self, shard: Shard, left: set[str], start: int) -> int | None:
        """Return where the next image that is needed can begin; None if it is not in this file."""
        starts = [shard.starts[image_id] for image_id in left if image_id in shard.starts]
        beyond = [known for known in starts if known >= start]
        if beyond:
            return min(beyond)
        unknown = any(image_id not in shard.starts for image_id in left)
        return max(start, shard.read_to) if unknown and not shard.is_whole else None

    def _note(self, shard: Shard, path: str, start: int, end: int) -> None:
        """Enter a member in the index, if it follows on what has been seen."""
        image_id = _id_of(path)
        if image_id:
            shard.add(image_id, start)
            shard.first = shard.first or image_id
        if start <= shard.read_to:
            shard.read_to = max(shard.read_to, end)
        if time.monotonic() - self._saved > _SECONDS_BETWEEN_SAVES:
            self._saved = time.monotonic()
            self._index.save()

    def _url(self, name: str) -> str:
        from huggingface_hub import hf_hub_url

        return hf_hub_url(
            self.repository, name, repo_type="dataset", revision=self.revision,
            endpoint=self.endpoint,
        )  # fmt: skip

    def _list_shards(self) -> None:
        """Enter the tar files of the mirror in the index, unless they are known.

        Raises
        ------
        SourceError
            They cannot be listed, or there are none.
        """
        if self._index.shards:
            return
        trouble = self._transfers.reachability.trouble(self.endpoint)
        if trouble:
            raise self._unlisted(f"no connection: {trouble}")
        url = f"{self.endpoint}/api/datasets/{self.repository}/tree/{self.revision}?recursive=true"
        names: list[str] = []
        while url:
            entries, url = self._page(url)
            names += [entry["path"] for entry in entries if entry["path"].endswith(".tar")]
        if not names:
            raise self._unlisted("it has no tar files")
        self._index.shards = {name: Shard() for name in sorted(names)}

    def _page(self, url: str) -> tuple[list[dict[str, Any]], str]:
        """Return one page of the list of files, and the address of the next; empty if none."""
        import requests

        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with requests.get(url, headers=self._headers, timeout=_TIMEOUT_S) as response:
                    response.raise_for_status()
                    entries = [entry for entry in response.json() if "path" in entry]
                    return entries, response.links.get("next", {}).get("url", "")
            except (requests.RequestException, ValueError, TypeError) as error:
                status = getattr(getattr(error, "response", None), "status_code", None)
                if attempt == _ATTEMPTS or status in (401, 403, 404):
                    cause = "no connection" if status is None else f"status {status}"
                    raise self._unlisted(cause) from error
                time.sleep(self._transfers.patience.first_wait_s * 2.0 ** (attempt - 1))
        raise AssertionError("unreachable")

    def _unlisted(self, cause: str) -> SourceError:
        return SourceError(
            f"the files of the mirror {self.repository} at {self.endpoint} cannot be listed "
            f"({cause}). Try again later, or use a different --source, such as a folder"
        )


def _id_of(path: str) -> str:
    """Return the id of the image that a member of a tar file is; empty if it is none."""
    match = _IMAGE.fullmatch(PurePosixPath(path).name)
    return match[1] if match else ""


def _writer(content: bytes, *, keep: bool) -> Callable[[Path], None]:
    """Return a function that writes a WebP file, as it is or as PNG.

    A file that cannot be decoded is written as it is, so that its verification says what is wrong.
    """

    def write(target: Path) -> None:
        target.write_bytes(content)
        if not keep:
            with suppress(ImageError):
                target.write_bytes(encode_png(read_image(target, apply_profile=False)))

    return write

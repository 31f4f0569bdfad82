"""Weak cache: weak masks and face masks that training lacks, made once by `weak` and kept.

Each parser, with its settings and those of the texture map, has a folder of its own. A table in it
says which photographs the results were made from, so that results of others are not taken.
"""

import csv
import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from ...dataset.layout import released_path
from ...errors import ImageError, ImageFailure, OutputError, ParsingError
from ...faces.labels import FaceParser
from ...results.failures import read_failures
from ...results.records import WEAK_RECORD
from ...runs.pipeline import run_each
from ...storage.writing import (
    InnerFolders,
    csv_bytes,
    output_error,
    sha256_of,
    write_bytes,
)
from ...weak_labels.texture import TextureSettings
from ...weak_labels.weak import build_weak_of
from ...weak_labels.weak_work import ByProducts
from .picture_files import read_face

log = logging.getLogger(__name__)

CACHE = ".ffhq-wrinkle-cache"
_TABLE = "sources.csv"
_COLUMNS = ("image_id", "sizes_and_times", "sha256")


class ReadyFaces(FaceParser):
    """Says where faces are that have a face mask or label map already.

    Parameters
    ----------
    files : mapping of str to Path
        The file of each image id.
    """

    name = "ready"
    note = "ready face masks"

    def __init__(self, files: Mapping[str, Path]) -> None:
        self.files = files

    def prepare(self, image: np.ndarray, image_id: str) -> np.ndarray:
        """Read the image's face mask, bool (H, W), which takes the label map's place."""
        path = self.files[image_id]
        try:
            return read_face(path, (image.shape[0], image.shape[1]))
        except ImageError as error:
            raise ImageError(f"{path}: {error}") from error

    def face(self, label_map: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """What `prepare` read."""
        return label_map


class MadeFiles(NamedTuple):
    """The weak mask of an image, and the face mask that it was made with."""

    weak: Path
    face: Path


class Provided(NamedTuple):
    """What a cache has: files by image id, why images have no face, and why others failed."""

    files: dict[str, MadeFiles]
    faceless: dict[str, str]
    failed: dict[str, str]


class _Source(NamedTuple):
    """A row of the table: what a result was made from, as text."""

    sizes_and_times: str
    sha256: str


class WeakCache:
    """Weak masks and face masks made by one parser with one set of settings.

    Parameters
    ----------
    root : Path
        Folder of caches.
    parser : FaceParser
        Finds the faces.
    texture : TextureSettings
        How texture maps are computed.
    jobs : int
        Threads.
    """

    def __init__(
        self, root: Path, parser: FaceParser, texture: TextureSettings, *, jobs: int = 1
    ) -> None:
        settings = {**asdict(texture), **parser.settings()}
        key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
        self.folder = root / f"{parser.name}-{key}"
        self.parser = parser
        self.texture = texture
        self.jobs = jobs
        self._weak = self.folder / "weak"
        self._faces = self.folder / "face_masks"

    def provide(self, images: Mapping[str, Path]) -> Provided:
        """Give the files of images, after making those that are not there.

        What is made, and what is there already, is logged. Files whose photograph has changed
        since, or now is another one of the same id, are made anew.

        Parameters
        ----------
        images : mapping of str to Path
            The photograph of each id.

        Returns
        -------
        Provided

        Raises
        ------
        OutputError
            The cache can not be written, or another run is writing to it.
        RunInterrupted
            Ctrl-C; what is done is kept, and the same call goes on from there.
        """
        self._drop_outdated(images)
        expected = {image_id: self._files(image_id) for image_id in images}
        there = {image_id for image_id, files in expected.items() if self._has(files)}
        if len(there) == len(images) and self._is_finished():
            log.info("%d weak masks reused from %s", len(there), self._weak)
            return Provided(expected, {}, {})
        report = build_weak_of(
            images,
            self._weak,
            parser=self.parser,
            texture=self.texture,
            by_products=ByProducts(face_masks=self._faces),
            jobs=self.jobs,
        )
        if report.kept:
            log.info("%d weak masks reused from %s", report.kept, self._weak)
        if report.made:
            log.info("made %d weak masks into %s", report.made, self._weak)
        provided = Provided(
            {one: files for one, files in expected.items() if self._has(files)}, {}, {}
        )
        for failure in read_failures(self._weak):
            image_id = PurePosixPath(failure.path).stem
            if image_id in images:
                faceless = failure.step == ParsingError.step
                reasons = provided.faceless if faceless else provided.failed
                reasons[image_id] = failure.reason
        return provided

    def _files(self, image_id: str) -> MadeFiles:
        """Where `build_weak_of` puts them."""
        return MadeFiles(
            self._weak / released_path(image_id, ".png"), self._faces / f"{image_id}.png"
        )

    @staticmethod
    def _has(files: MadeFiles) -> bool:
        return files.weak.exists() and files.face.exists()

    def _is_finished(self) -> bool:
        """Whether no run was cut off here, so that names are proof enough."""
        return all((folder / WEAK_RECORD).exists() for folder in (self._weak, self._faces))

    def _drop_outdated(self, images: Mapping[str, Path]) -> None:
        """Remove results of other photographs, and note which ones are to be the sources now."""
        known = self._read_table()
        table = dict(known)
        outdated: list[str] = []

        def look(image_id: str) -> _Source:
            paths = [images[image_id]]
            if isinstance(self.parser, ReadyFaces):
                paths.append(self.parser.files[image_id])
            try:
                stats = [path.stat() for path in paths]
                stamps = " ".join(f"{one.st_size}:{one.st_mtime_ns}" for one in stats)
                before = known.get(image_id)
                if before and before.sizes_and_times == stamps:
                    return before
                return _Source(stamps, " ".join(sha256_of(path) for path in paths))
            except OSError as error:
                raise ImageError(f"can not be read: {error.strerror or error}") from error

        with run_each(sorted(images), look, jobs=self.jobs) as outcomes:
            for image_id, source in outcomes:
                if isinstance(source, ImageFailure):
                    log.debug("%s: %s", image_id, source)  # `checks` reports it, with all others
                    continue
                table[image_id] = source
                before = known.get(image_id)
                if before is None or before.sha256 != source.sha256:
                    files = self._files(image_id)
                    outdated.extend([image_id] if any(path.exists() for path in files) else [])
                    for path in files:
                        path.unlink(missing_ok=True)
        if outdated:
            log.info(
                "%d images are not those that %s was made from, such as %s; these are made anew",
                len(outdated),
                self._weak,
                outdated[0],
            )
        if table != known:
            rows = [(image_id, *source) for image_id, source in sorted(table.items())]
            InnerFolders(self.folder).make(self.folder)
            write_bytes(self.folder / _TABLE, csv_bytes(_COLUMNS, rows))

    def _read_table(self) -> dict[str, _Source]:
        path = self.folder / _TABLE
        try:
            with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
                rows = [row for row in csv.reader(file) if len(row) == len(_COLUMNS)]
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise output_error(path, error) from error
        except csv.Error as error:
            raise OutputError(f"{path} is damaged: {error}; remove {self.folder}") from error
        return {image_id: _Source(*source) for image_id, *source in rows[1:]}

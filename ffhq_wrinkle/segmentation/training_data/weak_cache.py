"""Weak cache: weak masks and face masks that the data set lacks, made once by `weak` and kept.

Each parser, with its settings and those of the texture map, has a folder of its own. The tables of
inputs in it record the files that the results were made from, so that results of other photographs
with the same ids are not reused. Another table records the sizes and times of the results, so that
a file that was changed since is looked at, and made again if it is damaged.
"""

import csv
import hashlib
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ...dataset.ids import id_of_path
from ...dataset.layout import released_path
from ...errors import ImageFailure, OutputError, ParsingError, counted, first_few
from ...faces.labels import FaceParser
from ...images.named import read_named
from ...images.photographs import read_gray
from ...results.failures import read_failures
from ...results.inputs import INPUTS, SizesAndTimes, read_inputs
from ...results.records import WEAK_RECORD
from ...runs.pipeline import run_each
from ...storage.locks import turn
from ...storage.writing import InnerFolders, csv_bytes, output_error, write_bytes
from ...weak_labels.texture import TextureSettings
from ...weak_labels.weak import build_weak_of
from ...weak_labels.weak_work import ByProducts, weak_inputs
from .picture_files import read_face

log = logging.getLogger(__name__)

CACHE = ".ffhq-wrinkle-cache"
_RESULTS = "results.csv"
_LOCK = ".cache.lock"
_COLUMNS = ("image_id", "sizes_and_times")


class ReadyFaces(FaceParser):
    """Reads the faces of images that have a face mask or label map already.

    Parameters
    ----------
    files : mapping of str to Path
        The file of each image id.
    """

    name = "ready"
    note = "ready face masks"

    def __init__(self, files: Mapping[str, Path]) -> None:
        self.files = files

    def inputs(self, image_id: str) -> Sequence[Iterable[str]]:
        """Return the image's face mask or label map."""
        return ((str(self.files[image_id]),),)

    def prepare(self, image: np.ndarray, image_id: str) -> np.ndarray:
        """Read the image's face mask, bool (H, W), which takes the place of a label map."""
        shape = (image.shape[0], image.shape[1])
        return read_named(self.files[image_id], lambda path: read_face(path, shape))

    def face(self, label_map: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
        """Return the face mask that `prepare` read."""
        return label_map


class MadeFiles(NamedTuple):
    """The weak mask of an image, and the face mask that it was made with."""

    weak: Path
    face: Path

    def exist(self) -> bool:
        """Return whether both files exist."""
        return self.weak.exists() and self.face.exists()

    def remove(self) -> None:
        """Remove the files that exist."""
        for path in self:
            path.unlink(missing_ok=True)


class Provided(NamedTuple):
    """The files of images, and for the others the reason why there are none, all by id.

    Attributes
    ----------
    files : mapping of str to MadeFiles
        The files.
    faceless : mapping of str to str
        Why no face was found.
    failed : mapping of str to str
        Why the files could not be made for another reason.
    """

    files: Mapping[str, MadeFiles]
    faceless: Mapping[str, str]
    failed: Mapping[str, str]

    def joined(self, other: "Provided") -> "Provided":
        """Return both, of different images, as one."""
        return Provided(
            {**self.files, **other.files},
            {**self.faceless, **other.faceless},
            {**self.failed, **other.failed},
        )


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
        """Return the files of images, after making those that do not exist.

        How many are made and how many are reused is logged. Files whose photograph has changed, or
        is now a different one with the same id, are made again. If another run is making files
        here, this one waits for it and takes what it made.

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
            The cache cannot be written.
        RunInterrupted
            Ctrl-C. Finished results are kept; the same call continues from there.
        """
        with turn(self.folder, _LOCK):
            recorded = self._read_results()
            results = self._remove_damaged(images, recorded)
            provided = self._provide(images)
            for image_id, files in provided.files.items():
                results[image_id] = _sizes_and_times(files)
            if results != recorded:
                self._write_results(results)
        return provided

    def _provide(self, images: Mapping[str, Path]) -> Provided:
        expected = {image_id: self._files(image_id) for image_id in images}
        if all(files.exist() for files in expected.values()) and self._is_current(images):
            log.info("%s reused from %s", counted(len(expected), "weak mask"), self._weak)
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
            log.info("%s reused from %s", counted(report.kept, "weak mask"), self._weak)
        if report.made:
            log.info("made %s into %s", counted(report.made, "weak mask"), self._weak)
        faceless: dict[str, str] = {}
        failed: dict[str, str] = {}
        for failure in read_failures(self._weak):
            image_id = id_of_path(failure.path)
            if image_id in images:
                reasons = faceless if failure.step == ParsingError.step else failed
                reasons[image_id] = failure.reason
        made = {image_id: files for image_id, files in expected.items() if files.exist()}
        return Provided(made, faceless, failed)

    def _files(self, image_id: str) -> MadeFiles:
        """Return the files that `build_weak_of` writes for an image."""
        return MadeFiles(
            self._weak / released_path(image_id, ".png"), self._faces / f"{image_id}.png"
        )

    def _is_current(self, images: Mapping[str, Path]) -> bool:
        """Return whether all files that exist are valid and made from the present files."""
        if not all((folder / WEAK_RECORD).exists() for folder in (self._weak, self._faces)):
            return False  # the last run was interrupted
        tables = [read_inputs(folder / INPUTS) for folder in (self._weak, self._faces)]
        sizes_and_times = SizesAndTimes()
        for image_id, image in images.items():
            present = sizes_and_times.of(weak_inputs(str(image), self.parser, image_id))
            if not all(table.has(image_id, present) for table in tables):
                return False
        return True

    def _remove_damaged(
        self, images: Mapping[str, Path], recorded: Mapping[str, str]
    ) -> dict[str, str]:
        """Remove results that cannot be read, and return sizes and times of all the others."""
        whole = dict(recorded)
        damaged: list[str] = []
        with run_each(
            sorted(images),
            lambda image_id: self._whole_result(self._files(image_id), recorded.get(image_id)),
            jobs=self.jobs,
        ) as outcomes:
            for image_id, result in outcomes:
                if isinstance(result, ImageFailure):
                    damaged.append(str(result))
                    self._files(image_id).remove()
                if isinstance(result, str):
                    whole[image_id] = result
                else:
                    whole.pop(image_id, None)
        if damaged:
            log.warning(
                "damaged weak masks or face masks of %s are made again (%d): %s",
                *(self.folder, len(damaged), first_few(damaged, separator="; ")),
            )
        return whole

    def _whole_result(self, files: MadeFiles, recorded: str | None) -> str | None:
        """Return sizes and times of an image's results, or None if it has none.

        Raises
        ------
        ImageError
            They changed since they were recorded, and one cannot be read.
        """
        if not files.exist():
            return None
        sizes_and_times = _sizes_and_times(files)
        if sizes_and_times != recorded:
            for path in files:
                read_named(path, read_gray)
        return sizes_and_times

    def _read_results(self) -> dict[str, str]:
        path = self.folder / _RESULTS
        try:
            with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
                rows = [row for row in csv.reader(file) if len(row) == len(_COLUMNS)]
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise output_error(path, error) from error
        except csv.Error as error:
            raise OutputError(f"{path} is damaged: {error}; remove {self.folder}") from error
        return {image_id: sizes_and_times for image_id, sizes_and_times in rows[1:]}

    def _write_results(self, results: Mapping[str, str]) -> None:
        InnerFolders(self.folder).make(self.folder)
        write_bytes(self.folder / _RESULTS, csv_bytes(_COLUMNS, sorted(results.items())))


def _sizes_and_times(paths: Iterable[Path]) -> str:
    stats = [path.stat() for path in paths]
    return " ".join(f"{stat.st_size}:{stat.st_mtime_ns}" for stat in stats)

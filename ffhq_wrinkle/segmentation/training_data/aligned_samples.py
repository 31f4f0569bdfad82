"""Aligned samples: the faces of photos and their human masks, cut out together once and kept.

Training then reads the aligned images and masks instead of the photos and theirs. Like weak masks,
they are made again if their photo or mask is replaced.
"""

import hashlib
import json
import logging
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ... import __version__
from ...dataset.ids import id_of_path
from ...dataset.layout import ImageFile
from ...errors import (
    AlignmentError,
    ArgumentError,
    ImageError,
    OutputError,
    TrainingDataError,
    counted,
    first_few,
)
from ...faces.face_table import TABLE, face_comment, face_rows, face_table
from ...faces.views import AlignedFaces, View
from ...images.named import read_named
from ...images.photographs import read_image
from ...results.failures import read_failures
from ...results.inputs import Candidates, InputRow, InputTable, Reading
from ...results.outputs import OutputFolder
from ...results.result_files import State
from ...runs.folder_run import Selection, run_folder
from ...runs.shards import Work
from ...storage.writing import write_bytes
from .left_out import report_left_out
from .picture_files import require_same_size
from .sample_files import SampleFiles
from .samples import read_human_mask
from .soft_masks import soft_masks
from .weak_cache import CACHE

log = logging.getLogger(__name__)

_RECORD = "aligned.json"
_IMAGES, _MASKS, _SOFT_MASKS = "images", "masks", "soft_masks"
_DRAWN = 128  # least level of a pixel of which at least half is drawn
_READ_AT_ONCE = 16


def align_sample_files(
    files: SampleFiles,
    image_ids: Collection[str],
    faces: AlignedFaces,
    *,
    cache: Path | None = None,
    jobs: int = 1,
) -> SampleFiles:
    """Cut out the faces of photos, and of their human masks with the same squares.

    Photos whose face is not found, or that have several, are left out with a warning that names
    them.

    Parameters
    ----------
    files : SampleFiles
        The files of a data set of photos.
    image_ids : collection of str
        The photos to align; the others are left out.
    faces : AlignedFaces
        Finds the faces, one in each photo.
    cache : Path, optional
        Folder for what is made; by default a hidden folder of the data set, or beside the CSV.
    jobs : int
        Threads.

    Returns
    -------
    SampleFiles
        The data set with aligned images and masks. Photos and masks that do not exist keep their
        paths, for `checks` to report them.

    Raises
    ------
    ArgumentError
        The data set has weak masks, face masks or label maps, which are those of whole photos, or
        photos share a row of the landmarks.
    TrainingDataError
        No photo can be aligned, or files cannot be read or do not fit together.
    OutputError, RunInterrupted
        As `weak.build_weak`.
    """
    _require_photos_only(files)
    faces.require_distinct(files.images, where=files.data)
    photos = {image_id: files.images[image_id] for image_id in sorted(image_ids)}
    masks = {image_id: files.masks[image_id] for image_id in photos if image_id in files.masks}
    soft = soft_masks([path for path in masks.values() if path.is_file()], jobs=jobs)
    todo = {
        image_id: _Photo(path, masks.get(image_id), masks.get(image_id) in soft)
        for image_id, path in photos.items()
        if path.is_file() and (image_id not in masks or masks[image_id].is_file())
    }
    root = cache or files.root / CACHE
    try:
        folder, unaligned = _align(todo, root, faces, jobs=jobs)
    except OutputError as error:
        if cache:
            raise
        raise OutputError(
            f"{error}; the aligned faces of {files.data} can be kept elsewhere with --cache DIR"
        ) from error
    report_left_out(
        unaligned,
        len(photos),
        noun="photo",
        cause="no single face was found",
        none_left=f"none of {counted(len(photos), 'photo')} can be aligned",
    )
    images = {
        image_id: folder / f"{_IMAGES}/{image_id}.png" if image_id in todo else path
        for image_id, path in photos.items()
        if image_id not in unaligned
    }
    aligned_masks = {
        image_id: folder / todo[image_id].mask_path(image_id) if image_id in todo else path
        for image_id, path in masks.items()
        if image_id not in unaligned
    }
    return replace(
        files,
        images=images,
        masks=aligned_masks,
        split={image_id: part for image_id, part in files.split.items() if image_id in images},
        soft=frozenset(
            path
            for image_id, path in aligned_masks.items()
            if image_id in todo and todo[image_id].soft
        ),
    )


class _Photo(NamedTuple):
    """A photo and its human mask, which may be soft."""

    image: Path
    mask: Path | None
    soft: bool

    def mask_path(self, image_id: str) -> str:
        """Return the path of the aligned mask; a mask that turns out to be soft has another."""
        return f"{_SOFT_MASKS if self.soft else _MASKS}/{image_id}.png"


def _require_photos_only(files: SampleFiles) -> None:
    """Refuse a data set with files that fit its whole photos only."""
    for kind, paths in (("weak masks", files.weak), ("face masks or label maps", files.faces)):
        if paths:
            raise ArgumentError(
                f"{files.data} has {kind} of whole photos, such as {min(paths.values())}; with "
                "--align, those of the aligned faces are made. Move them away"
            )


def _align(
    photos: Mapping[str, _Photo], root: Path, faces: AlignedFaces, *, jobs: int
) -> tuple[Path, dict[str, str]]:
    """Return the folder of the aligned images and masks, and why photos cannot be aligned."""
    settings = faces.settings()
    key = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:12]
    folder = root / f"aligned-{key}"
    selection = Selection(
        [ImageFile(image_id, f"{image_id}.png") for image_id in photos],
        missing=[],
        everything=False,
    )
    output = OutputFolder(
        folder,
        settings,
        note=f"aligned as in FFHQ by {settings['align']}; ffhq-wrinkle train",
        record=_RECORD,
        subfolders=(_IMAGES, _MASKS, _SOFT_MASKS),
    )
    with output:
        results = _AlignedSamples(output, photos)
        report = run_folder(
            selection,
            folder,
            title="align",
            noun="photos",
            work=_AlignSamples(photos, faces, results),
            jobs=jobs,
        )
    log.info(
        "faces of %s aligned, %d of them earlier, in %s",
        counted(report.made + report.kept, "photo"),
        report.kept,
        folder,
    )
    unaligned: dict[str, str] = {}
    unusable: list[str] = []
    for failure in read_failures(folder):
        image_id = id_of_path(failure.path)
        if image_id not in photos:
            continue
        if failure.step == AlignmentError.step:
            unaligned[image_id] = failure.reason
        else:
            unusable.append(f"{photos[image_id].image}: {failure.reason}")
    if unusable:
        raise TrainingDataError(
            f"{counted(len(unusable), 'photo')} cannot be aligned: "
            f"{first_few(unusable, separator='; ')}"
        )
    return folder, unaligned


@dataclass(frozen=True)
class _LoadedPhoto:
    """The aligned face of a photo, its mask, and what identifies them."""

    file: ImageFile
    shape: tuple[int, ...]
    view: View
    mask: np.ndarray | None
    inputs: InputRow | None


class _AlignSamples(Work[_LoadedPhoto, None]):
    """Alignment of each photo and its mask."""

    def __init__(
        self, photos: Mapping[str, _Photo], faces: AlignedFaces, results: "_AlignedSamples"
    ) -> None:
        super().__init__(sorted({photo.image.parent for photo in photos.values()}), results)
        self.photos = photos
        self.faces = faces
        self.aligned = results

    def inputs(self, file: ImageFile) -> Sequence[Candidates]:
        """Return the photo and its mask."""
        photo = self.photos[file.image_id]
        mask = [(str(photo.mask),)] if photo.mask else []
        return [(str(photo.image),), *mask]

    @property
    def batch_size(self) -> int:
        """One, since a detector sees one photo at a time."""
        return 1

    def load(self, file: ImageFile) -> _LoadedPhoto:
        """Read a photo and its mask, and cut out its face."""
        reading = Reading(self.inputs(file))
        photo = self.photos[file.image_id]
        image = read_image(photo.image)
        (view,) = self.faces.of(image, file.image_id)
        mask = None
        if photo.mask:
            mask = read_named(
                photo.mask, lambda path: _aligned_mask(path, view, image.shape, soft=photo.soft)
            )
        return _LoadedPhoto(file, image.shape, view, mask, reading.row())

    def infer(self, batch: list[_LoadedPhoto]) -> list[None]:
        """Do nothing: the faces are cut out already."""
        return [None] * len(batch)

    def write(self, loaded: _LoadedPhoto, result: None) -> None:
        """Write the aligned image and mask."""
        self.aligned.write(loaded)


def _aligned_mask(path: Path, view: View, shape: tuple[int, ...], *, soft: bool) -> np.ndarray:
    """Read a human mask of a photo, and cut it out like the face.

    Raises
    ------
    ImageError
        The mask cannot be read or differs in size from the photo, or nothing of it is left.
    """
    levels = read_human_mask(path, soft=soft)
    require_same_size(levels.shape, shape[:2])
    if view.alignment is None:
        raise ValueError("a view of a whole image has no square")
    aligned = view.alignment.aligned_levels(levels)
    if not soft:
        aligned = (aligned >= _DRAWN) * np.uint8(255)
    if levels.any() and not aligned.any():
        raise ImageError(
            "nothing that is drawn is left in the aligned face: it lies outside the face's square, "
            "or is thinner than half a pixel of it"
        )
    return aligned


class _AlignedSamples:
    """The folder of aligned images, with the rows of the table of faces, and masks."""

    overwrite = False

    def __init__(self, output: OutputFolder, photos: Mapping[str, _Photo]) -> None:
        self.output = output
        self.photos = photos
        self.input_tables: list[InputTable] = [output.inputs]

    def complete(self, file: ImageFile) -> bool:
        """Return whether the aligned image and mask exist."""
        return all(self._is_ours(path) for path in self._paths(file))

    def _is_ours(self, path: str) -> bool:
        return self.output.state(path) is State.OURS

    def _paths(self, file: ImageFile) -> list[str]:
        """Return the files of a photo, the image by which it counts as done last."""
        photo = self.photos[file.image_id]
        mask = [photo.mask_path(file.image_id)] if photo.mask else []
        return [*mask, f"{_IMAGES}/{file.image_id}.png"]

    def write(self, loaded: _LoadedPhoto) -> None:
        """Write the aligned image and mask of a photo."""
        if loaded.inputs:
            self.output.inputs.note(loaded.file.image_id, loaded.inputs)
        *mask_path, image_path = self._paths(loaded.file)
        for path in mask_path:
            if loaded.mask is not None and not self._is_ours(path):
                self.output.write(path, loaded.mask)
        if not self._is_ours(image_path):
            image_id = loaded.file.image_id
            photo = ImageFile(image_id, self.photos[image_id].image.name)
            comment = face_comment(loaded.view, photo, loaded.shape, 1)
            self.output.write(image_path, loaded.view.image, comment=comment)

    def remove(self, files: Sequence[ImageFile]) -> None:
        """Remove the results of photos that were replaced, or whose mask was."""
        for file in files:
            for folder in (_SOFT_MASKS, _MASKS, _IMAGES):
                self.output.remove(f"{folder}/{file.image_id}.png")
            self.output.inputs.discard(file.image_id)

    def begin(self, todo: Sequence[ImageFile]) -> None:
        """Record that work is under way."""
        self.output.begin(makes=bool(todo))

    def require_shared(self) -> None:
        """Refuse a folder that is not that of the run, when called in a worker."""
        self.output.require_shared()

    def remove_partials(self) -> None:
        """Remove partial files."""
        self.output.remove_partials()

    def finish(self, made: int) -> None:
        """Write the table of faces, then the record."""
        paths = sorted(
            path for path in self.output.current_results() if path.startswith(f"{_IMAGES}/")
        )
        with ThreadPoolExecutor(_READ_AT_ONCE) as pool:
            rows = face_rows(pool.map(self.output.comment, paths))
        write_bytes(self.output.path / TABLE, face_table(rows))
        self.output.finish({"command": "train", "version": __version__}, made=made > 0)

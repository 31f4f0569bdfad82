"""Listing: the samples of a training stage, and the settings of their weak masks.

`list_samples` makes samples of the files that `sample_files` finds. `complete_listing` has
`weak_cache` make the weak masks and face masks that they lack, and `checks` examine these.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from ...errors import ArgumentError, OutputError, counted, plural
from ...faces.labels import FaceParser
from ...storage.writing import sha256_of
from ...weak_labels.formulas import FORMULAS
from ...weak_labels.texture import TextureSettings
from .checks import is_complete, require_trainable
from .left_out import report_left_out
from .sample_files import SampleFiles
from .samples import Sample, Stage
from .soft_masks import soft_masks
from .weak_cache import CACHE, MadeFiles, Provided, ReadyFaces, WeakCache

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Listing:
    """The samples of one stage.

    Attributes
    ----------
    stage : {"pretrain", "finetune"}
        The stage that they are for.
    samples : tuple of Sample
        In order of id.
    texture : TextureSettings or None
        The settings of their weak masks; None if they are not known, or there are none.
    hashed_texture : TextureSettings
        Settings that stand for these in the hash; see `SampleFiles`.
    """

    stage: Stage
    samples: tuple[Sample, ...]
    texture: TextureSettings | None
    hashed_texture: TextureSettings

    def sha256(self) -> str:
        """Compute a hash that identifies the data wherever they lie, 64 hexadecimal digits.

        It covers the ids, the content of human masks and whether they are soft, name and size of
        photographs, the size of weak and face masks, and `hashed_texture`.
        """
        digest = hashlib.sha256(json.dumps([self.stage, asdict(self.hashed_texture)]).encode())
        for sample in self.samples:
            row = [
                *(sample.image_id, sample.image.name, _size(sample.image), sample.soft),
                sha256_of(sample.mask) if sample.mask and sample.mask.is_file() else None,
                *(_size(sample.weak), _size(sample.face)),
            ]
            digest.update(json.dumps(row).encode() + b"\n")
        return digest.hexdigest()

    def faces_sha256(self) -> str:
        """Compute a hash of the contents of face masks and label maps; empty without any.

        It is not part of `sha256`, in which a label map that was replaced makes no difference,
        since all have the same size.
        """
        digest = hashlib.sha256()
        faces = [(sample.image_id, sample.face) for sample in self.samples if sample.face]
        for image_id, face in faces:
            row = [image_id, sha256_of(face) if face.is_file() else None]
            digest.update(json.dumps(row).encode() + b"\n")
        return digest.hexdigest() if faces else ""


def list_samples(
    files: SampleFiles,
    image_ids: Sequence[str],
    *,
    stage: Stage,
    texture: TextureSettings | None = None,
    weak: bool = True,
    jobs: int = 1,
) -> Listing:
    """List the samples of some images; weak masks and face masks that do not exist are None.

    Parameters
    ----------
    files : SampleFiles
        The files of the data set.
    image_ids : sequence of str
        The images.
    stage : {"pretrain", "finetune"}
        The stage that the samples are for. Pretraining takes a photograph and its weak mask.
        Finetuning also takes a human mask, which each image must have, and a face mask.
    texture : TextureSettings, optional
        The settings of weak masks, of existing ones if these are not known. By default those of
        the weak masks in the data set, or of the paper's formula if there are none.
    weak : bool
        Whether samples have weak masks at all.
    jobs : int
        Threads.

    Returns
    -------
    Listing

    Raises
    ------
    ArgumentError
        There is no image for this stage; or the weak masks in the data set were made with settings
        other than `texture`.
    """
    if texture and files.texture and texture != files.texture:
        raise ArgumentError(
            f"the weak masks of {files.data} were made with {files.texture}, not with {texture}; "
            "move them away to have them made again, or ask for their settings"
        )
    if not image_ids:
        raise ArgumentError(
            f"{files.data} has no human masks to finetune on; only pretraining needs none"
        )
    finetune = stage == "finetune"
    soft: Collection[Path] = files.soft or ()
    if finetune and files.soft is None:
        soft = soft_masks([files.masks[image_id] for image_id in image_ids], jobs=jobs)
    samples = tuple(
        Sample(
            image_id,
            files.images[image_id],
            files.masks[image_id] if finetune else None,
            files.weak.get(image_id) if weak else None,
            files.faces.get(image_id) if finetune else None,
            finetune and files.masks[image_id] in soft,
        )
        for image_id in sorted(image_ids)
    )
    known = texture or files.texture or (None if files.weak else TextureSettings())
    hashed = files.hashed_texture or known or TextureSettings()
    return Listing(stage, samples, known if weak else None, hashed)


def complete_listing(
    listing: Listing,
    files: SampleFiles,
    *,
    parser: Callable[[], FaceParser],
    cache: Path | None = None,
    jobs: int = 1,
) -> Listing:
    """Make the weak masks and face masks that samples lack, and check them.

    Images without a face are left out, with a warning that names them.

    Parameters
    ----------
    listing, files
        As returned and taken by `list_samples`.
    parser : callable
        Makes the face parser; called only if the data set lacks a face mask that is needed.
    cache : Path, optional
        Folder for what is made; by default a hidden folder of the data set, or beside the CSV.
    jobs : int
        Threads.

    Returns
    -------
    Listing
        The listing with the files that were made.

    Raises
    ------
    ArgumentError
        Weak masks are missing, and the settings of the existing ones are not known.
    TrainingDataError
        No image has a face, or files could not be made.
    OutputError, RunInterrupted
        As `weak.build_weak`.
    """
    incomplete = [sample for sample in listing.samples if not is_complete(sample, listing.stage)]
    texture = _settings_of_missing(incomplete, listing.texture, files)
    images = {sample.image_id: sample.image for sample in incomplete if sample.image.is_file()}
    try:
        provided = _provide(images, files, parser, texture, cache or files.root / CACHE, jobs)
    except OutputError as error:
        if cache:
            raise
        raise OutputError(
            f"{error}; the weak masks and face masks that {files.data} lacks can be kept elsewhere "
            "with --cache DIR"
        ) from error
    sample_count = len(listing.samples)
    report_left_out(
        provided.faceless,
        sample_count,
        noun="image",
        cause="no face was found",
        none_left=f"none of the {counted(sample_count, 'image')} has a face to train on",
    )
    samples = tuple(
        _completed(sample, provided.files.get(sample.image_id), listing.stage)
        for sample in listing.samples
        if sample.image_id not in provided.faceless
    )
    to_check = {sample.image_id for sample in incomplete}
    require_trainable(
        [sample for sample in samples if sample.image_id in to_check],
        stage=listing.stage,
        unmade=provided.failed,
        jobs=jobs,
    )
    return replace(listing, samples=samples)


def _settings_of_missing(
    incomplete: Sequence[Sample], texture: TextureSettings | None, files: SampleFiles
) -> TextureSettings:
    """Return the settings with which missing weak masks are made, which are those of the others.

    Raises
    ------
    ArgumentError
        These are not known.
    """
    missing = [sample.image_id for sample in incomplete if sample.weak is None]
    if texture is None and missing:
        raise ArgumentError(
            f"{counted(len(missing), 'image')} {plural(len(missing), 'has', 'have')} no weak mask, "
            f"such as {missing[0]}, and it is not known with which formula those in {files.data} "
            f"were made; name it with --recipe: "
            f"{' or '.join(FORMULAS)}"
        )
    # Where only face masks are missing, the weak masks that are made with them are not used.
    return texture or TextureSettings()


def _provide(
    images: Mapping[str, Path],
    files: SampleFiles,
    parser: Callable[[], FaceParser],
    texture: TextureSettings,
    root: Path,
    jobs: int,
) -> Provided:
    """Make weak masks and face masks, inside the face masks of the data set where they exist."""
    ready = {image_id: path for image_id, path in images.items() if image_id in files.faces}
    others = {image_id: path for image_id, path in images.items() if image_id not in files.faces}
    provided = Provided({}, {}, {})
    if ready:
        faces = ReadyFaces(files.faces)
        provided = WeakCache(root, faces, texture, jobs=jobs).provide(ready)
    if others:
        provided = provided.joined(WeakCache(root, parser(), texture, jobs=jobs).provide(others))
    return provided


def _completed(sample: Sample, made: MadeFiles | None, stage: Stage) -> Sample:
    """Take what was made of a sample's files in place of those that it lacks."""
    if made is None:
        return sample
    face = (sample.face or made.face) if stage == "finetune" else None
    return sample._replace(weak=sample.weak or made.weak, face=face)


def _size(path: Path | None) -> int | None:
    return path.stat().st_size if path and path.is_file() else None

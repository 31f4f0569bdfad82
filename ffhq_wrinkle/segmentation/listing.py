"""Listing: the samples of a training stage, complete with weak masks and face masks.

`read_listing` takes what `sample_files` finds, has `weak_cache` make what is missing, and says
how the weak masks were made. `split` deals the samples out, `checks` looks at them.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..errors import ArgumentError, ImageError, ManyValuesError, TrainingDataError
from ..files import sha256_of
from ..labels import FaceParser
from ..masks import read_mask
from ..pipeline import run_each
from ..weak import TextureSettings
from .sample_files import Part, SampleFiles, find_sample_files
from .samples import Sample, Stage
from .weak_cache import CACHE, Provided, ReadyFaces, WeakCache

log = logging.getLogger(__name__)

_NAMED = 5
_LOSSY = frozenset({".jpg", ".jpeg"})


@dataclass(frozen=True)
class Listing:
    """The samples of one stage.

    Attributes
    ----------
    stage : {"pretrain", "finetune"}
        What they are for.
    samples : tuple of Sample
        In order of id.
    texture : TextureSettings
        How their weak masks were made.
    split : mapping of str to Part
        The part of each id, if a manifest says so; empty if not.
    """

    stage: Stage
    samples: tuple[Sample, ...]
    texture: TextureSettings
    split: Mapping[str, Part] = field(default_factory=dict)

    def sha256(self) -> str:
        """Tell this data from any other, wherever it lies; 64 hexadecimal digits.

        Taken of the ids, of the content of human masks and whether they are soft, of name and size
        of photographs, of the size of weak and face masks, and of `texture`.
        """
        digest = hashlib.sha256(json.dumps([self.stage, asdict(self.texture)]).encode())
        for one in self.samples:
            row = [
                *(one.image_id, one.image.name, _size(one.image), one.soft),
                sha256_of(one.mask) if one.mask and one.mask.is_file() else None,
                *(_size(one.weak), _size(one.face)),
            ]
            digest.update(json.dumps(row).encode() + b"\n")
        return digest.hexdigest()


def read_listing(
    data: Path,
    *,
    stage: Stage,
    parser: Callable[[], FaceParser],
    texture: TextureSettings | None = None,
    cache: Path | None = None,
    limit: int | None = None,
    jobs: int = 1,
) -> Listing:
    """List the samples of a stage, and make the weak masks and face masks that they lack.

    Images in which no face is found are left out, with a warning that names them.

    Parameters
    ----------
    data : Path
        As `sample_files.find_sample_files`.
    stage : {"pretrain", "finetune"}
        In pretraining all photographs count, with a weak mask each; in finetuning those that have
        a human mask, with a weak mask and a face mask each.
    parser : callable
        Makes the face parser; called only if something is not among the data.
    texture : TextureSettings, optional
        How to make weak masks. If not given, as those that are among the data were made, or by
        the paper's formula.
    cache : Path, optional
        Where to keep what is made; in a hidden folder of the data set, or beside the manifest, if
        not given.
    limit : int, optional
        Only so many images, the first by id; all if not given.
    jobs : int
        Threads.

    Returns
    -------
    Listing

    Raises
    ------
    ArgumentError
        As `sample_files.find_sample_files`; there is no sample for this stage; or weak masks among
        the data were made with other settings than `texture`.
    TrainingDataError
        There is no face in any image.
    OutputError, RunInterrupted
        As `weak.build_weak`.
    """
    found = find_sample_files(data)
    made_with = _texture(data, found, texture)
    image_ids = sorted(found.images if stage == "pretrain" else found.masks)[:limit]
    if not image_ids:
        raise ArgumentError(f"{data} has no human masks to finetune on; in pretraining none count")
    root = cache if cache is not None else found.root / CACHE
    weak, faces, faceless = _complete(found, image_ids, stage, parser, made_with, root, jobs)
    _report_faceless(faceless, len(image_ids))
    kept = [image_id for image_id in image_ids if image_id not in faceless]
    finetune = stage == "finetune"
    soft = _soft_folders([found.masks[one] for one in kept], jobs) if finetune else set()
    samples = tuple(
        Sample(
            image_id,
            found.images[image_id],
            found.masks[image_id] if finetune else None,
            weak.get(image_id),
            faces.get(image_id) if finetune else None,
            finetune and found.masks[image_id].parent in soft,
        )
        for image_id in kept
    )
    split = {image_id: found.split[image_id] for image_id in kept} if found.split else {}
    return Listing(stage, samples, made_with, split)


def _texture(data: Path, found: SampleFiles, wanted: TextureSettings | None) -> TextureSettings:
    """How the weak masks are made, those that are there and those to come."""
    if wanted and found.texture and wanted != found.texture:
        raise ArgumentError(
            f"the weak masks of {data} were made with {found.texture}, not with {wanted}; move "
            "them away to have others made, or ask for theirs"
        )
    return wanted or found.texture or TextureSettings()


def _complete(
    found: SampleFiles,
    image_ids: list[str],
    stage: Stage,
    parser: Callable[[], FaceParser],
    texture: TextureSettings,
    root: Path,
    jobs: int,
) -> tuple[dict[str, Path], dict[str, Path], dict[str, str]]:
    """Weak masks, face masks, and why other images have none, after making what is missing."""
    weak, faces = dict(found.weak), dict(found.faces)
    lacking = [
        image_id
        for image_id in image_ids
        if (image_id not in weak or (stage == "finetune" and image_id not in faces))
        and found.images[image_id].is_file()  # if it is not there, `checks` says so
    ]
    groups = (
        [image_id for image_id in lacking if image_id in faces],
        [image_id for image_id in lacking if image_id not in faces],
    )
    makers: tuple[Callable[[], FaceParser], ...] = (lambda: ReadyFaces(found.faces), parser)
    faceless: dict[str, str] = {}
    for group, maker in zip(groups, makers, strict=True):
        provided = Provided({}, {})
        if group:
            images = {image_id: found.images[image_id] for image_id in group}
            provided = WeakCache(root, maker(), texture, jobs=jobs).provide(images)
        for image_id, files in provided.files.items():
            weak.setdefault(image_id, files.weak)
            faces.setdefault(image_id, files.face)
        faceless |= provided.faceless
    return weak, faces, faceless


def _report_faceless(faceless: Mapping[str, str], images: int) -> None:
    """Name the images that are left out.

    Raises
    ------
    TrainingDataError
        That is all of them.
    """
    if not faceless:
        return
    first = min(faceless)
    if len(faceless) == images:
        raise TrainingDataError(
            f"none of the {images} images has a face to train on: {first}: {faceless[first]}"
        )
    named = ", ".join(sorted(faceless)[:_NAMED]) + (", ..." if len(faceless) > _NAMED else "")
    log.warning(
        "%d of %d images are left out, for no face was found: %s (%s: %s)",
        *(len(faceless), images, named, first, faceless[first]),
    )


def _soft_folders(masks: Collection[Path], jobs: int) -> set[Path]:
    """Folders whose masks hold shares of votes.

    `fuse-labels` has noted its method; of other folders one mask of more than two values decides,
    for a soft mask may happen to have no more than two, such as 0 and 85.
    """
    noted = {folder: _noted_method(folder) for folder in {path.parent for path in masks}}
    soft = {folder for folder, method in noted.items() if method == "soft"}
    unknown = sorted(path for path in masks if noted[path.parent] is None)

    def looked(path: Path, many: bool) -> None:
        if many and path.parent not in soft:
            log.info("masks in %s are taken as soft: %s has many levels", path.parent, path.name)
            soft.add(path.parent)

    run_each(unknown, _has_many_levels, done=looked, failed=lambda *_: None, jobs=jobs)
    return soft


def _noted_method(folder: Path) -> object:
    try:
        record = json.loads((folder / "fusion.json").read_text(encoding="utf-8"))
        return record["settings"]["method"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _has_many_levels(path: Path) -> bool:
    """Whether a mask has more than two; what can not be read is for `checks` to name."""
    try:
        read_mask(path)
    except ManyValuesError:
        return path.suffix.lower() not in _LOSSY  # JPEG blurs two values into many
    except ImageError:
        return False
    return False


def _size(path: Path | None) -> int | None:
    return path.stat().st_size if path and path.is_file() else None

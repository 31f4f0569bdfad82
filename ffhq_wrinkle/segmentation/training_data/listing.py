"""Listing: the samples of a training stage, complete with weak masks and face masks.

`list_samples` takes what `sample_files` finds, and says how the weak masks were made;
`complete_listing` has `weak_cache` make what is missing. `checks` looks at the samples, `split`
deals them out.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path

from ...errors import ArgumentError, TrainingDataError
from ...faces.labels import FaceParser
from ...storage.writing import sha256_of
from ...weak_labels.texture import TextureSettings
from .sample_files import Part, SampleFiles, find_sample_files
from .samples import Sample, Stage
from .soft_masks import soft_folders
from .weak_cache import CACHE, Provided, ReadyFaces, WeakCache

log = logging.getLogger(__name__)

_NAMED = 5


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
    weak : bool
        Whether they have weak masks.
    unmade : mapping of str to str
        Why what an image lacks could not be made, by id.
    """

    stage: Stage
    samples: tuple[Sample, ...]
    texture: TextureSettings
    split: Mapping[str, Part] = field(default_factory=dict)
    weak: bool = True
    unmade: Mapping[str, str] = field(default_factory=dict)

    def sha256(self) -> str:
        """Tell this data from any other, wherever it lies; 64 hexadecimal digits.

        Taken of the ids, of the content of human masks and whether they are soft, of name and size
        of photographs, of the size of weak and face masks, and of `texture`. The files are looked
        at once; a copy that was sent to another process knows it already.
        """
        return self._sha256

    @cached_property
    def _sha256(self) -> str:
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
    weak: bool = True,
    jobs: int = 1,
) -> Listing:
    """List the samples of a stage, and make the weak masks and face masks that they lack.

    `list_samples` and `complete_listing` in one.

    Parameters
    ----------
    data : Path
        As `sample_files.find_sample_files`.
    stage, texture, weak, jobs
        As `list_samples`.
    parser, cache
        As `complete_listing`.
    limit : int, optional
        Only so many images, the first by id; all if not given.

    Returns
    -------
    Listing

    Raises
    ------
    ArgumentError
        As `sample_files.find_sample_files` and `list_samples`.
    TrainingDataError, OutputError, RunInterrupted
        As `complete_listing`.
    """
    found = find_sample_files(data)
    image_ids = sorted(found.images if stage == "pretrain" else found.masks)[:limit]
    listing = list_samples(found, image_ids, stage=stage, texture=texture, weak=weak, jobs=jobs)
    return complete_listing(listing, found, parser=parser, cache=cache, jobs=jobs)


def list_samples(
    found: SampleFiles,
    image_ids: Sequence[str],
    *,
    stage: Stage,
    texture: TextureSettings | None = None,
    weak: bool = True,
    jobs: int = 1,
) -> Listing:
    """List samples as their files are found; weak and face masks that are not there are None.

    Parameters
    ----------
    found : SampleFiles
        The files.
    image_ids : sequence of str
        Of which images.
    stage : {"pretrain", "finetune"}
        What for. Pretraining takes a photograph with its weak mask; finetuning a human mask, which
        each image has to have, and a face mask besides.
    texture : TextureSettings, optional
        How to make weak masks. If not given, as those that are among the data were made, or by
        the paper's formula.
    weak : bool
        Whether weak masks belong to the samples at all.
    jobs : int
        Threads.

    Returns
    -------
    Listing

    Raises
    ------
    ArgumentError
        There is no image for this stage; or weak masks among the data were made with other settings
        than `texture`.
    """
    made_with = _texture(found, texture)
    if not image_ids:
        raise ArgumentError(
            f"{found.data} has no human masks to finetune on; in pretraining none count"
        )
    finetune = stage == "finetune"
    soft = soft_folders([found.masks[one] for one in image_ids], jobs=jobs) if finetune else set()
    samples = tuple(
        Sample(
            image_id,
            found.images[image_id],
            found.masks[image_id] if finetune else None,
            found.weak.get(image_id) if weak else None,
            found.faces.get(image_id) if finetune else None,
            finetune and found.masks[image_id].parent in soft,
        )
        for image_id in sorted(image_ids)
    )
    split = {one.image_id: found.split[one.image_id] for one in samples} if found.split else {}
    return Listing(stage, samples, made_with, split, weak)


def complete_listing(
    listing: Listing,
    found: SampleFiles,
    *,
    parser: Callable[[], FaceParser],
    cache: Path | None = None,
    jobs: int = 1,
) -> Listing:
    """Make the weak masks and face masks that samples lack.

    Images in which no face is found are left out, with a warning that names them.

    Parameters
    ----------
    listing, found
        As `list_samples` gave and took them.
    parser : callable
        Makes the face parser; called only if something is not among the data.
    cache : Path, optional
        Where to keep what is made; in a hidden folder of the data set, or beside the manifest, if
        not given.
    jobs : int
        Threads.

    Returns
    -------
    Listing

    Raises
    ------
    TrainingDataError
        There is no face in any image.
    OutputError, RunInterrupted
        As `weak.build_weak`.
    """
    finetune = listing.stage == "finetune"
    lacking = [
        one
        for one in listing.samples
        if ((listing.weak and one.weak is None) or (finetune and one.face is None))
        and one.image.is_file()  # if it is not there, `checks` says so
    ]
    made = _made(lacking, found, parser, listing.texture, cache or found.root / CACHE, jobs)
    _report_faceless(made.faceless, len(listing.samples))
    samples = []
    for one in listing.samples:
        if one.image_id in made.files:
            files = made.files[one.image_id]
            one = one._replace(
                weak=one.weak or files.weak if listing.weak else None,
                face=one.face or files.face if finetune else None,
            )
        if one.image_id not in made.faceless:
            samples.append(one)
    split = {one.image_id: listing.split[one.image_id] for one in samples if listing.split}
    return replace(listing, samples=tuple(samples), split=split, unmade=made.failed)


def _texture(found: SampleFiles, wanted: TextureSettings | None) -> TextureSettings:
    """How the weak masks are made, those that are there and those to come."""
    if wanted and found.texture and wanted != found.texture:
        raise ArgumentError(
            f"the weak masks of {found.data} were made with {found.texture}, not with {wanted}; "
            "move them away to have others made, or ask for theirs"
        )
    return wanted or found.texture or TextureSettings()


def _made(
    lacking: Collection[Sample],
    found: SampleFiles,
    parser: Callable[[], FaceParser],
    texture: TextureSettings,
    root: Path,
    jobs: int,
) -> Provided:
    """Weak and face masks of images, inside ready face masks where there are some."""
    made = Provided({}, {}, {})
    makers: dict[bool, Callable[[], FaceParser]] = {
        True: lambda: ReadyFaces(found.faces),
        False: parser,
    }
    for ready, maker in makers.items():
        group = {
            one.image_id: one.image for one in lacking if (one.image_id in found.faces) == ready
        }
        if group:
            provided = WeakCache(root, maker(), texture, jobs=jobs).provide(group)
            made.files.update(provided.files)
            made.faceless.update(provided.faceless)
            made.failed.update(provided.failed)
    return made


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


def _size(path: Path | None) -> int | None:
    return path.stat().st_size if path and path.is_file() else None

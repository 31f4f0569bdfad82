"""Preparation: the samples of each stage and part of a run, before anything is trained.

`prepare` lists the data, checks them, splits them, and then makes the weak masks and face masks
that they lack. That takes longest, and therefore comes after everything that can fail without it.
"""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...errors import ArgumentError, TrainingDataError
from ...faces.labels import FaceParser
from ...faces.views import AlignedFaces
from ...storage.writing import InnerFolders
from ...weak_labels.texture import TextureSettings
from ..training_data.aligned_samples import align_sample_files
from ..training_data.checks import require_trainable, require_wrinkles
from ..training_data.listing import Listing, complete_listing, list_samples
from ..training_data.sample_files import PARTS, SampleFiles, find_sample_files
from ..training_data.samples import STAGES, Sample, Stage
from ..training_data.split import PRETRAIN_PARTS, Split, make_pretrain_split, make_split
from ..training_data.split_file import read_split_of, write_split
from .recipes import Recipe, StageConfig
from .run_folder import SPLIT
from .settings import TrainSettings

log = logging.getLogger(__name__)

_PRETRAIN_SHARES = (0.98, 0.01, 0.01)  # where there are no human masks


@dataclass(frozen=True)
class StageData:
    """The data of one stage.

    Attributes
    ----------
    train, val, test : sequence of Sample
        The parts, in order of id, without images that a fraction leaves out.
    texture : TextureSettings or None
        The settings of the weak masks; None if they are not known, or there are none.
    sha256 : str
        Identifies the data, including images that a fraction leaves out; see `Listing.sha256`.
    faces_sha256 : str
        Hash of the contents of face masks and label maps; see `Listing.faces_sha256`.
    """

    train: Sequence[Sample]
    val: Sequence[Sample]
    test: Sequence[Sample]
    texture: TextureSettings | None
    sha256: str
    faces_sha256: str = ""


def prepare(
    recipe: Recipe,
    data: Path,
    run: Path,
    *,
    parser: Callable[[], FaceParser],
    settings: TrainSettings,
    texture_recipe: str | None = None,
    scale_to_image: bool = False,
    faces: AlignedFaces | None = None,
    cache: Path | None = None,
    jobs: int = 1,
) -> dict[Stage, StageData]:
    """List, check, split and complete the data of a run.

    One split is decided over all images with a human mask, whichever stages the run has, so that a
    network that is only pretrained can be finetuned later. Pretraining also uses the other images,
    but not those kept for validation and testing; see `split.make_pretrain_split`.

    Parameters
    ----------
    recipe : Recipe
        Its stages, with their crops and batches.
    data : Path
        As in `sample_files.find_sample_files`.
    run : Path
        Folder for `split.csv` and, of pretraining, `pretrain/split.csv`. Existing ones are read.
    parser, cache
        As in `listing.complete_listing`.
    texture_recipe : str, optional
        Formula of the weak masks, a key of `formulas.FORMULAS`; that of the existing ones if not
        given.
    scale_to_image : bool
        Whether the kernel of the weak masks is scaled to the image, as by `TextureSettings`.
    faces : AlignedFaces, optional
        Finds the faces in photos that are not aligned; images are used as they are if not given.
    settings : TrainSettings
        Seed, limit and subjects of the run, and the fraction of the masks to finetune on. With a
        limit,
        pretraining uses the images of the validation and test parts before others.
    jobs : int
        Threads.

    Returns
    -------
    dict of Stage to StageData
        The stages of the recipe, in their order.

    Raises
    ------
    ArgumentError, TrainingDataError
        The data cannot be used for training.
    OutputError, RunInterrupted
        As `weak.build_weak`.
    """
    configs = {stage: config for stage in STAGES if (config := recipe.stage(stage))}
    files = find_sample_files(data)
    if faces:
        listed = {*sorted(files.masks)[: settings.limit]}
        if recipe.pretrain:
            listed |= {*sorted(files.images)[: settings.limit]}
        files = align_sample_files(files, listed, faces, cache=cache, jobs=jobs)
    texture = _texture_of(files, texture_recipe, configs.values(), scale_to_image=scale_to_image)
    labelled = sorted(files.masks)[: settings.limit]
    candidates: dict[Stage, Sequence[str]] = {
        # Which of them a limit leaves is known after the split.
        "pretrain": sorted({*labelled, *sorted(files.images)[: settings.limit]}),
        "finetune": labelled,
    }
    listings = {
        stage: list_samples(
            files, candidates[stage], stage=stage, texture=texture, weak=config.needs_weak,
            jobs=jobs,
        )
        for stage, config in configs.items()
    }  # fmt: skip
    for stage, config in configs.items():
        require_trainable(
            listings[stage].samples, stage=stage, size=config.size, batch_size=config.batch_size,
            complete=False, jobs=jobs,
        )  # fmt: skip
    splits: dict[Stage, Split] = {"finetune": Split({})}
    if recipe.finetune or (labelled and not files.split):
        fraction = settings.fraction if recipe.finetune else 1.0
        splits["finetune"] = _labelled_split(files, labelled, run, settings, fraction, jobs)
    if recipe.pretrain:
        listing = _limited(listings["pretrain"], splits["finetune"], settings.limit)
        listings["pretrain"] = listing
        splits["pretrain"] = _pretrain_split(
            listing, splits["finetune"], files, run, settings, jobs
        )
    for stage, config in configs.items():
        if config.needs_weak:
            listings[stage] = complete_listing(
                listings[stage], files, parser=parser, cache=cache, jobs=jobs
            )
    stages = {stage: _stage_data(listing, splits[stage]) for stage, listing in listings.items()}
    _require_learnable(stages)
    return stages


def _texture_of(
    files: SampleFiles,
    recipe: str | None,
    configs: Collection[StageConfig],
    *,
    scale_to_image: bool,
) -> TextureSettings | None:
    """Return the requested settings of weak masks; None if none are requested.

    Raises
    ------
    ArgumentError
        No stage uses weak masks, or there is no such formula.
    """
    if recipe is not None or scale_to_image:
        if not any(config.needs_weak for config in configs):
            option = "--recipe" if recipe is not None else "--scale-to-image"
            raise ArgumentError(f"no stage uses weak masks; leave {option} out")
        if recipe is None and files.weak and files.texture is None:
            raise ArgumentError(
                f"it is not known with which formula the weak masks of {files.data} were made; "
                "--scale-to-image needs --recipe, too"
            )
        known = files.texture or TextureSettings()
        return replace(
            known,
            recipe=recipe or known.recipe,
            scale_to_image=scale_to_image or known.scale_to_image,
        )
    learns_texture = any(
        config.needs_weak and (config.stage == "pretrain" or config.input == "rgb+texture")
        for config in configs
    )
    if learns_texture and files.weak and files.texture is None:
        log.warning(
            "it is not known with which formula the weak masks of %s were made. Checkpoints record "
            "that, and predict will ask for it; name it with --recipe to have it recorded",
            files.data,
        )
    return None


def _labelled_split(
    files: SampleFiles,
    labelled: Sequence[str],
    run: Path,
    settings: TrainSettings,
    fraction: float,
    jobs: int,
) -> Split:
    """Read the split of images with human masks, or make and write it."""
    samples = [
        Sample(image_id, files.images[image_id], files.masks[image_id]) for image_id in labelled
    ]
    path = run / SPLIT
    if path.exists():
        return read_split_of(path, samples)
    split = make_split(
        samples, stage="finetune", seed=settings.seed, fraction=fraction, given=files.split,
        group_by=settings.group_by, jobs=jobs,
    )  # fmt: skip
    write_split(path, split)
    return split


def _limited(listing: Listing, labelled: Split, limit: int | None) -> Listing:
    """Take at most `limit` images of a listing, those for validation and testing first."""
    if limit is None:
        return listing
    kept = {*labelled.ids("val"), *labelled.ids("test")}
    others = [sample.image_id for sample in listing.samples if sample.image_id not in kept]
    return replace(listing, samples=_selected(listing, [*kept, *others[: limit - len(kept)]]))


def _pretrain_split(
    listing: Listing,
    labelled: Split,
    files: SampleFiles,
    run: Path,
    settings: TrainSettings,
    jobs: int,
) -> Split:
    """Read the split of the images of pretraining, or make and write it."""
    path = run / "pretrain" / SPLIT
    if path.exists():
        return read_split_of(path, listing.samples, needed=PRETRAIN_PARTS)
    if labelled.parts or files.split:
        split = make_pretrain_split(
            listing.samples, labelled.parts, given=files.split, group_by=settings.group_by,
            jobs=jobs,
        )  # fmt: skip
    else:
        split = make_split(
            listing.samples, stage="pretrain", seed=settings.seed, shares=_PRETRAIN_SHARES,
            group_by=settings.group_by, jobs=jobs,
        )  # fmt: skip
    InnerFolders(run).make(path.parent)
    write_split(path, split)
    return split


def _stage_data(listing: Listing, split: Split) -> StageData:
    train, val, test = (_selected(listing, split.ids(part)) for part in PARTS)
    return StageData(train, val, test, listing.texture, listing.sha256(), listing.faces_sha256())


def _selected(listing: Listing, image_ids: Iterable[str]) -> tuple[Sample, ...]:
    chosen = set(image_ids)
    return tuple(sample for sample in listing.samples if sample.image_id in chosen)


def _require_learnable(stages: Mapping[Stage, StageData]) -> None:
    """Require images to train on and to validate with, and at least one wrinkle."""
    for stage, data in stages.items():
        for part, samples in (("train", data.train), ("val", data.val)):
            if not samples:
                raise TrainingDataError(
                    f"no image of the {part} part of {stage} has a face; add images, or divide "
                    "them differently by another --seed"
                )
    if "finetune" in stages:
        require_wrinkles(stages["finetune"].train, stage="finetune")

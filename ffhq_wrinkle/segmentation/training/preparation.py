"""Preparation: the samples of each stage and part of a run, before anything is trained.

`prepare` lists the data, checks them, splits them, and has what they lack made, in this order: the
longest work comes last, when nothing that can be known before stands in its way.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...errors import TrainingDataError
from ...faces.labels import FaceParser
from ...storage.writing import InnerFolders
from ...weak_labels.texture import TextureSettings
from ..training_data.checks import require_trainable, require_wrinkles
from ..training_data.listing import Listing, complete_listing, list_samples
from ..training_data.sample_files import Part, SampleFiles, find_sample_files
from ..training_data.samples import STAGES, Sample, Stage
from ..training_data.split import (
    PRETRAIN_PARTS,
    Split,
    make_pretrain_split,
    make_split,
    read_split,
    write_split,
)
from .recipes import Recipe
from .run_folder import SPLIT

_PRETRAIN_SHARES = (0.98, 0.01, 0.01)  # where there are no human masks


@dataclass(frozen=True)
class Preparation:
    """What a run trains on.

    Attributes
    ----------
    listings : mapping of Stage to Listing
        The samples of each stage.
    splits : mapping of Stage to Split
        Their parts.
    """

    listings: Mapping[Stage, Listing]
    splits: Mapping[Stage, Split]

    def part(self, stage: Stage, part: Part) -> list[Sample]:
        """The samples of a part, in order of id."""
        chosen = set(self.splits[stage].ids(part))
        return [one for one in self.listings[stage].samples if one.image_id in chosen]


def prepare(
    recipe: Recipe,
    data: Path,
    run: Path,
    *,
    parser: Callable[[], FaceParser],
    seed: int = 0,
    fraction: float = 1.0,
    limit: int | None = None,
    texture: TextureSettings | None = None,
    cache: Path | None = None,
    jobs: int = 1,
) -> Preparation:
    """List, check, split and complete the data of a run.

    One split is decided over all images with a human mask, whatever the stages of this run, so that
    a network that is pretrained today can be finetuned tomorrow. Pretraining takes all other
    images too, but none of its validation and test part, as `split.make_pretrain_split` says.

    Parameters
    ----------
    recipe : Recipe
        Its stages, their crops and batches.
    data : Path
        As `sample_files.find_sample_files`.
    run : Path
        Gets `split.csv`, and of pretraining `pretrain/split.csv`; what is there is read back.
    parser, texture, cache
        As `listing.list_samples` and `listing.complete_listing`.
    seed, fraction
        As `split.make_split`; the fraction is of the masks to finetune on.
    limit : int, optional
        Only so many images in each stage, the first by id; pretraining takes those first that the
        split keeps for validation and testing.
    jobs : int
        Threads.

    Returns
    -------
    Preparation

    Raises
    ------
    ArgumentError, TrainingDataError
        The data can not be trained on.
    OutputError, RunInterrupted
        As `weak.build_weak`.
    """
    found = find_sample_files(data)
    labelled = sorted(found.masks)[:limit]
    # With a limit it takes the split to know which of these are pretrained on.
    candidates: dict[Stage, list[str]] = {
        "pretrain": sorted({*labelled, *sorted(found.images)[:limit]}),
        "finetune": labelled,
    }
    configs = {stage: config for stage in STAGES if (config := recipe.stage(stage))}
    listings = {
        stage: list_samples(
            found,
            candidates[stage],
            stage=stage,
            texture=texture,
            weak=config.needs_weak,
            jobs=jobs,
        )
        for stage, config in configs.items()
    }
    for stage, config in configs.items():
        require_trainable(
            listings[stage].samples,
            stage=stage,
            size=config.size,
            batch_size=config.batch_size,
            weak=False,  # they are yet to be made
            faces=False,
            jobs=jobs,
        )
    splits: dict[Stage, Split] = {}
    decided = Split({})
    if "finetune" in listings or (labelled and not found.split):
        decided = _decided(found, labelled, run, seed, fraction if recipe.finetune else 1.0, jobs)
        splits["finetune"] = decided
    if "pretrain" in listings:
        listings["pretrain"] = _limited(listings["pretrain"], decided, limit)
        splits["pretrain"] = _pretrained(listings["pretrain"], decided, run, seed, jobs)
    for stage, config in configs.items():
        if config.needs_weak:
            listings[stage] = _completed(listings[stage], found, parser, cache, jobs)
    prepared = Preparation(listings, splits)
    for stage in listings:
        _require_parts(prepared, stage)
    if recipe.finetune:
        require_wrinkles(prepared.part("finetune", "train"), stage="finetune")
    for listing in listings.values():
        listing.sha256()  # here and now, so that it is sent along
    return prepared


def _decided(
    found: SampleFiles, labelled: Sequence[str], run: Path, seed: int, fraction: float, jobs: int
) -> Split:
    """The split of images with human masks."""
    samples = [Sample(one, found.images[one], found.masks[one]) for one in labelled]
    path = run / SPLIT
    if path.exists():
        return read_split(path, samples)
    split = make_split(
        samples, stage="finetune", seed=seed, fraction=fraction, given=found.split, jobs=jobs
    )
    write_split(path, split)
    return split


def _pretrained(listing: Listing, decided: Split, run: Path, seed: int, jobs: int) -> Split:
    """The split of the images of pretraining, with or without human masks that decide."""
    path = run / "pretrain" / SPLIT
    if path.exists():
        return read_split(path, listing.samples, needed=PRETRAIN_PARTS)
    if decided.parts or listing.split:
        split = make_pretrain_split(listing.samples, decided.parts, given=listing.split, jobs=jobs)
    else:
        shares = _PRETRAIN_SHARES
        split = make_split(listing.samples, stage="pretrain", seed=seed, shares=shares, jobs=jobs)
    InnerFolders(run).make(path.parent)
    write_split(path, split)
    return split


def _limited(listing: Listing, decided: Split, limit: int | None) -> Listing:
    """So many images: those that are validated and tested with first, that there are some."""
    if limit is None:
        return listing
    kept = {*decided.ids("val"), *decided.ids("test")}
    others = [one.image_id for one in listing.samples if one.image_id not in kept]
    chosen = {*kept, *others[: limit - len(kept)]}
    samples = tuple(one for one in listing.samples if one.image_id in chosen)
    split = {one.image_id: listing.split[one.image_id] for one in samples if listing.split}
    return replace(listing, samples=samples, split=split)


def _completed(
    listing: Listing,
    found: SampleFiles,
    parser: Callable[[], FaceParser],
    cache: Path | None,
    jobs: int,
) -> Listing:
    """With all weak masks and face masks; what could not be made is refused."""

    def is_whole(sample: Sample) -> bool:
        return bool(sample.weak and (sample.face or listing.stage == "pretrain"))

    checked = {one for one in listing.samples if is_whole(one)}
    completed = complete_listing(listing, found, parser=parser, cache=cache, jobs=jobs)
    require_trainable(
        [one for one in completed.samples if one not in checked],
        stage=listing.stage,
        unmade=completed.unmade,
        jobs=jobs,
    )
    return completed


def _require_parts(prepared: Preparation, stage: Stage) -> None:
    """Refuse parts that images without a face have left empty."""
    parts: tuple[Part, ...] = ("train", "val")
    for part in parts:
        if not prepared.part(stage, part):
            raise TrainingDataError(
                f"no image of the {part} part of {stage} has a face; more images are needed, or "
                "another --seed to deal them otherwise"
            )

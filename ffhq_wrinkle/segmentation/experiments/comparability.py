"""Comparability: which runs can stand in one table, and what keeps the others out of it."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from ..training.recipes import Recipe, StageConfig, read_recipe, shipped_recipes
from ..training_data.samples import STAGES
from .runs import Run, Trained, sha256_of_ids

# What makes a run the experiment that its recipe's name says.
_KIND = ("network", "input", "loss", "initial", "features")
_BUDGET = ("epochs", "batch_size")
_OWN = "the recipe's"
_IDLE = frozenset({"gradient_checkpointing"})  # no score depends on it
Facts = Mapping[str, str]


class Pretrained(NamedTuple):
    """A run with its pretraining, which may have been another run's.

    Attributes
    ----------
    run : Run
        Finished.
    config : StageConfig or None
        Of the pretraining; None without one.
    trained : Trained or None
        How it went.
    init : str
        SHA-256 of the checkpoint that it began with, if that is of no run that is known.
    """

    run: Run
    config: StageConfig | None
    trained: Trained | None
    init: str

    @property
    def seconds(self) -> float | None:
        """Of all stages; None where one does not say."""
        stages = [self.run.stages.get("finetune"), *([self.trained] if self.config else [])]
        seconds = [stage.seconds if stage else None for stage in stages]
        known = [one for one in seconds if one is not None]
        return sum(known) if len(known) == len(seconds) and not self.init else None


def sifted(
    finished: Sequence[Run], runs: Sequence[Run]
) -> tuple[list[Pretrained], dict[Path, str], dict[str, str]]:
    """Sift runs for those that can be compared.

    Kept are, in this order:

    1. runs that are what their recipe's name says, if it is one that is shipped: network, input,
       loss, beginning, and pretraining;
    2. of these the largest group with the same data, test part, limit and precision, and in
       finetuning the same size, augmentation, epochs and batch size; or, where that makes a larger
       group, each with its recipe's own epochs and batch size, in which the paper's networks
       differ;
    3. of those that were pretrained, the largest group with the same of pretraining; those that
       were not stay;
    4. of each recipe, the largest group with the same further settings;
    5. of a recipe, fraction and seed, one.

    Of groups of one size the one that was named first is kept.

    Parameters
    ----------
    finished : sequence of Run
        To sift.
    runs : sequence of Run
        Among which the pretraining is looked for that a run began with (``--init``).

    Returns
    -------
    tuple
        What is kept; for the others by path why not; and what those that are kept have in common.
    """
    why: dict[Path, str] = {}
    kept = []
    for run in finished:
        one = _with_pretraining(run, runs)
        strange = _strangeness(one)
        if strange:
            why[run.path] = strange
        else:
            kept.append(one)
    kept, common = _largest(kept, (_finetune_facts, _own(_finetune_facts)), why)
    pretrained, of_pretraining = _largest(
        [one for one in kept if one.config], (_pretrain_facts, _own(_pretrain_facts)), why
    )
    kept = [one for one in kept if one in pretrained or not one.config]
    alike: list[Pretrained] = []
    for name in dict.fromkeys(one.run.recipe.name for one in kept):
        members = [one for one in kept if one.run.recipe.name == name]
        alike += _largest(members, (_further_facts,), why)[0]
    once: dict[tuple[str, float, int], Pretrained] = {}
    for one in alike:
        key = (one.run.recipe.name, one.run.fraction, one.run.seed)
        if once.setdefault(key, one) is not one:
            why[one.run.path] = f"seed {one.run.seed} again, as in {once[key].run.path}"
    return list(once.values()), why, {**common, **of_pretraining}


def _with_pretraining(run: Run, runs: Sequence[Run]) -> Pretrained:
    """A run with its own pretraining, or that of the run whose network it began with."""
    if run.recipe.pretrain:
        return Pretrained(run, run.recipe.pretrain, run.stages.get("pretrain"), run.init)
    if run.init:
        for other in runs:
            if other.recipe.pretrain and not other.init and other.pretrained_sha256 == run.init:
                return Pretrained(run, other.recipe.pretrain, other.stages.get("pretrain"), "")
    return Pretrained(run, None, None, run.init)


def _strangeness(one: Pretrained) -> str:
    """What makes a run another experiment than its recipe's name says; nothing if it is that."""
    recipe = _shipped(one.run.recipe)
    if recipe is None:
        return ""
    if one.init:
        return "began with a checkpoint (--init) of none of these runs; name its run too"
    if bool(recipe.pretrain) != bool(one.config):
        return "without the recipe's pretraining" if recipe.pretrain else "pretrained, unlike it"
    differing = [
        f"[{stage}] {key} {getattr(config, key)}, the recipe's is {getattr(wanted, key)}"
        for stage, config, wanted in zip(STAGES, _configs(one), _configs_of(recipe), strict=True)
        if config and wanted
        for key in _KIND
        if getattr(config, key) != getattr(wanted, key)
    ]
    return ", ".join(differing)


def _configs(one: Pretrained) -> tuple[StageConfig | None, ...]:
    return one.config, one.run.recipe.finetune


def _configs_of(recipe: Recipe) -> tuple[StageConfig | None, ...]:
    return recipe.pretrain, recipe.finetune


def _shipped(recipe: Recipe) -> Recipe | None:
    """The recipe of this name as it is shipped; None if there is none."""
    return read_recipe(recipe.name) if recipe.name in shipped_recipes() else None


def _largest(
    runs: Sequence[Pretrained],
    kinds: Iterable[Callable[[Pretrained], Facts]],
    why: dict[Path, str],
) -> tuple[list[Pretrained], Facts]:
    """The largest group with the same facts, of one kind or another; why the others are not it."""
    best: list[Pretrained] = []
    facts_of: Callable[[Pretrained], Facts] = _further_facts
    for kind in kinds:
        groups = Counter(tuple(kind(one).items()) for one in runs)
        if groups:
            most, size = groups.most_common(1)[0]  # of several, the one that was met first
            if size > len(best):
                facts_of, best = kind, [one for one in runs if tuple(kind(one).items()) == most]
    if not best:
        return [], {}
    common = facts_of(best[0])
    for one in runs:
        if one not in best:
            theirs = facts_of(one)
            why[one.run.path] = ", ".join(
                f"{key} {theirs.get(key, 'none')} instead of {common.get(key, 'none')}"
                for key in {**common, **theirs}
                if theirs.get(key) != common.get(key)
            )
    return best, common


def _finetune_facts(one: Pretrained) -> Facts:
    run, config = one.run, one.run.recipe.finetune
    trained = run.stages.get("finetune")
    tested = run.scores.image_ids if run.scores else ()
    return {
        "data": _short(trained.data_sha256 if trained else ""),
        "test part": f"{len(tested)} images ({_short(sha256_of_ids(tested))})",
        "limit": "none" if run.limit is None else str(run.limit),
        "precision": run.precision,
        **_stage_facts(config, ""),
    }


def _pretrain_facts(one: Pretrained) -> Facts:
    images = _short(one.trained.images_sha256 if one.trained else "")
    return {"pretraining images": images, **_stage_facts(one.config, "pretraining ")}


def _stage_facts(config: StageConfig | None, prefix: str) -> dict[str, str]:
    if config is None:
        return {}
    return {
        f"{prefix}size": str(config.size) if config.size else "whole images",
        f"{prefix}augmentation": "yes" if config.augment else "no",
        f"{prefix}epochs": str(config.epochs),
        f"{prefix}batch size": str(config.batch_size),
    }


def _own(facts: Callable[[Pretrained], Facts]) -> Callable[[Pretrained], Facts]:
    """The same facts, but that epochs and batch size count as one where they are the recipe's."""

    def changed(one: Pretrained) -> Facts:
        found = dict(facts(one))
        recipe = _shipped(one.run.recipe)
        if recipe is None:
            return found
        for prefix, config, wanted in zip(
            ("pretraining ", ""), _configs(one), _configs_of(recipe), strict=True
        ):
            for key in _BUDGET:
                name = prefix + key.replace("_", " ")
                if name in found and getattr(config, key) == getattr(wanted, key):
                    found[name] = _OWN
        return found

    return changed


def _further_facts(one: Pretrained) -> Facts:
    """All settings of the stages, and what the first began with."""
    found = {"init": _short(one.init) if one.init else "none"}
    if one.trained:
        # Differs between recipes: only texture-map pretraining has weak masks among its data.
        found["pretraining data"] = _short(one.trained.data_sha256)
    for stage, config in zip(STAGES, _configs(one), strict=True):
        if config:
            found |= {
                f"[{stage}] {key}": str(value)
                for key, value in asdict(config).items()
                if key not in _IDLE
            }
    return found


def _short(sha256: str) -> str:
    return sha256[:8] or "unknown"

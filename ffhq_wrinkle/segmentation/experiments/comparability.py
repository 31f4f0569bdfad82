"""Comparability: which runs can share a table, and why others cannot."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

from ...errors import counted
from ..training.recipes import Recipe, StageConfig, read_recipe, shipped_recipes
from ..training_data.samples import STAGES
from .adaptation import Adaptation
from .runs import Run, Trained, sha256_of_ids

# Settings that make a run the experiment that its recipe's name stands for.
_KIND = ("network", "input", "loss", "initial", "features")
_BUDGET = ("epochs", "batch_size")
_OWN = "the recipe's"
_IDLE = frozenset({"gradient_checkpointing"})  # without effect on scores
Facts = Mapping[str, str]


class Pretrained(NamedTuple):
    """A run with its pretraining, which may be another run's.

    Attributes
    ----------
    run : Run
        A finished run.
    config : StageConfig or None
        Settings of the pretraining; None without one.
    trained : Trained or None
        Course of the pretraining.
    init : str
        SHA-256 of the checkpoint that it began with, if that is of none of the known runs.
    """

    run: Run
    config: StageConfig | None
    trained: Trained | None
    init: str

    @property
    def seconds(self) -> float | None:
        """Duration of all stages; None if one is not recorded."""
        stages = [self.run.stages.get("finetune"), *([self.trained] if self.config else [])]
        seconds = [stage.seconds if stage else None for stage in stages]
        recorded = [taken for taken in seconds if taken is not None]
        return sum(recorded) if len(recorded) == len(seconds) and not self.init else None


def sifted(
    finished: Sequence[Run], runs: Sequence[Run], *, adaptation: Adaptation | None = None
) -> tuple[list[Pretrained], dict[Path, str], dict[str, str]]:
    """Select the runs that can be compared.

    Each step keeps some of the runs that the step before it kept:

    1. runs that are what their recipe's name stands for, if the recipe is a shipped one: the same
       network, input, loss, initial weights and pretraining;
    2. the largest group with the same data, test part, limit and precision, and in finetuning the
       same size, augmentation, epochs and batch size; or, where that makes a larger group, each
       with its recipe's own epochs and batch size, in which the paper's networks differ;
    3. among pretrained runs, the largest group with the same such settings of pretraining; runs
       without pretraining stay;
    4. for each recipe, the largest group with the same remaining settings;
    5. one run for each recipe, fraction and seed.

    Among groups of equal size the group named first is kept.

    Parameters
    ----------
    finished : sequence of Run
        The runs to select from.
    runs : sequence of Run
        All runs, among which the pretraining that a run began with (``--init``) is looked up.
    adaptation : Adaptation, optional
        A change of all recipes, after which runs still count as what their names stand for.

    Returns
    -------
    tuple
        The runs that are kept; by path, why each other run is not; and what the kept runs have in
        common.
    """
    adaptation = adaptation or Adaptation()
    why: dict[Path, str] = {}
    kept = []
    for run in finished:
        candidate = _with_pretraining(run, runs)
        strange = _strangeness(candidate, adaptation)
        if strange:
            why[run.path] = strange
        else:
            kept.append(candidate)
    kept, common = _largest(kept, (_finetune_facts, _own(_finetune_facts, adaptation)), why)
    pretrained, of_pretraining = _largest(
        [candidate for candidate in kept if candidate.config],
        (_pretrain_facts, _own(_pretrain_facts, adaptation)),
        why,
    )
    kept = [candidate for candidate in kept if candidate in pretrained or not candidate.config]
    alike: list[Pretrained] = []
    for name in dict.fromkeys(candidate.run.recipe.name for candidate in kept):
        members = [candidate for candidate in kept if candidate.run.recipe.name == name]
        alike += _largest(members, (_further_facts,), why)[0]
    once: dict[tuple[str, float, int], Pretrained] = {}
    for candidate in alike:
        key = (candidate.run.recipe.name, candidate.run.fraction, candidate.run.seed)
        if once.setdefault(key, candidate) is not candidate:
            why[candidate.run.path] = f"seed {candidate.run.seed} again, as in {once[key].run.path}"
    return list(once.values()), why, {**common, **of_pretraining}


def _with_pretraining(run: Run, runs: Sequence[Run]) -> Pretrained:
    """Return a run with its own pretraining, or that of the run whose network it began with."""
    if run.recipe.pretrain:
        return Pretrained(run, run.recipe.pretrain, run.stages.get("pretrain"), run.init)
    if run.init:
        for other in runs:
            if other.recipe.pretrain and not other.init and other.pretrained_sha256 == run.init:
                return Pretrained(run, other.recipe.pretrain, other.stages.get("pretrain"), "")
    return Pretrained(run, None, None, run.init)


def _strangeness(candidate: Pretrained, adaptation: Adaptation) -> str:
    """Return why a run is not the experiment that its recipe's name stands for; empty if it is."""
    recipe = _shipped(candidate.run.recipe)
    if recipe is None:
        return ""
    recipe = adaptation.of(recipe)
    if candidate.init:
        return "began with a checkpoint (--init) of none of these runs; name its run too"
    if bool(recipe.pretrain) != bool(candidate.config):
        return "without the recipe's pretraining" if recipe.pretrain else "pretrained, unlike it"
    differing = [
        f"[{stage}] {key} {getattr(config, key)}, the recipe's is {getattr(wanted, key)}"
        for stage, config, wanted in zip(
            STAGES, _configs(candidate), _configs_of(recipe), strict=True
        )
        if config and wanted
        for key in _KIND
        if getattr(config, key) != getattr(wanted, key)
    ]
    return ", ".join(differing)


def _configs(candidate: Pretrained) -> tuple[StageConfig | None, ...]:
    return candidate.config, candidate.run.recipe.finetune


def _configs_of(recipe: Recipe) -> tuple[StageConfig | None, ...]:
    return recipe.pretrain, recipe.finetune


def _shipped(recipe: Recipe) -> Recipe | None:
    """Return the shipped recipe of this name; None if there is none."""
    return read_recipe(recipe.name) if recipe.name in shipped_recipes() else None


def _largest(
    runs: Sequence[Pretrained],
    kinds: Iterable[Callable[[Pretrained], Facts]],
    why: dict[Path, str],
) -> tuple[list[Pretrained], Facts]:
    """Return the largest group of runs with equal facts, and the facts; note why others differ."""
    best: list[Pretrained] = []
    facts_of: Callable[[Pretrained], Facts] = _further_facts
    for kind in kinds:
        groups = Counter(tuple(kind(candidate).items()) for candidate in runs)
        if groups:
            most, size = groups.most_common(1)[0]  # the first of several
            if size > len(best):
                facts_of = kind
                best = [candidate for candidate in runs if tuple(kind(candidate).items()) == most]
    if not best:
        return [], {}
    common = facts_of(best[0])
    for candidate in runs:
        if candidate not in best:
            theirs = facts_of(candidate)
            why[candidate.run.path] = ", ".join(
                f"{key} {theirs.get(key, 'none')} instead of {common.get(key, 'none')}"
                for key in {**common, **theirs}
                if theirs.get(key) != common.get(key)
            )
    return best, common


def _finetune_facts(candidate: Pretrained) -> Facts:
    run, config = candidate.run, candidate.run.recipe.finetune
    trained = run.stages.get("finetune")
    tested = run.scores.image_ids if run.scores else ()
    return {
        "data": _short(trained.data_sha256 if trained else ""),
        "test part": f"{counted(len(tested), 'image')} ({_short(sha256_of_ids(tested))})",
        "limit": "none" if run.limit is None else str(run.limit),
        "precision": run.precision,
        **_stage_facts(config, ""),
    }


def _pretrain_facts(candidate: Pretrained) -> Facts:
    images = _short(candidate.trained.images_sha256 if candidate.trained else "")
    return {"pretraining images": images, **_stage_facts(candidate.config, "pretraining ")}


def _stage_facts(config: StageConfig | None, prefix: str) -> dict[str, str]:
    if config is None:
        return {}
    return {
        f"{prefix}size": str(config.size) if config.size else "whole images",
        f"{prefix}augmentation": "yes" if config.augment else "no",
        f"{prefix}epochs": str(config.epochs),
        f"{prefix}batch size": str(config.batch_size),
    }


def _own(
    facts: Callable[[Pretrained], Facts], adaptation: Adaptation
) -> Callable[[Pretrained], Facts]:
    """Return a function of the same facts, with one word for the recipe's epochs and batch size."""
    shortened = adaptation.budget != 1
    words = {"epochs": f"{_OWN} x {adaptation.budget:g}" if shortened else _OWN, "batch_size": _OWN}

    def changed(candidate: Pretrained) -> Facts:
        own_facts = dict(facts(candidate))
        recipe = _shipped(candidate.run.recipe)
        if recipe is None:
            return own_facts
        recipe = adaptation.of(recipe)
        for prefix, config, wanted in zip(
            ("pretraining ", ""), _configs(candidate), _configs_of(recipe), strict=True
        ):
            for key in _BUDGET:
                name = prefix + key.replace("_", " ")
                if name in own_facts and getattr(config, key) == getattr(wanted, key):
                    own_facts[name] = words[key]
        return own_facts

    return changed


def _further_facts(candidate: Pretrained) -> Facts:
    """Return all settings of the stages, and the checkpoint that the first began with."""
    facts = {"init": _short(candidate.init) if candidate.init else "none"}
    if candidate.trained:
        # Not among the facts that recipes share: only texture-map pretraining needs weak masks.
        facts["pretraining data"] = _short(candidate.trained.data_sha256)
    for stage, config in zip(STAGES, _configs(candidate), strict=True):
        if config:
            facts |= {
                f"[{stage}] {key}": str(value)
                for key, value in asdict(config).items()
                if key not in _IDLE
            }
    return facts


def _short(sha256: str) -> str:
    return sha256[:8] or "unknown"

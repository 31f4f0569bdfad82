"""Grid: the training runs of the paper's Tables 3 and 4, each with its settings and its folder.

Rows whose recipes pretrain alike share one pretraining, for all fractions and seeds, as the paper
finetunes one pretrained network on 100 % and on 5 % of the images.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...dataset.ids import official_test_ids
from ...errors import ArgumentError, EvaluationError
from ..training.recipes import StageConfig, read_recipe
from ..training.run_folder import CONFIG
from ..training.stage_state import BEST
from ..training_data.sample_files import SampleFiles
from ..training_data.samples import Stage
from ..training_data.split import SHARES
from .adaptation import Adaptation
from .paper_tables import ROWS
from .runs import read_run

PRETRAIN_SEED = 0


@dataclass(frozen=True, kw_only=True)
class GridRun:
    """One stage of training, in a folder of its own.

    Attributes
    ----------
    name : str
        Name of its folder.
    recipe : str
        Name of the recipe.
    stage : {"pretrain", "finetune"}
        The stage.
    config : StageConfig
        Its settings.
    seed : int
        Its seed.
    fraction : float
        Share of the training images; 1 for pretraining.
    after : str
        Name of the run that pretrains it; empty without one.
    """

    name: str
    recipe: str
    stage: Stage
    config: StageConfig
    seed: int
    fraction: float = 1.0
    after: str = ""


def paper_grid(
    rows: Sequence[str],
    fractions: Sequence[float],
    seeds: Sequence[int],
    adaptation: Adaptation | None = None,
) -> list[GridRun]:
    """List the runs of some rows of the tables, pretraining before what begins with it.

    Parameters
    ----------
    rows : sequence of str
        Names of recipes, keys of `paper_tables.ROWS`; all if empty.
    fractions : sequence of float
        Shares of the training images.
    seeds : sequence of int
        Seeds of finetuning. Pretraining always has the seed 0.
    adaptation : Adaptation, optional
        A change of all recipes.

    Raises
    ------
    ArgumentError
        There is no such row, key or value, or nothing to train.
    """
    for row in rows:
        if row not in ROWS:
            raise ArgumentError(f"--rows: {row!r} is not a row; choose from {', '.join(ROWS)}")
    for fraction in fractions:
        if not 0 < fraction <= 1:
            raise ArgumentError(f"--fractions: {fraction:g} should be above 0 and at most 1")
    if not fractions or not seeds:
        raise ArgumentError("name at least one fraction and one seed")
    adaptation = adaptation or Adaptation()
    pretraining: dict[str, GridRun] = {}
    finetuning: list[GridRun] = []
    for row in rows or ROWS:
        recipe = adaptation.of(read_recipe(row))
        after = ""
        if recipe.pretrain:
            shared = pretraining.setdefault(
                repr(recipe.pretrain),
                GridRun(
                    name=f"pretrain-{row}", recipe=row, stage="pretrain", config=recipe.pretrain,
                    seed=PRETRAIN_SEED,
                ),
            )  # fmt: skip
            after = shared.name
        if recipe.finetune is None:
            continue
        for fraction in fractions:
            finetuning += [
                GridRun(
                    name=f"{row}-{100 * fraction:g}-{seed}", recipe=row, stage="finetune",
                    config=recipe.finetune, seed=seed, fraction=fraction, after=after,
                )
                for seed in seeds
            ]  # fmt: skip
    return [*pretraining.values(), *finetuning]


def is_finished(run: GridRun, folder: Path) -> bool:
    """Return whether a run has been trained to its end, and scored if it is finetuning.

    Raises
    ------
    ArgumentError, EvaluationError, SourceError
        As `runs.read_run`.
    """
    if not (folder / CONFIG).is_file():
        return False
    try:
        trained = read_run(folder)
    except EvaluationError:
        return False
    if run.stage == "finetune":
        return not trained.unfinished
    stage = trained.stages.get("pretrain")
    has_best = (folder / "pretrain" / BEST).is_file()
    return has_best and stage is not None and stage.epochs >= run.config.epochs


def require_one_test_part(files: SampleFiles, seeds: Sequence[int]) -> None:
    """Require that all seeds have the same test part, which otherwise the seed assigns.

    Raises
    ------
    ArgumentError
        There are several seeds, and neither a given split nor enough official test ids.
    """
    if len(set(seeds)) < 2 or files.split:
        return
    official = set(official_test_ids()) & set(files.masks)
    if len(official) < round(SHARES[2] * len(files.masks)):
        raise ArgumentError(
            f"{files.data} has {len(official)} of the official test ids, so that each seed would "
            "test on other images; give a CSV with a column `split`, or one seed"
        )

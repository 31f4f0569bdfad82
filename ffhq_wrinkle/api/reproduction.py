"""Reproduction of the paper's tables: all their training runs, and what they come to."""

import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ArgumentError, EvaluationError, OutputError, RunInterrupted, counted
from ..images.photographs import read_size
from ..results.tabular import Tabular, paragraphs_html
from ..runs.device_pool import CPU, Job, run_jobs
from ..segmentation.experiments.adaptation import Adaptation
from ..segmentation.experiments.experiment_report import require_report, write_report
from ..segmentation.experiments.experiment_tables import duration
from ..segmentation.experiments.experiments import Experiments, compare_runs
from ..segmentation.experiments.grid import (
    GridRun,
    is_finished,
    paper_grid,
    require_one_test_part,
)
from ..segmentation.experiments.plan import Plan, make_plan
from ..segmentation.training.settings import TrainPrecision
from ..segmentation.training.stage_state import BEST
from ..segmentation.training_data.sample_files import find_sample_files
from .arguments import AnyPath, as_path
from .training import train

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

TABLES = "tables"


@dataclass(frozen=True, repr=False)
class Reproduction(Tabular):
    """The runs of the paper's tables.

    Attributes
    ----------
    plan : Plan
        The runs, and what was left to do.
    trained : int
        Runs that were trained now.
    failures : mapping of str to str
        Why runs failed, by name.
    experiments : Experiments or None
        The finished runs, compared; None if none is finished or nothing was trained.
    """

    plan: Plan
    trained: int = 0
    failures: Mapping[str, str] | None = None
    experiments: Experiments | None = None

    @property
    def failed(self) -> int:
        """Number of runs that failed."""
        return len(self.failures or {})

    def summary(self, *, width: int | None = None) -> str:
        """Return the tables, and the runs that failed."""
        lines = [self.experiments.summary(width=width)] if self.experiments else []
        lines += [f"{name} failed: {why}" for name, why in (self.failures or {}).items()]
        if self.experiments is None:
            lines.insert(0, self.plan.summary())
        return "\n\n".join(lines)

    def to_frame(self) -> "pd.DataFrame":
        """Return the table of `compare` as a pandas DataFrame; the runs if there is none."""
        import pandas as pd

        if self.experiments:
            return self.experiments.to_frame()
        rows = [[run.name, run.recipe, run.fraction, run.seed] for run in self.plan.runs]
        return pd.DataFrame(rows, columns=["run", "recipe", "fraction", "seed"])

    def tables_html(self) -> str:
        """Return the tables as HTML."""
        if self.experiments:
            return self.experiments.tables_html()
        return paragraphs_html([self.summary()])


def reproduce(
    data: AnyPath,
    runs: AnyPath,
    *,
    rows: Sequence[str] = (),
    fractions: Sequence[float] = (1.0, 0.05),
    seeds: Sequence[int] = (0, 1, 2),
    devices: Sequence[str] = (),
    budget: float = 1.0,
    options: Mapping[str, str] | None = None,
    plan_only: bool = False,
    precision: TrainPrecision = "32",
    workers: int | None = None,
    parser: str = "auto",
    weights: AnyPath | None = None,
    labels: AnyPath | None = None,
    cache: AnyPath | None = None,
) -> Reproduction:
    """Train the rows of the paper's Tables 3 and 4, and compare them; the command `reproduce`.

    Finished runs are kept, and interrupted ones are resumed.

    Parameters
    ----------
    data : str or Path
        Data as `train` takes them.
    runs : str or Path
        Folder for the runs, and for the tables.
    rows : sequence of str
        Recipes of the rows to train; all if empty.
    fractions : sequence of float
        Shares of the training images.
    seeds : sequence of int
        Seeds of finetuning.
    devices : sequence of str
        Numbers of CUDA devices, or ``cpu``, for one run at a time each; a device named twice has
        two. All CUDA devices if empty, or the CPU if there are none.
    budget : float
        Factor of all numbers of epochs, above 0 and at most 1.
    options : mapping of str to str, optional
        Values by keys of recipes, such as ``size`` or ``pretrain.epochs``, for all runs.
    plan_only : bool
        Return the plan, and train nothing.
    precision, workers, parser, weights, labels, cache
        As in `training.train`, for all runs.

    Returns
    -------
    Reproduction

    Raises
    ------
    ArgumentError, OutputError
        There is no such row, device or value, the data cannot be used with several seeds, or the
        disk has too little space.
    RunInterrupted
        Ctrl-C or SIGTERM; the same call resumes the runs.
    """
    folder, data_path = as_path(runs), as_path(data)
    adaptation = Adaptation(budget, options or {})
    grid = paper_grid(rows, fractions, seeds, adaptation)
    files = find_sample_files(data_path)
    require_one_test_part(files, seeds)
    chosen = list(devices) or _all_devices()
    finished = [run.name for run in grid if is_finished(run, folder / run.name)]
    side = max(read_size(next(iter(files.images.values()))))
    plan = make_plan(grid, finished, files, devices=chosen, side=side)
    if plan_only:
        return Reproduction(plan)
    log.info("%s", plan.summary())
    folder.mkdir(parents=True, exist_ok=True)
    _require_room(folder, plan)
    arguments = {
        "data": str(data_path),
        "precision": precision,
        "workers": workers,
        "parser": parser,
        "weights": weights,
        "labels": labels,
        "cache": cache,
    }
    jobs = [_job(run, folder, plan, arguments) for run in plan.left]
    failures: dict[str, str] = {}
    ended = 0
    try:
        for outcome in run_jobs(jobs, train, devices=chosen):
            ended += 1
            state = f"failed: {outcome.failure}" if outcome.failure else "finished"
            log.info(
                "%d of %d: %s %s after %s",
                *(ended, len(jobs), outcome.job.name, state, duration(outcome.seconds)),
            )
            if outcome.failure:
                failures[outcome.job.name] = outcome.failure
    except RunInterrupted as interruption:
        raise RunInterrupted(
            f"{ended} of {counted(len(jobs), 'run')} ended; the same command resumes the rest"
        ) from interruption
    return Reproduction(
        plan, len(jobs) - len(failures), failures, _compared(grid, folder, adaptation)
    )


def _all_devices() -> list[str]:
    import torch

    return [str(number) for number in range(torch.cuda.device_count())] or [CPU]


def _require_room(folder: Path, plan: Plan) -> None:
    free = shutil.disk_usage(folder).free
    if plan.needed_bytes > free:
        raise OutputError(
            f"{folder} has {free / 1e9:.1f} GB free, but the runs need about "
            f"{plan.needed_bytes / 1e9:.1f} GB; make room, or name fewer --rows"
        )


def _job(run: GridRun, folder: Path, plan: Plan, arguments: Mapping[str, object]) -> Job:
    """Return the call of `train` for a run, to be begun after its pretraining."""
    init = folder / run.after / "pretrain" / BEST if run.after else None
    return Job(
        name=run.name,
        arguments={
            **arguments,
            "recipe": run.recipe,
            "run": str(folder / run.name),
            "stage": run.stage,
            "options": run.config.record(),
            "seed": run.seed,
            "fraction": run.fraction,
            "init": init,
        },
        after="" if run.after in plan.finished else run.after,
    )


def _compared(grid: Sequence[GridRun], folder: Path, adaptation: Adaptation) -> Experiments | None:
    """Compare the runs that have begun, and write the tables; None if none is finished."""
    begun = [folder / run.name for run in grid if (folder / run.name / "config.toml").is_file()]
    finetuned = [
        folder / run.name
        for run in grid
        if run.stage == "finetune" and is_finished(run, folder / run.name)
    ]
    if not finetuned:
        return None
    try:
        require_report(folder / TABLES, begun, overwrite=True)
        experiments = compare_runs(begun, adaptation=adaptation)
    except (ArgumentError, EvaluationError) as error:
        log.warning("the runs cannot be compared: %s", error)
        return None
    write_report(experiments, folder / TABLES)
    return experiments

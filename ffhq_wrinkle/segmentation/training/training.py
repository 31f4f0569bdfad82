"""Training: a run from its data to its test scores, in a folder in which it can be resumed.

`train` prepares the data of a recipe, trains each stage with a `StageTrainer`, passes the weights
of one on to the next, and scores the best network on the test part.
"""

import logging
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from lightning_fabric import Fabric

from ...errors import ArgumentError, RunInterrupted, counted
from ...faces.labels import FaceParser
from ...faces.views import AlignedFaces
from ...results.tabular import Tabular, paragraphs_html
from ...storage.writing import InnerFolders
from ..checkpoints.checkpoint import load_checkpoint
from ..checkpoints.trained_on import id_hashes
from ..networks.catalogue import fitting_crop
from ..training_data.samples import STAGES, Stage
from .curves import CURVES
from .final_scores import score_test_part
from .initial import initial_network
from .launch import launch, made_by_first, only_deterministic, versions
from .model_description import write_model_record
from .preparation import StageData, prepare
from .recipes import Recipe, StageConfig
from .run_folder import TEST, RunFolder
from .settings import TrainSettings
from .stage_state import BEST, METRICS
from .stop_signals import stop_requested
from .tensorboard_events import RowWriter
from .trainer import SAVE_EVERY_S, StageTrainer

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

_MIN_TEST_IMAGES = 10
_MIN_STEPS = 100


@dataclass(frozen=True, repr=False)
class TrainReport(Tabular):
    """The result of a run: the best network of each stage, and the test scores in one line.

    `aligned` says whether faces were cut out of photos, which the next command must then do, too.
    """

    checkpoints: Mapping[Stage, Path]
    scores: str = ""
    aligned: bool = False

    def summary(self) -> str:
        """Return the result as lines of text."""
        lines = [f"{stage}: {path}" for stage, path in self.checkpoints.items()]
        lines += [self.scores] if self.scores else []
        return "\n".join([*lines, *self._next_commands()])

    def _next_commands(self) -> Iterator[str]:
        """Yield a line that says which command uses the network."""
        align = " --align" if self.aligned else ""
        if "finetune" in self.checkpoints:
            path = shlex.quote(str(self.checkpoints["finetune"]))
            yield f"Next: ffhq-wrinkle predict PHOTOS OUT --checkpoint {path}{align}"
        elif "pretrain" in self.checkpoints:
            path = shlex.quote(str(self.checkpoints["pretrain"]))
            yield f"Next: ffhq-wrinkle train RECIPE DATA RUN --stage finetune --init {path}{align}"

    def to_frame(self) -> "pd.DataFrame":
        """Return the metrics of all epochs as a pandas DataFrame, the stages one after another."""
        import pandas as pd

        return pd.concat(
            [
                pd.read_csv(path.with_name(METRICS)).assign(stage=stage)
                for stage, path in self.checkpoints.items()
            ],
            ignore_index=True,
        )

    def tables_html(self) -> str:
        """Return the summary as HTML; the metrics may have hundreds of rows."""
        return paragraphs_html([self.summary()])

    def pictures(self) -> Iterator[tuple[str, bytes]]:
        """Yield the curves and the last sheet of validation images of each stage."""
        for stage, path in self.checkpoints.items():
            drawn = path.with_name(CURVES)
            if drawn.is_file():  # runs of earlier versions have none
                yield f"{stage}, curves", drawn.read_bytes()
            for sheet in sorted(path.parent.glob("epoch_*.png"))[-1:]:
                yield f"{stage}, {sheet.stem.replace('_', ' ')}", sheet.read_bytes()


def train(
    recipe: Recipe,
    data: Path,
    run: Path,
    *,
    parser: Callable[[], FaceParser],
    parser_name: str = "",
    settings: TrainSettings | None = None,
    texture_recipe: str | None = None,
    scale_to_image: bool = False,
    faces: AlignedFaces | None = None,
    init: Path | None = None,
    initial_weights: Path | None = None,
    cache: Path | None = None,
    devices: int = 1,
    accelerator: str = "auto",
    workers: int = 0,
    jobs: int = 1,
    resume: bool = True,
    stopped: Callable[[], bool] = lambda: False,
    save_every_s: float = SAVE_EVERY_S,
) -> TrainReport:
    """Train a recipe on a data set.

    Parameters
    ----------
    recipe : Recipe
        The stages, and how they are trained.
    data : Path
        As in `sample_files.find_sample_files`.
    run : Path
        Folder for `config.toml`, `split.csv`, a folder for each stage, and `test.json`.
    parser : callable
        Makes the face parser, if one is needed.
    parser_name : str
        Name of the parser, which `config.toml` records.
    settings : TrainSettings, optional
        Choices besides the recipe on which the result depends; the defaults if not given.
    texture_recipe, scale_to_image, cache
        For weak masks and face masks; see `preparation.prepare`.
    faces : AlignedFaces, optional
        Finds the faces in photos that are not aligned, from which images and masks are cut out.
    init : Path, optional
        A checkpoint that the first stage starts from.
    initial_weights : Path, optional
        The file of ImageNet's weights, for recipes that start from them; fetched if not given.
    devices, accelerator
        As in Lightning Fabric.
    workers : int
        Processes that load samples, for each device.
    jobs : int
        Threads that prepare and check samples.
    resume : bool
        Whether an existing run is resumed.
    stopped : callable, optional
        Called after each step; true ends the run there. Ctrl-C and SIGTERM do the same if this is
        the main thread.
    save_every_s : float
        Seconds between checkpoints within an epoch.

    Returns
    -------
    TrainReport

    Raises
    ------
    ArgumentError, TrainingDataError, TrainingError
        The data cannot be used for training, the network does not take such crops, the folder has a
        different run, or training fails.
    RunInterrupted
        Ctrl-C, SIGTERM or `stopped`; the same call resumes the run.
    """
    _require_fitting_crops(recipe)
    settings = settings or TrainSettings()
    if faces:
        settings = replace(settings, align=str(faces.settings()["align"]))
    record = {
        "recipe": recipe.name,
        "init": load_checkpoint(init).sha256 if init else "",
        **settings.record(),
        **recipe.record(),
    }
    with only_deterministic(wanted=settings.deterministic):
        fabric = launch(accelerator, devices, settings.precision)
        folder = RunFolder(run, record, data=data, parser=parser_name, resume=resume)
        with folder if fabric.is_global_zero else nullcontext():
            data_of = made_by_first(
                fabric,
                lambda: prepare(
                    recipe, data, run, parser=parser, settings=settings,
                    texture_recipe=texture_recipe, scale_to_image=scale_to_image, faces=faces,
                    cache=cache, jobs=jobs,
                ),
            )  # fmt: skip
            if fabric.is_global_zero:
                _warn_of_little_data(recipe, data_of)
            more = {"recipe": recipe.record(), "versions": versions()}
            checkpoints: dict[Stage, Path] = {}
            for stage, config in _configs(recipe).items():
                InnerFolders(run).make(run / stage)
                trainer = StageTrainer(
                    fabric,
                    initial_network(config, seed=settings.seed, init=init, weights=initial_weights),
                    run / stage,
                    config,
                    data_of[stage],
                    settings=settings,
                    record=record,
                    more={
                        **more,
                        "trained_on": id_hashes(sample.image_id for sample in data_of[stage].train),
                    },
                    workers=workers,
                    save_every_s=save_every_s,
                )
                _train_stage(trainer, stopped)
                checkpoints[stage] = init = run / stage / BEST
            scores = _test_scores(fabric, recipe, run, data_of)
            if fabric.is_global_zero:
                for stage, best in checkpoints.items():
                    write_model_record(best, data_of[stage], run / TEST)
            return TrainReport(checkpoints, scores, aligned=faces is not None)


def _configs(recipe: Recipe) -> dict[Stage, StageConfig]:
    return {stage: config for stage in STAGES if (config := recipe.stage(stage))}


def _require_fitting_crops(recipe: Recipe) -> None:
    """Refuse crops to which a network would add a margin.

    No loss covers the predictions in the margin. Swin UNETR, trained on crops of 96 pixels that
    were padded to 128, found wrinkles all over the last 32 rows and columns of whole images.
    """
    for stage, config in _configs(recipe).items():
        fitting = fitting_crop(config.network, config.size) if config.size else 0
        if config.size != fitting:
            raise ArgumentError(
                f"[{stage}] size is {config.size}; {config.network} would pad crops to {fitting} "
                f"pixels a side, and learn from the padding: use {fitting}"
            )


def _warn_of_little_data(recipe: Recipe, data_of: Mapping[Stage, StageData]) -> None:
    """Warn of a test part and of stages that are too small to tell or to learn much."""
    if recipe.finetune and len(test := data_of["finetune"].test) < _MIN_TEST_IMAGES:
        log.warning(
            "the test part has %s; scores of fewer than %d images depend mostly on chance",
            _counted(len(test), "image"),
            _MIN_TEST_IMAGES,
        )
    for stage, config in _configs(recipe).items():
        samples = len(data_of[stage].train)
        steps = config.epochs * (samples // min(config.batch_size, samples))
        if steps < _MIN_STEPS:
            log.warning(
                "%s takes %s; fewer than %d hardly change a network: more --epochs or a smaller "
                "--batch-size give more",
                stage,
                _counted(steps, "step"),
                _MIN_STEPS,
            )


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def _train_stage(trainer: StageTrainer, stopped: Callable[[], bool]) -> None:
    """Train a stage to its end.

    Raises
    ------
    RunInterrupted
        A signal or `stopped` ended it before.
    """
    trainer.setup()
    stage, epochs = trainer.config.stage, trainer.config.epochs
    log.info(
        "%s: %s to train on, %d to validate; %s",
        stage,
        counted(len(trainer.data.train), "image"),
        len(trainer.data.val),
        counted(epochs, "epoch"),
    )
    with stop_requested() as signalled, RowWriter(trainer.folder) as rows:
        if trainer.fit(stopped=lambda: signalled() or stopped(), shown=rows.add):
            return
    progress = trainer.progress
    raise RunInterrupted(
        f"{stage} stopped in epoch {progress.epoch + 1} of {epochs}, after step {progress.step}; "
        "the same command resumes it"
    )


def _test_scores(
    fabric: Fabric, recipe: Recipe, run: Path, data_of: Mapping[Stage, StageData]
) -> str:
    """Score the finetuned network on the first process, while the others wait."""
    scores = ""
    if recipe.finetune and fabric.is_global_zero:
        # Apple's GPUs lack double precision.
        device = "cpu" if fabric.device.type == "mps" else str(fabric.device)
        scores = score_test_part(
            run / "finetune" / BEST,
            data_of["finetune"].test,
            recipe.finetune,
            run / TEST,
            device=device,
        )
    fabric.barrier()
    return scores

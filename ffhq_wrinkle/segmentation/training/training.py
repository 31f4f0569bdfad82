"""Training: an experiment from its data to its test scores, in a folder, resumable.

`train` does what a `Recipe` says: it lists the data, splits it, trains each stage by a
`StageTrainer`, hands weights from one to the next, and scores the best network on the test part.
"""

import logging
import os
import platform
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import torch
from lightning_fabric import Fabric

from ... import __version__
from ...errors import ArgumentError, RunInterrupted
from ...faces.labels import FaceParser
from ...storage.writing import InnerFolders
from ...weak_labels.texture import TextureSettings
from ..checkpoints.checkpoint import load_checkpoint
from ..networks.catalogue import fitting_crop
from ..training_data.picture_files import read_size
from ..training_data.samples import STAGES, Stage
from .final_scores import score_test_part
from .initial import initial_network
from .preparation import Preparation, prepare
from .recipes import Recipe, StageConfig
from .run_folder import TEST, RunFolder
from .stage_state import BEST
from .stop_signals import stop_asked_for
from .tensorboard_events import RowWriter
from .trainer import StageTrainer

log = logging.getLogger(__name__)

TrainPrecision = Literal["32", "bf16", "64"]
_FABRIC_PRECISION: dict[TrainPrecision, Any] = {
    "32": "32-true",
    "bf16": "bf16-mixed",
    "64": "64-true",
}


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """What a run depends on besides its recipe.

    Attributes
    ----------
    seed : int
        For the split, first weights, order and augmentation.
    fraction : float
        Share of the training part that finetuning sees.
    limit : int or None
        Only so many images, the first ones.
    precision : {"32", "bf16", "64"}
        float32; where it can be bfloat16; or float64, to tell rounding from errors.
    compile : bool
        Whether PyTorch compiles the network.
    accumulate : int
        In how many parts a batch is computed, for less memory.
    deterministic : bool
        On CUDA: only algorithms that give the same twice, which are slower.
    """

    seed: int = 0
    fraction: float = 1.0
    limit: int | None = None
    precision: TrainPrecision = "32"
    compile: bool = False
    accumulate: int = 1
    deterministic: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.fraction <= 1:
            raise ArgumentError(f"fraction is {self.fraction}; it is above 0 and at most 1")
        if self.seed < 0 or self.accumulate < 1:
            raise ArgumentError("a seed is 0 or more, and accumulate 1 or more")

    def record(self) -> dict[str, Any]:
        """As TOML can hold it."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True)
class TrainReport:
    """What a run came to: where its best networks are, and the test scores in one line."""

    checkpoints: dict[Stage, Path]
    scores: str = ""

    def summary(self) -> str:
        """Lines for people."""
        lines = [f"{stage}: {path}" for stage, path in self.checkpoints.items()]
        return "\n".join([*lines, self.scores] if self.scores else lines)


def train(
    recipe: Recipe,
    data: Path,
    run: Path,
    *,
    parser: Callable[[], FaceParser],
    settings: TrainSettings | None = None,
    texture: TextureSettings | None = None,
    init: Path | None = None,
    initial_weights: Path | None = None,
    cache: Path | None = None,
    devices: int = 1,
    accelerator: str = "auto",
    workers: int = 0,
    jobs: int = 1,
    resume: bool = True,
    stopped: Callable[[], bool] = lambda: False,
) -> TrainReport:
    """Train a recipe on a data set.

    Parameters
    ----------
    recipe : Recipe
        Which stages, and how.
    data : Path
        As `preparation.prepare`.
    run : Path
        Gets `config.toml`, `split.csv`, a folder for each stage, and `test.json`.
    parser : callable
        Makes the face parser, if one is needed.
    texture, cache
        For weak and face masks that are not there yet; see `preparation.prepare`.
    settings : TrainSettings, optional
        What else the result depends on.
    init : Path, optional
        A checkpoint to begin the first stage with.
    initial_weights : Path, optional
        The file of ImageNet's weights, for recipes that begin with them; fetched if not given.
    devices, accelerator
        As Lightning Fabric's.
    workers, jobs : int
        Processes that load samples, and threads that prepare and check them.
    resume : bool
        Whether to take up a run that is there.
    stopped : callable, optional
        Asked after each step, like Ctrl-C and SIGTERM, which reach the main thread only: true ends
        the run there.

    Raises
    ------
    ArgumentError, TrainingError
        The data can not be trained on, the network does not take such crops, the run is another, or
        training fails.
    RunInterrupted
        Ctrl-C, SIGTERM or `stopped`; the same call resumes from there.
    """
    _require_fitting_crops(recipe)
    settings = settings or TrainSettings()
    record_of_run = {
        "recipe": recipe.name,
        "init": load_checkpoint(init).sha256 if init else "",
        **settings.record(),
        **recipe.record(),
    }
    with _only_deterministic(wanted=settings.deterministic):
        fabric = launched(accelerator, devices, settings.precision)
        holding = (
            RunFolder(run, record_of_run, data=data, resume=resume)
            if fabric.is_global_zero
            else nullcontext()
        )
        with holding:
            going = _Run(
                fabric, recipe, data, run, record_of_run, settings, workers, initial_weights
            )
            going.prepare(parser, texture, cache, jobs)
            return going.train(init, stopped)


def _require_fitting_crops(recipe: Recipe) -> None:
    """Refuse crops that a network would add a margin to.

    Nothing judges what it makes of a margin. Swin UNETR, trained on crops of 96 pixels that were
    filled up to 128, found wrinkles all over the last 32 rows and columns of whole images.
    """
    for stage in STAGES:
        config = recipe.stage(stage)
        if not config or not config.size:
            continue
        fitting = fitting_crop(config.network, config.size)
        if config.size != fitting:
            raise ArgumentError(
                f"[{stage}] size is {config.size}; {config.network} would fill crops up to "
                f"{fitting} pixels a side, and learn from what is not there: take {fitting}"
            )


def launched(accelerator: str, devices: int, precision: TrainPrecision) -> Fabric:
    """Lightning Fabric with its processes begun; under torchrun, those that this began.

    Raises
    ------
    ArgumentError
        There is no such device, or it can not compute so.
    """
    nodes = 1
    if "TORCHELASTIC_RUN_ID" in os.environ:
        devices = int(os.environ["LOCAL_WORLD_SIZE"])
        nodes = int(os.environ["WORLD_SIZE"]) // devices
    try:
        fabric = Fabric(
            accelerator=accelerator,
            devices=devices,
            num_nodes=nodes,
            precision=_FABRIC_PRECISION[precision],
        )
    except (RuntimeError, ValueError, TypeError) as error:
        said = " ".join(str(error).split())
        raise ArgumentError(f"--accelerator {accelerator} --devices {devices}: {said}") from error
    fabric.launch()
    return fabric


@contextmanager
def _only_deterministic(*, wanted: bool) -> Iterator[None]:
    """Have PyTorch use only algorithms that give the same twice, if that is wanted."""
    before = torch.are_deterministic_algorithms_enabled()
    if wanted:
        # Else cuBLAS, if it has not begun yet, could not.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


class _Run:
    """The work of one `train`, on one of its processes."""

    def __init__(
        self,
        fabric: Fabric,
        recipe: Recipe,
        data: Path,
        run: Path,
        record_of_run: Mapping[str, Any],
        settings: TrainSettings,
        workers: int,
        initial_weights: Path | None = None,
    ) -> None:
        self.fabric = fabric
        self.recipe = recipe
        self.data = data
        self.run = run
        self.record = record_of_run
        self.settings = settings
        self.workers = workers
        self.initial_weights = initial_weights
        self.prepared: Preparation

    def prepare(
        self,
        parser: Callable[[], FaceParser],
        texture: TextureSettings | None,
        cache: Path | None,
        jobs: int,
    ) -> None:
        """Have one process list, check, split and complete the data, and tell the others."""
        prepared = None
        try:
            if self.fabric.is_global_zero:
                prepared = prepare(
                    self.recipe,
                    self.data,
                    self.run,
                    parser=parser,
                    seed=self.settings.seed,
                    fraction=self.settings.fraction,
                    limit=self.settings.limit,
                    texture=texture,
                    cache=cache,
                    jobs=jobs,
                )
        finally:
            # If that failed the others have to know, or they would wait for ever.
            prepared = self.fabric.broadcast(prepared)
        if prepared is None:
            raise SystemExit(1)  # the first process says why
        self.prepared = prepared

    def train(self, init: Path | None, stopped: Callable[[], bool]) -> TrainReport:
        """Train each stage, and score the last."""
        checkpoints: dict[Stage, Path] = {}
        for stage in STAGES:
            config = self.recipe.stage(stage)
            if config:
                self._train_stage(stage, config, init, stopped)
                checkpoints[stage] = init = self.run / stage / BEST
        scores = ""
        on_apple = self.fabric.device.type == "mps"
        if self.recipe.finetune and self.fabric.is_global_zero:
            scores = score_test_part(
                checkpoints["finetune"],
                self.prepared.part("finetune", "test"),
                self.recipe.finetune,
                self.run / TEST,
                # On Apple's GPUs double precision is missing.
                device="cpu" if on_apple else str(self.fabric.device),
            )
        self.fabric.barrier()
        return TrainReport(checkpoints, scores)

    def _train_stage(
        self, stage: Stage, config: StageConfig, init: Path | None, stopped: Callable[[], bool]
    ) -> None:
        listing = self.prepared.listings[stage]
        samples = {part: self.prepared.part(stage, part) for part in ("train", "val")}
        folder = self.run / stage
        InnerFolders(self.run).make(folder)
        trainer = StageTrainer(
            self.fabric,
            initial_network(
                config, seed=self.settings.seed, init=init, weights=self.initial_weights
            ),
            folder,
            stage=stage,
            config=config,
            train=samples["train"],
            val=samples["val"],
            texture=listing.texture,
            side=config.size or max(read_size(samples["train"][0].image)),
            seed=self.settings.seed,
            settings=self.record,
            data_sha256=listing.sha256(),
            more={"recipe": self.recipe.record(), "versions": versions()},
            workers=self.workers,
            accumulate=self.settings.accumulate,
            compile_model=self.settings.compile,
        )
        trainer.setup()
        log.info(
            "%s: %d images to train on, %d to validate; %d epochs",
            stage, len(samples["train"]), len(samples["val"]), config.epochs,
        )  # fmt: skip
        with stop_asked_for() as signalled, RowWriter(folder) as rows:
            if trainer.fit(stopped=lambda: signalled() or stopped(), shown=rows.add):
                return
        done = trainer.progress
        raise RunInterrupted(
            f"{stage} stopped in epoch {done.epoch + 1} of {config.epochs}, after step "
            f"{done.step}; the same command goes on from there"
        )


def versions() -> dict[str, str]:
    """Versions of Python, and of the libraries that are there and decide about numbers."""
    found = {"ffhq-wrinkle": __version__, "python": platform.python_version()}
    for name in (
        *("torch", "torchvision", "monai", "lightning-fabric", "numpy", "opencv-python"),
        *("segmentation-models-pytorch", "timm"),  # of an extra
    ):
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found

"""Recipes: how a network is trained, stage by stage, as TOML; those of the paper are shipped."""

import tomllib
import types
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ...errors import ArgumentError
from ..networks.catalogue import NETWORKS, NetworkName
from ..training_data.samples import STAGES, Stage

Input = Literal["rgb", "rgb+texture"]
Loss = Literal["mse", "denoising", "masked_l1", "soft_dice", "weighted_deep_supervision"]
Initial = Literal["random", "imagenet", "random-stand-in"]
# The stage of each loss, and the channels that it is of.
_LOSSES: dict[Loss, tuple[Stage, int]] = {
    "mse": ("pretrain", 1),
    "denoising": ("pretrain", 3),
    "masked_l1": ("pretrain", 3),
    "soft_dice": ("finetune", 2),
    "weighted_deep_supervision": ("finetune", 2),
}
# Networks that only a loss of their own can train.
_NETWORK_OF: dict[Loss, NetworkName] = {
    "masked_l1": "swin_mim",
    "weighted_deep_supervision": "unet_wds",
}
_ENCODER_OF: dict[NetworkName, NetworkName] = {"swin_mim": "swin_unetr"}


@dataclass(frozen=True, kw_only=True)
class StageConfig:
    """One stage of training. Each field is a key of a recipe and an option of `train`.

    Attributes
    ----------
    network : str
        See `catalogue.create_model`.
    input : {"rgb", "rgb+texture"}
        What it sees: the image, or masked image and texture map (Table 4 of the paper).
    loss : {"mse", "denoising", "masked_l1", "soft_dice", "weighted_deep_supervision"}
        See `objectives`; the first three are for pretraining.
    epochs : int
        How often each image is seen.
    batch_size : int
        Images a step, on all devices together.
    peak_rate, first_period, rate_decay
        Of the learning rate; see `schedule.sgdr_rate`.
    weight_decay, beta1, beta2 : float
        Of AdamW.
    size : int
        Side of the random crops that are trained on, in pixels; 0 for whole images.
    validate_every : int
        Epochs from one validation and checkpoint to the next; the last one is always validated.
    augment : bool
        Whether images are flipped, scaled, bent and so on.
    gradient_checkpointing : bool
        Swin UNETR alone: less memory, more time.
    initial : {"random", "imagenet", "random-stand-in"}
        What the network begins with, where no stage was before: see `imagenet`. The last stands in
        for ImageNet's weights in tests.
    """

    network: NetworkName
    input: Input
    loss: Loss
    epochs: int
    batch_size: int
    peak_rate: float
    first_period: int
    rate_decay: float = 1.0
    weight_decay: float = 0.05
    beta1: float = 0.9
    beta2: float = 0.999
    size: int = 0
    validate_every: int = 1
    augment: bool = True
    gradient_checkpointing: bool = False
    initial: Initial = "random"

    def __post_init__(self) -> None:
        choices = {
            "network": NETWORKS,
            "input": get_args(Input),
            "loss": get_args(Loss),
            "initial": get_args(Initial),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ArgumentError(
                    f"{name} is {getattr(self, name)!r}; choose one of {', '.join(allowed)}"
                )
        for name in ("epochs", "batch_size", "first_period", "validate_every"):
            if getattr(self, name) < 1:
                raise ArgumentError(f"{name} is {getattr(self, name)}; at least 1 is needed")
        for name in ("peak_rate", "rate_decay"):
            if not 0 < getattr(self, name) < 10:
                raise ArgumentError(f"{name} is {getattr(self, name)}; it should be above 0")
        for name in ("weight_decay", "beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise ArgumentError(f"{name} is {getattr(self, name)}; it is from 0 to below 1")
        for loss, network in _NETWORK_OF.items():
            if (self.loss == loss) != (self.network == network):
                raise ArgumentError(
                    f"the network {self.network} can not be trained by the loss {self.loss}; "
                    f"{network} is by {loss}, and nothing else is"
                )
        if self.size < 0:
            raise ArgumentError(f"size is {self.size}; a side in pixels, or 0 for whole images")

    @property
    def in_channels(self) -> int:
        """Of the network."""
        return 3 if self.input == "rgb" else 4

    @property
    def out_channels(self) -> int:
        """Of the network."""
        return _LOSSES[self.loss][1]

    @property
    def stage(self) -> Stage:
        """Which it is."""
        return _LOSSES[self.loss][0]

    @property
    def needs_weak(self) -> bool:
        """Whether weak masks and face masks have to be there: images alone are not enough."""
        return self.loss not in ("denoising", "masked_l1")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The stages of an experiment, of which one may be missing."""

    name: str
    pretrain: StageConfig | None = None
    finetune: StageConfig | None = None

    def __post_init__(self) -> None:
        if not (self.pretrain or self.finetune):
            raise ArgumentError(f"the recipe {self.name} has neither [pretrain] nor [finetune]")
        for stage in STAGES:
            config = self.stage(stage)
            if config and config.stage != stage:
                fitting = " or ".join(loss for loss, (of, _) in _LOSSES.items() if of == stage)
                raise ArgumentError(f"[{stage}] has the loss {config.loss}; it should be {fitting}")
        if self.pretrain and self.pretrain.input != "rgb":
            raise ArgumentError(
                f"[pretrain] has the input {self.pretrain.input}; it should be rgb, for the "
                "texture map is what is predicted"
            )
        if self.finetune and self.pretrain and self.finetune.initial != "random":
            raise ArgumentError("[finetune] begins with [pretrain]; initial can not be given too")
        carried = self.pretrain and _ENCODER_OF.get(self.pretrain.network, self.pretrain.network)
        if self.pretrain and self.finetune and carried != self.finetune.network:
            raise ArgumentError(
                f"[pretrain] is of {self.pretrain.network} and [finetune] of "
                f"{self.finetune.network}; weights carry over within one network only"
            )

    def stage(self, name: Stage) -> StageConfig | None:
        """One of the stages."""
        return self.pretrain if name == "pretrain" else self.finetune

    def changed(self, options: Mapping[str, Any]) -> "Recipe":
        """The same with other values of some fields, in each stage.

        Of a recipe with both, `input` is that of finetuning: pretraining sees RGB.

        Raises
        ------
        ArgumentError
            There is no such field, or a value can not be.
        """
        _require_known(options, "option")
        of_pretrain = dict(options)
        if self.finetune:
            of_pretrain.pop("input", None)
        stages: dict[str, Any] = {
            "pretrain": self.pretrain and replace(self.pretrain, **of_pretrain),
            "finetune": self.finetune and replace(self.finetune, **options),
        }
        return replace(self, **stages)

    def only(self, stage: Stage) -> "Recipe":
        """The same without the other stage.

        Raises
        ------
        ArgumentError
            The recipe lacks the stage.
        """
        if self.stage(stage) is None:
            raise ArgumentError(f"the recipe {self.name} has no [{stage}]")
        kept: dict[str, Any] = {stage: self.stage(stage)}
        return Recipe(name=self.name, **kept)

    def record(self) -> dict[str, Any]:
        """As TOML and checkpoints can hold it."""
        stages = {stage: self.stage(stage) for stage in STAGES}
        return {stage: asdict(config) for stage, config in stages.items() if config}


def shipped_recipes() -> list[str]:
    """Names of the recipes that come with the package."""
    folder = resources.files("ffhq_wrinkle.recipes")
    return sorted(
        path.name.removesuffix(".toml") for path in folder.iterdir() if path.name.endswith(".toml")
    )


def read_recipe(name: str) -> Recipe:
    """Read a recipe that is shipped, by its name, or any other, by its path.

    Raises
    ------
    ArgumentError
        There is no such recipe, it can not be read, or has keys or values that can not be; the
        nearest name is suggested.
    """
    shipped = shipped_recipes()
    if name in shipped:
        text = (resources.files("ffhq_wrinkle.recipes") / f"{name}.toml").read_text("utf-8")
        return parse_recipe(text, name)
    path = Path(name)
    if path.suffix != ".toml" or not path.is_file():
        raise ArgumentError(
            f"there is no recipe {name!r}{_suggestion(name, shipped)}; name a .toml file, or one "
            f"of {', '.join(shipped)}"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ArgumentError(f"{path} can not be read: {error}") from error
    return parse_recipe(text, str(path))


def parse_recipe(text: str, name: str) -> Recipe:
    """A recipe from TOML; `name` is for errors and records. As `read_recipe`."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ArgumentError(f"{name} is no TOML: {error}") from error
    for key in content:
        if key not in STAGES:
            raise ArgumentError(
                f"{name}: [{key}] is no stage{_suggestion(key, STAGES)}; there are [pretrain] and "
                "[finetune]"
            )
    try:
        stages: dict[str, Any] = {stage: _stage(table, stage) for stage, table in content.items()}
        return Recipe(name=Path(name).stem, **stages)
    except ArgumentError as error:
        raise ArgumentError(f"{name}: {error}") from error


def _stage(table: object, stage: str) -> StageConfig:
    if not isinstance(table, Mapping):
        raise ArgumentError(f"{stage} should be a table, [{stage}]")
    _require_known(table, f"key of [{stage}]")
    kinds = get_type_hints(StageConfig)
    values: dict[str, Any] = {}
    for key, value in table.items():
        wanted = _plain(kinds[key])
        if wanted is float and type(value) is int:
            value = float(value)
        if type(value) is not wanted:
            raise ArgumentError(f"[{stage}] {key} is {value!r}; it should be {wanted.__name__}")
        values[key] = value
    try:
        return StageConfig(**values)
    except TypeError as error:
        missing = str(error).partition("argument")[2].lstrip("s: ")
        raise ArgumentError(f"[{stage}] lacks {missing}") from error


def _plain(kind: object) -> type:
    """The type of a value: that of its choices, if it is one of several."""
    if get_origin(kind) is Literal:
        return type(get_args(kind)[0])
    if isinstance(kind, types.UnionType) or not isinstance(kind, type):
        raise TypeError(f"a recipe can not hold {kind}")
    return kind


def _require_known(keys: Mapping[str, Any], what: str) -> None:
    known = [field.name for field in fields(StageConfig)]
    for key in keys:
        if key not in known:
            raise ArgumentError(f"{key!r} is no {what}{_suggestion(key, known)}")


def _suggestion(name: str, known: list[str] | tuple[str, ...]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""

"""Recipes: how a network is trained, stage by stage, as TOML; the paper's are shipped.

This module does not load PyTorch, so that recipes can be read quickly.
"""

import tomllib
import types
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from difflib import get_close_matches
from importlib import resources
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from ...errors import ArgumentError
from ...storage.writing import valid_text
from ..networks.catalogue import NETWORKS
from ..training_data.samples import STAGES, Stage
from .loss_catalogue import LOSSES

Input = Literal["rgb", "rgb+texture"]
Initial = Literal["random", "imagenet", "random-stand-in"]


@dataclass(frozen=True, kw_only=True)
class StageConfig:
    """One stage of training. Each field is a key of a recipe and an option of `train`.

    Attributes
    ----------
    network : str
        A key of `catalogue.NETWORKS`; see `catalogue.create_model`.
    input : {"rgb", "rgb+texture"}
        Input of the network: the image, or masked image and texture map (Table 4 of the paper).
    loss : str
        A key of `loss_catalogue.LOSSES`; see `objectives`.
    epochs : int
        How often each image is seen.
    batch_size : int
        Images per step, on all devices together.
    peak_rate, first_period, rate_decay
        Parameters of the learning rate; see `schedule.sgdr_rate`.
    weight_decay, beta1, beta2 : float
        Parameters of AdamW.
    size : int
        Side of the random crops that are trained on, in pixels; 0 for whole images.
    validate_every : int
        Epochs from one validation and checkpoint to the next; the last one is always validated.
    augment : bool
        Whether images are flipped, scaled, bent and so on.
    gradient_checkpointing : bool
        For Swin UNETR only: less memory, more time.
    initial : {"random", "imagenet", "random-stand-in"}
        Initial weights of the network if there is no earlier stage: see `imagenet`. The last
        replaces ImageNet's weights by random ones in tests.
    features : int
        Channels of the network's first level; 0 for its own number. See `catalogue.create_model`.
    """

    network: str
    input: Input
    loss: str
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
    features: int = 0

    def __post_init__(self) -> None:
        choices: dict[str, Iterable[str]] = {
            "network": NETWORKS,
            "input": get_args(Input),
            "loss": LOSSES,
            "initial": get_args(Initial),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ArgumentError(
                    f"{name} is {getattr(self, name)!r}; choose one of {', '.join(allowed)}"
                )
        for name in ("epochs", "batch_size", "first_period", "validate_every"):
            if getattr(self, name) < 1:
                raise ArgumentError(f"{name} is {getattr(self, name)}; the minimum is 1")
        for name in ("peak_rate", "rate_decay"):
            if not 0 < getattr(self, name) < 10:
                raise ArgumentError(
                    f"{name} is {getattr(self, name)}; it should be above 0 and below 10"
                )
        for name in ("weight_decay", "beta1", "beta2"):
            if not 0 <= getattr(self, name) < 1:
                raise ArgumentError(
                    f"{name} is {getattr(self, name)}; it should be at least 0 and below 1"
                )
        spec = NETWORKS[self.network]
        if spec.own_loss and self.loss != spec.own_loss:
            raise ArgumentError(
                f"the network {self.network} cannot be trained by the loss {self.loss}; only "
                f"{spec.own_loss} trains it"
            )
        owners = [owner.name for owner in NETWORKS.values() if owner.own_loss == self.loss]
        if owners and self.network not in owners:
            raise ArgumentError(
                f"the loss {self.loss} cannot train the network {self.network}; it only trains "
                f"{' and '.join(owners)}"
            )
        if self.features:
            spec.require_features(self.features)
        if self.size < 0:
            raise ArgumentError(
                f"size is {self.size}; it should be a side in pixels, or 0 for whole images"
            )

    @property
    def in_channels(self) -> int:
        """Input channels of the network."""
        return 3 if self.input == "rgb" else 4

    @property
    def out_channels(self) -> int:
        """Output channels of the network."""
        return LOSSES[self.loss].out_channels

    @property
    def stage(self) -> Stage:
        """The stage that the loss is for."""
        return LOSSES[self.loss].stage

    @property
    def needs_weak(self) -> bool:
        """Whether weak masks and face masks are needed besides images."""
        return LOSSES[self.loss].needs_weak

    def record(self) -> dict[str, Any]:
        """Return the fields as TOML and checkpoints hold them.

        `features` is left out at its default, as in the records of runs before it was a field.
        """
        values = asdict(self)
        if not self.features:
            del values["features"]
        return values


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The stages of an experiment; one of the two may be missing."""

    name: str
    pretrain: StageConfig | None = None
    finetune: StageConfig | None = None

    def __post_init__(self) -> None:
        if not (self.pretrain or self.finetune):
            raise ArgumentError(f"the recipe {self.name} has neither [pretrain] nor [finetune]")
        for stage in STAGES:
            config = self.stage(stage)
            if config and config.stage != stage:
                fitting = " or ".join(loss.name for loss in LOSSES.values() if loss.stage == stage)
                raise ArgumentError(f"[{stage}] has the loss {config.loss}; it should be {fitting}")
        if self.pretrain and self.pretrain.input != "rgb":
            raise ArgumentError(
                f"[pretrain] has the input {self.pretrain.input}; it should be rgb, because the "
                "texture map is predicted"
            )
        if self.finetune and self.pretrain and self.finetune.initial != "random":
            raise ArgumentError(
                "[finetune] starts from the weights of [pretrain]; leave out its initial"
            )
        if self.pretrain and self.finetune:
            _require_same_network(self.pretrain, self.finetune)

    def stage(self, name: Stage) -> StageConfig | None:
        """Return one of the stages; None if the recipe lacks it."""
        return self.pretrain if name == "pretrain" else self.finetune

    def changed(
        self,
        options: Mapping[str, Any],
        *,
        of_stage: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> "Recipe":
        """Return the recipe with different values of some fields, in each stage.

        In a recipe with both stages, `input` changes finetuning only: pretraining sees RGB.

        Parameters
        ----------
        options : mapping of str to Any
            Values by field.
        of_stage : mapping of str to mapping, optional
            Further values for one stage alone, by its name.

        Raises
        ------
        ArgumentError
            There is no such field, or a value is invalid.
        """
        _require_known(options, "an option")
        of_pretrain = dict(options)
        if self.finetune:
            of_pretrain.pop("input", None)
        of_finetune = dict(options)
        for own, more in ((of_pretrain, "pretrain"), (of_finetune, "finetune")):
            values = (of_stage or {}).get(more, {})
            _require_known(values, "an option")
            own.update(values)
        stages: dict[str, Any] = {
            "pretrain": self.pretrain and replace(self.pretrain, **of_pretrain),
            "finetune": self.finetune and replace(self.finetune, **of_finetune),
        }
        return replace(self, **stages)

    def shortened(self, budget: float) -> "Recipe":
        """Return the recipe with all numbers of epochs multiplied by a factor.

        Epochs and the first period are rounded, and are at least 1.

        Raises
        ------
        ArgumentError
            The factor is not above 0 and at most 1.
        """
        if not 0 < budget <= 1:
            raise ArgumentError(f"budget is {budget:g}; it should be above 0 and at most 1")
        stages: dict[str, Any] = {}
        for stage in STAGES:
            config = self.stage(stage)
            stages[stage] = config and replace(
                config,
                epochs=max(1, round(config.epochs * budget)),
                first_period=max(1, round(config.first_period * budget)),
            )
        return replace(self, **stages)

    def only(self, stage: Stage) -> "Recipe":
        """Return the recipe without the other stage.

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
        """Return the stages as TOML and checkpoints hold them."""
        stages = {stage: self.stage(stage) for stage in STAGES}
        return {stage: config.record() for stage, config in stages.items() if config}


def _require_same_network(pretrain: StageConfig, finetune: StageConfig) -> None:
    """Refuse stages between which weights cannot be transferred."""
    spec = NETWORKS[pretrain.network]
    pretrained = spec.encoder_of.network if spec.encoder_of else spec.name
    if pretrained != finetune.network:
        raise ArgumentError(
            f"[pretrain] has the network {pretrain.network} and [finetune] {finetune.network}; "
            "weights can be transferred within one network only"
        )
    before, after = (
        config.features or NETWORKS[config.network].features for config in (pretrain, finetune)
    )
    if before != after:
        raise ArgumentError(
            f"[pretrain] has {before} features and [finetune] {after}; weights can be transferred "
            "between equal ones only"
        )


def parse_value(name: str, text: str) -> Any:  # noqa: ANN401  # of any field
    """Return the value of a field of `StageConfig` that a text stands for.

    Raises
    ------
    ArgumentError
        There is no such field, or its value has another type.

    >>> parse_value("size", "64"), parse_value("augment", "false")
    (64, False)
    """
    _require_known({name: text}, "a key of recipes")
    wanted = _plain(get_type_hints(StageConfig)[name])
    if wanted is bool and text in ("true", "false"):
        return text == "true"
    try:
        if wanted is bool:
            raise ValueError("neither true nor false")
        return wanted(text)
    except ValueError as error:
        raise ArgumentError(f"{name} is {text!r}; it should be {wanted.__name__}") from error


def shipped_recipes() -> list[str]:
    """Return the names of the recipes that come with the package."""
    folder = resources.files("ffhq_wrinkle.recipes")
    return sorted(
        path.name.removesuffix(".toml") for path in folder.iterdir() if path.name.endswith(".toml")
    )


def read_recipe(name: str) -> Recipe:
    """Read a shipped recipe by its name, or any other by its path.

    Raises
    ------
    ArgumentError
        There is no such recipe, it cannot be read, or it has invalid keys or values; the nearest
        name is suggested.
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
        raise ArgumentError(f"{path} cannot be read: {error}") from error
    return parse_recipe(text, str(path))


def parse_recipe(text: str, name: str) -> Recipe:
    """Parse a recipe from TOML as `read_recipe` does; `name` is used in errors and records."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ArgumentError(f"{name} is not valid TOML: {error}") from error
    for key in content:
        if key not in STAGES:
            raise ArgumentError(
                f"{name}: [{key}] is not a stage{_suggestion(key, STAGES)}; the stages are "
                "[pretrain] and [finetune]"
            )
    try:
        stages: dict[str, Any] = {stage: _stage(table, stage) for stage, table in content.items()}
        return Recipe(name=valid_text(Path(name).stem), **stages)
    except ArgumentError as error:
        raise ArgumentError(f"{name}: {error}") from error


def _stage(table: object, stage: str) -> StageConfig:
    if not isinstance(table, Mapping):
        raise ArgumentError(f"{stage} should be a table, [{stage}]")
    _require_known(table, f"a key of [{stage}]")
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
    """Return the type of a field's values; for a choice, that of its options."""
    if get_origin(kind) is Literal:
        return type(get_args(kind)[0])
    if isinstance(kind, types.UnionType) or not isinstance(kind, type):
        raise TypeError(f"a recipe cannot hold {kind}")
    return kind


def _require_known(keys: Mapping[str, Any], role: str) -> None:
    known = [field.name for field in fields(StageConfig)]
    for key in keys:
        if key not in known:
            raise ArgumentError(f"{key!r} is not {role}{_suggestion(key, known)}")


def _suggestion(name: str, known: list[str] | tuple[str, ...]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""

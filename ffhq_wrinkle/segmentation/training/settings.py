"""Settings: choices besides the recipe on which the result of a run depends."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from ...dataset.subjects import require_rule
from ...errors import ArgumentError

TrainPrecision = Literal["32", "bf16", "64"]


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """Choices besides the recipe on which the result of a run depends.

    Attributes
    ----------
    seed : int
        Seed of the split, initial weights, order and augmentation.
    fraction : float
        Share of the training part that finetuning uses.
    limit : int or None
        Number of images that each stage uses at most, the first by id; all if None.
    group_by : str or None
        Which images show the same subject, so that they stay in one part of the split; see
        `dataset.subjects`. Nothing is known of subjects if None.
    precision : {"32", "bf16", "64"}
        float32; bfloat16 where it is possible; or float64, to tell rounding from errors.
    compile : bool
        Whether PyTorch compiles the network.
    accumulate : int
        Number of parts in which a batch is computed, to save memory.
    deterministic : bool
        On CUDA, use only algorithms that give the same result each time, which are slower.
    align : str or None
        How the faces in photos were found, as `views.AlignedFaces` records it; None if images are
        used as they are.
    """

    seed: int = 0
    fraction: float = 1.0
    limit: int | None = None
    group_by: str | None = None
    precision: TrainPrecision = "32"
    compile: bool = False
    accumulate: int = 1
    deterministic: bool = False
    align: str | None = None

    def __post_init__(self) -> None:
        if not 0 < self.fraction <= 1:
            raise ArgumentError(f"fraction is {self.fraction}; it should be above 0 and at most 1")
        if self.seed < 0:
            raise ArgumentError(f"seed is {self.seed}; it should be at least 0")
        if self.group_by is not None:
            require_rule(self.group_by)
        if self.accumulate < 1:
            raise ArgumentError(f"accumulate is {self.accumulate}; it should be at least 1")

    def record(self) -> dict[str, Any]:
        """Return the settings as TOML can hold them."""
        return {key: value for key, value in asdict(self).items() if value is not None}

"""Adaptation: how all runs of a grid differ from the recipes that they are named after."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ...errors import ArgumentError
from ..training.recipes import Recipe, parse_value
from ..training_data.samples import STAGES


@dataclass(frozen=True)
class Adaptation:
    """A change of all recipes alike.

    Attributes
    ----------
    budget : float
        Factor of all numbers of epochs, above 0 and at most 1.
    options : mapping of str to str
        Values by keys of recipes, for both stages (``size``) or for one (``pretrain.epochs``).
    """

    budget: float = 1.0
    options: Mapping[str, str] = field(default_factory=dict)

    def of(self, recipe: Recipe) -> Recipe:
        """Return a recipe with the change.

        Raises
        ------
        ArgumentError
            The budget, a stage, a key or a value is invalid.
        """
        both: dict[str, Any] = {}
        of_stage: dict[str, dict[str, Any]] = {stage: {} for stage in STAGES}
        for key, text in self.options.items():
            stage, dot, name = key.rpartition(".")
            if dot and stage not in of_stage:
                raise ArgumentError(
                    f"--option: {key!r} names no stage; write pretrain. or finetune."
                )
            (of_stage[stage] if dot else both)[name] = parse_value(name, text)
        return recipe.shortened(self.budget).changed(both, of_stage=of_stage)

    def __str__(self) -> str:
        """Return the change in words; empty if there is none."""
        parts = [] if self.budget == 1 else [f"epochs x {self.budget:g}"]
        return ", ".join([*parts, *(f"{key} = {value}" for key, value in self.options.items())])

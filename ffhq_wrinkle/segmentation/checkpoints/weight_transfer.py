"""Weight transfer: which tensors of a network received weights of another, and how."""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class WeightTransfer:
    """Record of what happened to each tensor when a network was given weights, by name.

    Attributes
    ----------
    copied : list of str
        Tensors of the network that were copied.
    derived : dict of str to str
        Tensors of the network that were computed from others, and how.
    unchanged : list of str
        Tensors of the network for which there were no weights.
    unused : list of str
        Weights that the network has no use for.
    """

    copied: list[str] = field(default_factory=list)
    derived: dict[str, str] = field(default_factory=dict)
    unchanged: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """Describe the transfer in one line."""
        parts = [f"{len(self.copied)} tensors copied"]
        for how in dict.fromkeys(self.derived.values()):
            names = [name for name in self.derived if self.derived[name] == how]
            parts.append(f"{_abridged(names)} {how}")
        if self.unchanged:
            parts.append(f"{_abridged(self.unchanged)} left as they were")
        if self.unused:
            parts.append(f"{_abridged(self.unused)} of the weights not used")
        return "; ".join(parts)


def _abridged(names: Sequence[str]) -> str:
    """Return the number of names and the first of them."""
    return names[0] if len(names) == 1 else f"{len(names)} tensors ({names[0]}, ...)"

"""Settings of a review: what is settled, what is decided twice, and whether names are hidden."""

import hashlib
import random
from dataclasses import dataclass

from ..errors import ArgumentError
from ..storage.writing import text_bytes


@dataclass(frozen=True, kw_only=True)
class ReviewSettings:
    """How a review is done.

    Attributes
    ----------
    tolerance_px : float
        As in `parts.find_parts`.
    second_look : float
        Share of the parts, 0 to 1, that a second reviewer also decides, without being shown that
        and how the first decided.
    blind : bool
        Whether reviewers see numbers, in an order drawn for each image, for annotators' names.
    """

    tolerance_px: float = 1.0
    second_look: float = 0.0
    blind: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance_px < 1000:
            raise ArgumentError(f"tolerance_px is {self.tolerance_px}; a distance is 0 or more")
        if not 0 <= self.second_look <= 1:
            raise ArgumentError(f"second_look is {self.second_look}; a share is 0 to 1")

    def has_second_look(self, part_id: str) -> bool:
        """Tell whether a part is one of those that are decided twice; always the same ones."""
        drawn = int(hashlib.sha256(f"second look {part_id}".encode()).hexdigest()[:8], 16)
        return drawn < self.second_look * 2**32

    def order(self, image_id: str, annotators: int) -> list[int]:
        """Return the annotators' numbers in the order in which an image shows them."""
        numbers = list(range(annotators))
        if self.blind:
            random.Random(text_bytes(f"order {image_id}")).shuffle(numbers)
        return numbers

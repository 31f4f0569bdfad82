"""Masks of annotations: the shapes of a person on an image as one picture."""

import threading
from typing import Any

import numpy as np

from ..errors import ArgumentError
from ..images.sizes import resized_nearest
from .annotation import Annotation, Area, Pixels, Shape
from .choices import Choice, Choices, ImportSettings, is_chosen
from .export_files import ExportError
from .import_table import LEFT_OUT, ImportRow, import_row
from .listing import Listing
from .pixels import area_mask
from .strokes import StrokeLoss, stroke_loss


class AnnotationMasks:
    """The masks of annotations, made on any thread, and the strokes that they lost.

    Attributes
    ----------
    losses : list of (str, StrokeLoss)
        Place and loss of each antialiased brush that the threshold broke or lost.
    """

    def __init__(self, listing: Listing, decided: Choices, settings: ImportSettings) -> None:
        self.listing = listing
        self.decided = decided
        self.settings = settings
        self.losses: list[tuple[str, StrokeLoss]] = []
        self._lock = threading.Lock()

    def mask(self, choice: Choice, annotation: Annotation) -> tuple[np.ndarray, list[ImportRow]]:
        """Return the mask of an annotation, bool (H, W), and its rows of `import.csv`.

        Raises
        ------
        ExportError
            A shape is damaged.
        ArgumentError
            A shape reaches out of the image, or its points are not numbers.
        """
        size = choice.size
        if size is None:
            raise ArgumentError("an annotation without a size")
        mask = np.zeros(size, bool)
        rows = []
        for shape, note in zip(annotation.shapes, choice.entry.shapes, strict=True):
            if not is_chosen(shape.label, self.decided.labels):
                rows.append(self._row(choice, note, LEFT_OUT, "another label"))
            elif not shape.areas:
                reason = shape.remark or f"a {shape.kind} covers no pixels"
                rows.append(self._row(choice, note, LEFT_OUT, reason))
            else:
                drawn, remarks = self._drawn(choice, annotation, shape, size)
                pixels = int(np.count_nonzero(drawn))
                if not pixels:
                    remarks.append("it covers no pixel")
                reason = "; ".join(filter(None, [*remarks, shape.remark]))
                row = import_row(self.listing, choice, note, pixels=pixels, reason=reason)
                rows.append(row)
                mask |= drawn
        if not annotation.shapes:
            rows.append(
                import_row(self.listing, choice, None, pixels=0, reason="nothing was drawn")
            )
        return mask, rows

    def _row(self, choice: Choice, note: Any, outcome: str, reason: str) -> ImportRow:  # noqa: ANN401
        return import_row(self.listing, choice, note, outcome=outcome, reason=reason)

    def _drawn(
        self, choice: Choice, annotation: Annotation, shape: Shape, size: tuple[int, int]
    ) -> tuple[np.ndarray, list[str]]:
        """Return the pixels of a shape, and what is to be said about them."""
        drawn_at = annotation.size or size
        remarks: list[str] = []
        mask = np.zeros(size, bool)
        for area in shape.areas:
            is_vector = not isinstance(area, Pixels)
            at = size if is_vector else drawn_at
            try:
                if isinstance(area, Pixels):
                    area = self._checked(area, choice, shape, remarks)
                part = area_mask(
                    area,
                    at,
                    line_width=self.settings.line_width,
                    alpha=self.settings.alpha,
                    scale=(size[0] / drawn_at[0], size[1] / drawn_at[1]),
                )
            except ExportError as error:
                file = self.listing.sources[choice.entry.source].file
                if str(error).startswith(str(file)):
                    raise
                where = filter(None, [str(file), choice.entry.submission, shape.place])
                raise ExportError(f"{', '.join(where)}: {error}") from error
            mask |= part if part.shape == size else resized_nearest(part, size)
        if drawn_at != size:
            remarks.append(f"adapted from {drawn_at[1]}x{drawn_at[0]}")
        return mask, remarks

    def _checked(self, area: Pixels, choice: Choice, shape: Shape, remarks: list[str]) -> Area:
        """Decode a brush, and note the strokes that the threshold loses or breaks."""
        levels = area.decode()
        if levels.dtype != bool:
            loss = stroke_loss(levels, self.settings.alpha)
            if loss:
                remarks.append(
                    f"alpha {self.settings.alpha} {loss}; --alpha {loss.keeping_alpha} keeps them "
                    "whole"
                )
                with self._lock:
                    self.losses.append((f"{choice.mask_name}, {shape.place}", loss))
        return Pixels(lambda: levels, area.left, area.top, area.may_leave)

"""Fusion report: what a run of `fused.fuse_folder` did, and what its user should know."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ..dataset.ids import id_of_path
from ..errors import counted, some_images
from ..images.masks import inverted_remark
from ..results.failures import FAILURES, Failure
from ..results.tabular import Tabular
from .annotators import FoundAnnotations
from .fusion import Method
from .fusion_work import Outcome, mask_name

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, repr=False)
class FuseReport(Tabular):
    """The outcome of a run.

    Attributes
    ----------
    out : Path
        The folder of masks.
    images : int
        Number of images that the run was about.
    made, kept, failed : int
        Numbers of masks that were written, of masks that existed already, and of images that
        could not be fused.
    renewed : int
        Number of written masks that replaced a mask made from other annotations.
    skipped : list of str
        Ids of images left out because an annotator lacks them.
    first_failure : str
        Why the first image failed.
    empty : list of str
        Ids of masks that are empty although somebody drew.
    unions, copies : list of str
        Ids of masks for which STAPLE kept all that anybody drew, or what one annotator drew.
    strangers : list of str
        Ids of files in the way that this command did not write, and left alone.
    others : list of str
        Ids of masks in the folder that belong to none of the run's images.
    inverted : list of str
        Ids of images of which some annotator's mask covers more than half.
    outside_px : int
        Number of pixels that were drawn outside the region, and left out.
    """

    out: Path
    images: int
    made: int
    kept: int
    failed: int
    renewed: int
    skipped: list[str]
    first_failure: str
    empty: list[str]
    unions: list[str]
    copies: list[str]
    strangers: list[str]
    others: list[str]
    inverted: list[str]
    outside_px: int

    @classmethod
    def of(
        cls,
        out: Path,
        outcomes: Sequence[Outcome],
        failures: Sequence[Failure],
        annotations: FoundAnnotations,
        results: Iterable[str],
    ) -> Self:
        """Report on a run so far.

        Parameters
        ----------
        out : Path
            The folder of masks.
        outcomes : sequence of Outcome
            Outcomes of the images that are done.
        failures : sequence of Failure
            Failures of images that were tried.
        annotations : FoundAnnotations
            The images that the run is about.
        results : iterable of str
            Names of all masks in the folder.
        """
        outcomes = sorted(outcomes)
        rows = [(outcome.image_id, outcome.row) for outcome in outcomes if outcome.row]
        expected = {mask_name(image.file.image_id) for image in annotations.images}
        others = {mask_name(id_of_path(name)) for name in results} - expected
        return cls(
            out=out,
            images=len(annotations.images) + len(annotations.missing),
            made=sum(outcome.made for outcome in outcomes),
            kept=sum(not outcome.made for outcome in outcomes),
            failed=len(failures),
            renewed=sum(outcome.renewed for outcome in outcomes),
            skipped=annotations.skipped,
            first_failure=failures[0].reason if failures else "",
            empty=[image_id for image_id, row in rows if row.drawn and not row.kept],
            unions=[image_id for image_id, row in rows if row.degenerate == "union"],
            copies=[image_id for image_id, row in rows if row.degenerate == "copy"],
            strangers=[outcome.image_id for outcome in outcomes if not outcome.row],
            others=sorted(map(id_of_path, others)),
            inverted=[image_id for image_id, row in rows if row.looks_inverted],
            outside_px=sum(row.outside for _, row in rows),
        )

    def summary(self) -> str:
        """Return one line for people."""
        left = self.images - self.made - self.kept - self.failed
        parts = [f"{counted(self.made, 'fused mask')} written", f"{self.kept} existed already"]
        if self.renewed:
            parts[0] += f" ({self.renewed} again, because their inputs have changed)"
        parts += [f"{some_images(self.skipped)} left out"] if self.skipped else []
        if self.failed:
            parts += [f"{self.failed} failed, see {self.out / FAILURES}: {self.first_failure}"]
        parts += [f"{left} left to do"] if left else []
        return ", ".join(parts)

    def to_frame(self) -> "pd.DataFrame":
        """Return the numbers as a pandas DataFrame of one row."""
        import pandas as pd

        names = ("images", "made", "renewed", "kept", "failed")
        counts = [*(getattr(self, name) for name in names), len(self.skipped)]
        return pd.DataFrame([counts], columns=(*names, "skipped"))

    def remarks(self, method: Method, *, within: bool, all_ids: bool) -> list[str]:
        """Return what a user should know about the masks, line by line.

        Parameters
        ----------
        method : str
            The run's method.
        within : bool
            Whether face masks were given.
        all_ids : bool
            Whether the run was about all images.
        """
        lines = []
        if self.inverted:
            lines.append(inverted_remark("masks", self.inverted))
        advice = "" if within else "give the face masks by --within, or "
        for image_ids, drawing in (
            (self.unions, "nearly all that anybody drew"),
            (self.copies, "nearly what one annotator drew, and no more,"),
        ):
            if image_ids:
                lines.append(
                    f"STAPLE kept {drawing} in {some_images(image_ids)}. Thin lines in a large "
                    f"background do that to it: {advice}use another method there"
                )
        if self.empty:
            lines.append(f"{method} leaves nothing of what was drawn in {some_images(self.empty)}")
        if self.outside_px:
            lines.append(
                f"{counted(self.outside_px, 'pixel')} drawn outside the face masks left out"
            )
        if self.others and all_ids:
            lines.append(
                f"there are also masks of {some_images(self.others)} that no annotator has any "
                "more, or that was left out; delete them if they are not wanted"
            )
        if self.strangers:
            lines.append(
                "left alone, because this command did not write them: "
                f"{some_images(self.strangers)}; --overwrite replaces them"
            )
        return lines

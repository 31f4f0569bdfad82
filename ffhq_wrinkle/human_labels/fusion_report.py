"""Fusion report: what a run of `fused.fuse_folder` did, and what its user should know."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Self

from ..errors import some_images
from ..images.masks import inverted_remark
from ..results.failures import FAILURES, Failure
from .annotators import FoundAnnotations
from .fusion import Method
from .fusion_work import Outcome, mask_name


@dataclass(frozen=True, kw_only=True)
class FuseReport:
    """What a run did.

    Attributes
    ----------
    images : int
        How many it was about.
    made, kept, failed : int
        Masks written, there already, and images that could not be fused.
    renewed : int
        Of those written, how many were there already, but made from other annotations.
    skipped : list of str
        Ids of images left out because somebody lacks them.
    first_failure : str
        Why the first image failed.
    empty, unions, copies, strangers : list of str
        Ids of masks that are empty although somebody drew; of those for which STAPLE kept all that
        anybody drew, or what one annotator drew; and of files in the way that this command did not
        write, left alone.
    others : list of str
        Ids of masks that are there of images that this run was not about.
    half : list of str
        Ids of images of which somebody's mask covers more than half.
    outside_px : int
        Drawn outside the region, and left out.
    """

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
    half: list[str]
    outside_px: int

    @classmethod
    def of(
        cls,
        outcomes: Sequence[Outcome],
        failures: Sequence[Failure],
        found: FoundAnnotations,
        results: Iterable[str],
    ) -> Self:
        """Report on a run so far.

        Parameters
        ----------
        outcomes : sequence of Outcome
            Of the images that are done.
        failures : sequence of Failure
            Of the others, as far as they were tried.
        found : FoundAnnotations
            What the run is about.
        results : iterable of str
            Names of all masks that are in the folder.
        """
        outcomes = sorted(outcomes)
        rows = [(one.image_id, one.row) for one in outcomes if one.row]
        expected = {mask_name(image.file.image_id) for image in found.images}
        others = {PurePosixPath(name).name for name in results} - expected
        return cls(
            images=len(found.images) + len(found.missing),
            made=sum(one.made for one in outcomes),
            kept=sum(not one.made for one in outcomes),
            failed=len(failures),
            renewed=sum(one.renewed for one in outcomes),
            skipped=found.skipped,
            first_failure=failures[0].reason if failures else "",
            empty=[image_id for image_id, row in rows if row.drawn and not row.kept],
            unions=[image_id for image_id, row in rows if row.degenerate == "union"],
            copies=[image_id for image_id, row in rows if row.degenerate == "copy"],
            strangers=[one.image_id for one in outcomes if not one.row],
            others=sorted(PurePosixPath(name).stem for name in others),
            half=[image_id for image_id, row in rows if row.covers_half],
            outside_px=sum(row.outside for _, row in rows),
        )

    def summary(self, out: Path) -> str:
        """One line for people."""
        left = self.images - self.made - self.kept - self.failed
        parts = [f"{self.made} fused masks written", f"{self.kept} were there already"]
        if self.renewed:
            parts[0] += f" ({self.renewed} anew, since what they were made of has changed)"
        parts += [f"{some_images(self.skipped)} left out"] if self.skipped else []
        if self.failed:
            parts += [f"{self.failed} failed, see {out / FAILURES}: {self.first_failure}"]
        parts += [f"{left} left to do"] if left else []
        return ", ".join(parts)

    def remarks(self, method: Method, *, within: bool, all_ids: bool) -> list[str]:
        """What a user should know of the masks, a line each.

        `within` says whether face masks were given, `all_ids` that no images were chosen.
        """
        lines = []
        if self.half:
            lines.append(inverted_remark("masks", self.half))
        advice = "" if within else "give the face masks by --within, or "
        for image_ids, what in (
            (self.unions, "nearly all that anybody drew"),
            (self.copies, "nearly what one annotator drew, and no more,"),
        ):
            if image_ids:
                lines.append(
                    f"STAPLE kept {what} in {some_images(image_ids)}. Thin lines in a large "
                    f"background do that to it: {advice}use another method there"
                )
        if self.empty:
            lines.append(f"{method} leaves nothing of what was drawn in {some_images(self.empty)}")
        if self.outside_px:
            lines.append(f"{self.outside_px} pixels drawn outside the face masks were left out")
        if self.others and all_ids:
            lines.append(
                f"there are also masks of {some_images(self.others)} that nobody has any more, or "
                "that was left out; delete them if they are not wanted"
            )
        if self.strangers:
            lines.append(
                "left alone, since this command did not write them: "
                f"{some_images(self.strangers)}; --overwrite replaces them"
            )
        return lines

"""Fusion report: what a run of `fused.fuse_folder` did, and what a user should know of it."""

from dataclasses import dataclass
from pathlib import Path

from ..errors import some_images
from ..images.masks import inverted_remark
from ..results.failures import FAILURES
from .fusion import Method


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

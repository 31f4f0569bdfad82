"""Fusion work: the fused mask of one image after another, made where it is missing or outdated.

`fused.fuse_folder` runs it over a folder; `fusion_report` reports its outcomes.
"""

from typing import NamedTuple

from ..errors import AnnotationError
from ..results.outputs import OutputFolder
from ..results.result_files import State
from .annotations import decode_annotations, read_files
from .annotators import AnnotatedImage, AnnotationSettings
from .fusion import FusionRule, fuse
from .fusion_table import FusionRow, fingerprint, fusion_row


def mask_name(image_id: str) -> str:
    """Return the name of an image's mask: flat, as the released `manual_wrinkle_masks`."""
    return f"{image_id}.png"


class Outcome(NamedTuple):
    """The outcome for one image; a file that `fuse-labels` did not write has no row."""

    image_id: str
    row: FusionRow | None
    made: bool = False
    renewed: bool = False


class FusionWork:
    """The fusion of the masks of images, on any thread.

    Parameters
    ----------
    folder : OutputFolder
        Entered; gets the masks.
    rule : FusionRule
        How votes become a mask.
    settings : AnnotationSettings
        How masks are read.

    Attributes
    ----------
    outcomes : list of Outcome
        One for each image that is done, complete at any moment, also after Ctrl-C.
    """

    def __init__(
        self, folder: OutputFolder, rule: FusionRule, settings: AnnotationSettings
    ) -> None:
        self.folder = folder
        self.rule = rule
        self.settings = settings
        self.outcomes: list[Outcome] = []

    def fuse(self, image: AnnotatedImage) -> None:
        """Write the mask of an image, unless it exists and was made from the same files.

        Raises
        ------
        ImageFailure
            The files cannot be read or do not fit together, or the mask cannot be trusted.
        OutputError
            The mask cannot be written.
        """
        image_id, name = image.file.image_id, mask_name(image.file.image_id)
        files = read_files(image)
        inputs = fingerprint(files, self.rule, self.settings)
        state = State.ABSENT if self.folder.overwrite else self.folder.look(name)
        if state not in (State.ABSENT, State.DAMAGED):
            row = FusionRow.parse(self.folder.comment(name), len(files.masks))
            # A mask without a row is somebody's own, such as one that was corrected by hand.
            if row is None or row.inputs == inputs:
                self.outcomes.append(Outcome(image_id, row))
                return
        annotations = decode_annotations(files, self.settings)
        fused = fuse(annotations.masks, self.rule, annotations.region, annotations.texture)
        if fused.degenerate == "lost":
            raise AnnotationError(
                "STAPLE leaves out what most annotators drew, or even all of them; give the face "
                "masks by --within, or use another method"
            )
        row = fusion_row(fused, annotations, inputs)
        self.folder.write(name, fused.mask, comment=row.comment)
        renewed = state is not State.ABSENT
        self.outcomes.append(Outcome(image_id, row, made=True, renewed=renewed))

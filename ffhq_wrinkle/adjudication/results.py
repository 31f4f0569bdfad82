"""Results: the masks of images on which every part is decided or settled, written on a thread.

Each mask keeps in its PNG what it was made from. A mask whose decisions were undone, or whose
annotators have drawn again, is removed or written again, also after the process was killed.
"""

import json
import logging
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..errors import ImageFailure
from ..human_labels.fusion import DRAWN
from ..human_labels.fusion_work import mask_name
from ..results.outputs import OutputFolder
from ..results.result_files import State
from .decisions import Decisions
from .images import ReviewedImage, ReviewedImages
from .review_tables import RowStore
from .verdicts import composed, digest, image_row, verdict

log = logging.getLogger(__name__)

_ID_OCTETS = 8


class ResultWriter:
    """Keeps the masks in a folder as the decisions want them.

    Parameters
    ----------
    folder : OutputFolder
        Entered and begun.
    images : ReviewedImages
        The images under review.
    decisions : Decisions
        The decisions of all reviewers; they change under `lock`.
    lock : RLock
        Held while decisions are read.
    names, image_ids : sequence of str
        The annotators' names, and the images in their order.
    tolerance_px : float
        As in `parts.find_parts`.

    Attributes
    ----------
    rows : RowStore
        The rows of the tables about each examined image.
    strangers : set of str
        Ids of images whose masks this command did not write; they are left alone.
    """

    def __init__(
        self,
        folder: OutputFolder,
        images: ReviewedImages,
        decisions: Decisions,
        lock: threading.RLock,
        *,
        names: Sequence[str],
        image_ids: Sequence[str],
        tolerance_px: float,
    ) -> None:
        self._folder = folder
        self._images = images
        self._decisions = decisions
        self._lock = lock
        self._names = names
        self._tolerance_px = tolerance_px
        self._image_ids = image_ids
        self._disputed: dict[str, bytes] = {}  # by image, the ids of the parts that are not settled
        self._changed: dict[str, None] = {}  # images to write again, in their order
        self._complete: set[str] = set()  # images that have a mask
        self.rows = RowStore()
        self.strangers: set[str] = set()
        self.failures: dict[str, ImageFailure] = {}
        self._wake = threading.Condition()
        self._is_stopped = False
        self._is_busy = False
        self._is_examined = False  # every image, at least once
        self._thread = threading.Thread(target=self._run, name="review-results", daemon=True)

    def resume(self, earlier: Sequence[Any] = ()) -> None:
        """Find out which masks of an earlier run are what the decisions want.

        Parameters
        ----------
        earlier : sequence
            The images in the record of the earlier run.
        """
        records = {record["image_id"]: record for record in earlier if _is_row(record)}
        present = set(self._folder.results())
        for image_id in self._image_ids:
            name = mask_name(image_id)
            if name not in present:
                continue
            try:
                inputs = self._images.inputs(image_id)
            except ImageFailure:
                continue  # which is reported when the image is examined
            wanted = digest(inputs, self._tolerance_px, image_id, self._decisions)
            if _digest_in(self._folder.comment(name) or "") == wanted:
                self._complete.add(image_id)
                self.rows.restore(records.get(image_id), wanted)

    def start(self) -> None:
        """Begin to write masks."""
        self._thread.start()

    def stop(self) -> None:
        """Write the masks of images that were changed, and end."""
        with self._wake:
            self._is_stopped = True
            self._wake.notify_all()
        self._thread.join()

    def wait(self) -> None:
        """Wait until every changed image is written."""
        with self._wake:
            self._wake.wait_for(lambda: not (self._changed or self._is_busy))

    def renew(self, image_id: str) -> None:
        """Have the mask of an image written again, or removed."""
        with self._wake:
            self._changed[image_id] = None
            self._wake.notify_all()

    def examined(self, image: ReviewedImage) -> None:
        """Note the parts of an image."""
        self._disputed[image.image_id] = bytes.fromhex("".join(image.disputed))

    def disputed(self, image_id: str) -> list[str] | None:
        """Return the ids of an image's parts that are not settled; None if not examined yet."""
        octets = self._disputed.get(image_id)
        if octets is None:
            return None
        starts = range(0, len(octets), _ID_OCTETS)
        return [octets[start : start + _ID_OCTETS].hex() for start in starts]

    def is_complete(self, image_id: str) -> bool:
        """Tell whether an image has its mask."""
        return image_id in self._complete

    def open_parts(self, image_id: str) -> int:
        """Return how many parts of an examined image are not decided."""
        return sum(
            self._decisions.holding((image_id, part)) is None
            for part in self.disputed(image_id) or ()
        )

    def progress(self) -> dict[str, int]:
        """Return numbers of images and parts; those of parts grow while images are examined."""
        disputed = sum(len(octets) // _ID_OCTETS for octets in self._disputed.copy().values())
        return {
            "images": len(self._image_ids),
            "images_done": len(self._complete),
            "images_examined": len(self._disputed),
            "parts": disputed,
        }

    def _run(self) -> None:
        """Write what changes, and examine the other images meanwhile."""
        waiting = iter(self._image_ids)
        while True:
            with self._wake:
                self._is_busy = False
                self._wake.notify_all()
                self._wake.wait_for(
                    lambda: self._changed or self._is_stopped or not self._is_examined
                )
                image_id = next(iter(self._changed), None)
                if image_id is not None:
                    del self._changed[image_id]
                elif self._is_stopped:
                    return
                else:
                    image_id = next(waiting, None)
                self._is_busy = image_id is not None
            if image_id is None:
                self._is_examined = True
            else:
                self._keep(image_id)

    def _keep(self, image_id: str) -> None:
        """Write, keep or remove the mask of an image."""
        try:
            image = self._images.look(image_id)
        except ImageFailure as failure:
            self.failures[image_id] = failure
            return
        self.examined(image)
        name = mask_name(image_id)
        parts = list(image.parts.values())
        with self._lock:
            is_complete = not self.open_parts(image_id)
            states = [self._decisions.state((image_id, part_id)) for part_id in image.parts]
            inputs = digest(image.inputs, self._tolerance_px, image_id, self._decisions)
        result = None
        if is_complete:
            verdicts = [
                verdict(part, of_part.holding, self._names, image.shape)
                for part, of_part in zip(parts, states, strict=True)
            ]
            result = composed(image.shape, verdicts, image.region)
        row = image_row(image_id, self._names, image.masks, parts, states, result)
        state = self._folder.look(name)
        comment = None
        if state not in (State.ABSENT, State.DAMAGED, State.STALE):
            comment = self._folder.comment(name)
            if comment is None or state is State.FOREIGN:
                self.strangers.add(image_id)
                return
        if result is None:
            self._complete.discard(image_id)
            self.rows.put(row, inputs)
            if state is not State.ABSENT:
                self._folder.remove(name)
            return
        if comment is None or _digest_in(comment) != inputs:
            about = {
                "inputs": inputs,
                "parts": len(parts),
                "decided": sum(of_part.holding is not None for of_part in states),
                "reviewers": sorted(
                    {of_part.holding.reviewer for of_part in states if of_part.holding}
                ),
            }
            self._folder.write(name, result * np.uint8(DRAWN), comment=json.dumps(about))
        self.rows.put(row, inputs)
        self._complete.add(image_id)


def _is_row(record: Any) -> bool:  # noqa: ANN401 - JSON of any kind
    return isinstance(record, dict) and isinstance(record.get("image_id"), str)


def _digest_in(comment: str) -> Any:  # noqa: ANN401 - JSON of any kind
    try:
        record = json.loads(comment)
    except ValueError:
        return None
    return record.get("inputs") if isinstance(record, dict) else None

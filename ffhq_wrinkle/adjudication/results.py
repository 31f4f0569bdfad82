"""Results: the masks of images on which every part is decided or settled, written on a thread.

Each mask keeps in its PNG what it was made from, and each row of the tables has a digest of that. A
mask whose decisions were undone, or whose annotators have drawn again, is removed or written again,
also after the process was killed.
"""

import json
import logging
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ..errors import FfhqWrinkleError, ImageFailure
from ..human_labels.fusion import DRAWN
from ..human_labels.fusion_work import mask_name
from ..results.failures import Failure
from ..results.outputs import OutputFolder
from ..results.result_files import State
from .decisions import Decisions
from .image_rows import image_row
from .images import ReviewedImage, ReviewedImages
from .row_store import RowStore
from .verdicts import composed, mask_digest, row_digest, verdict

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
    rows : RowStore
        Gets the rows of the tables about each examined image.
    lock : RLock
        Held while decisions are read.
    names, image_ids : sequence of str
        The annotators' names, and the images in their order.
    tolerance_px : float
        As in `parts.find_parts`.

    Attributes
    ----------
    strangers : set of str
        Ids of images whose masks this command did not write; they are left alone.
    failures : dict of str to Failure
        By image id, why an image cannot be read, or its mask not be written.
    """

    def __init__(
        self,
        folder: OutputFolder,
        images: ReviewedImages,
        decisions: Decisions,
        rows: RowStore,
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
        self._rows = rows
        self._waiting: Iterator[str] = iter(image_ids)  # images to examine
        self.strangers: set[str] = set()
        self.failures: dict[str, Failure] = {}
        self._wake = threading.Condition()
        self._is_stopped = False
        self._is_busy = False
        self._is_examined = False  # every image, at least once
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="review-results", daemon=True)

    def resume(self) -> None:
        """Find out which masks and rows of an earlier run are what the decisions want.

        The other images are examined again, first those with decisions.
        """
        stored, present = self._rows.digests(), set(self._folder.results())
        first: list[str] = []
        others: list[str] = []
        for image_id in self._image_ids:
            is_decided = any(True for _ in self._decisions.parts_of(image_id))
            name = mask_name(image_id)
            is_known = image_id in stored or name in present
            if not (is_known and self._is_current(image_id, stored.get(image_id), name in present)):
                (first if is_decided else others).append(image_id)
        self._waiting = iter([*first, *others])

    def _is_current(self, image_id: str, stored: str | None, has_mask: bool) -> bool:
        """Tell whether row and mask of an image are what the decisions want; drop a stale row."""
        try:
            inputs = self._images.inputs(image_id)
        except ImageFailure:
            return False  # which is reported when the image is examined
        about = inputs, self._tolerance_px, image_id, self._decisions
        comment = self._folder.comment(mask_name(image_id)) if has_mask else None
        is_mask_current = _digest_in(comment or "") == mask_digest(*about)
        if is_mask_current:
            self._complete.add(image_id)
        row = next(self._rows.rows([image_id]), None) if stored == row_digest(*about) else None
        if row is None:
            self._rows.remove(image_id)
            return False
        disputed = [part.part for part in row.parts if not part.is_settled]
        self._disputed[image_id] = bytes.fromhex("".join(disputed))
        return has_mask == is_mask_current == (row.pixels is not None)

    def start(self) -> None:
        """Begin to write masks."""
        self._thread.start()

    def stop(self) -> None:
        """Write the masks of images that were changed, and end.

        An error that is not of this package, and ended the thread, is raised.
        """
        with self._wake:
            self._is_stopped = True
            self._wake.notify_all()
        self._thread.join()
        if self._error:
            raise self._error

    def wait(self) -> None:
        """Wait until every changed image is written."""
        with self._wake:
            self._wake.wait_for(lambda: self._error or not (self._changed or self._is_busy))

    def renew(self, image_id: str) -> None:
        """Have the mask of an image written again, or removed."""
        with self._wake:
            self._changed[image_id] = None
            self._wake.notify_all()

    def examined(self, image: ReviewedImage) -> None:
        """Note the parts of an image."""
        self._disputed[image.image_id] = bytes.fromhex("".join(image.disputed))

    def failed(self, image_id: str, error: FfhqWrinkleError) -> None:
        """Note why an image cannot be read, or its mask not be written."""
        step = error.step if isinstance(error, ImageFailure) else "write"
        failure = Failure(mask_name(image_id), step, str(error))
        if self.failures.get(image_id) != failure:
            log.warning("%s: %s", failure.path, failure.reason)
        self.failures[image_id] = failure

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
        try:
            while (image_id := self._next()) is not None:
                try:
                    self._keep(image_id)
                    self.failures.pop(image_id, None)
                except FfhqWrinkleError as error:
                    self.failed(image_id, error)
        except BaseException as error:  # which `stop` raises
            with self._wake:
                self._error = error
                self._wake.notify_all()

    def _next(self) -> str | None:
        """Wait for an image to write or to examine, and return it; None after `stop`."""
        with self._wake:
            self._is_busy = False
            self._wake.notify_all()
            while True:
                image_id = next(iter(self._changed), None)
                if image_id is not None:
                    del self._changed[image_id]
                elif self._is_stopped:
                    return None
                elif not self._is_examined:
                    image_id = next(self._waiting, None)
                    self._is_examined = image_id is None
                if image_id is not None:
                    self._is_busy = True
                    return image_id
                self._wake.wait()

    def _keep(self, image_id: str) -> None:
        """Write, keep or remove the mask of an image."""
        image = self._images.look(image_id)
        self.examined(image)
        name = mask_name(image_id)
        parts = list(image.parts.values())
        with self._lock:
            is_complete = not self.open_parts(image_id)
            states = [self._decisions.state((image_id, part_id)) for part_id in image.parts]
            about = image.inputs, self._tolerance_px, image_id, self._decisions
            wanted, of_row = mask_digest(*about), row_digest(*about)
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
            self._rows.put(row, of_row)
            if state is not State.ABSENT:
                self._folder.remove(name)
            return
        if comment is None or _digest_in(comment) != wanted:
            provenance = {
                "inputs": wanted,
                "parts": len(parts),
                "decided": sum(of_part.holding is not None for of_part in states),
                "reviewers": sorted(
                    {of_part.holding.reviewer for of_part in states if of_part.holding}
                ),
            }
            self._folder.write(name, result * np.uint8(DRAWN), comment=json.dumps(provenance))
        self._rows.put(row, of_row)
        self._complete.add(image_id)


def _digest_in(comment: str) -> Any:  # noqa: ANN401 - JSON of any kind
    try:
        record = json.loads(comment)
    except ValueError:
        return None
    return record.get("inputs") if isinstance(record, dict) else None

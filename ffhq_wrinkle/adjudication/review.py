"""Review: reviewers decide, part by part, what is wrinkle; the masks follow from their decisions.

`Review` has no web server and no page; `server` calls it from several threads. Decisions are saved
at once, and the masks of images are written by a thread of their own, see `results`.
"""

import json
import logging
import threading
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import __version__
from ..errors import ArgumentError, ImageFailure
from ..human_labels.agreement import Agreement
from ..results.outputs import OutputFolder
from .agenda import Agenda
from .claims import Claims
from .decisions import Decisions
from .description import described_image, described_part, packed_masks
from .entries import CHOICES, Action, Choice, Entry, PartKey, require_reviewer
from .images import ReviewedImage, ReviewedImages
from .journal import Journal
from .results import ResultWriter
from .row_store import RowStore
from .settings import ReviewSettings
from .verdicts import parse_drawing

log = logging.getLogger(__name__)

_LONGEST_REMARK = 2000
_LONGEST_STATE = 2000  # characters of JSON


class UnknownError(ArgumentError):
    """There is no such image or part in this review."""


class Review:
    """A review under way.

    Use it as a context manager. Its methods can be called from several threads.

    Parameters
    ----------
    folder : OutputFolder
        Entered and begun; gets masks and decisions.
    rows : RowStore
        Gets the rows of the tables.
    queue : Agreement
        The images in the order in which they are reviewed, see `queue.find_queue`.
    settings : ReviewSettings, optional
        How the review is done.
    claims : Claims, optional
        Which reviewer is looking at which part.

    Raises
    ------
    OutputError
        Decisions cannot be read.
    """

    def __init__(
        self,
        folder: OutputFolder,
        rows: RowStore,
        queue: Agreement,
        settings: ReviewSettings | None = None,
        claims: Claims | None = None,
    ) -> None:
        self.settings = settings or ReviewSettings()
        self.queue = queue
        self.names = queue.names
        self._numbers = {image.file.image_id: number for number, image in enumerate(queue.images)}
        self._images = ReviewedImages(
            {image.file.image_id: image for image in queue.images},
            queue.names,
            queue.settings,
            self.settings.tolerance_px,
        )
        self._journal = Journal(Path(str(folder.path)))
        self._journal.repair()
        self.decisions = Decisions(self._journal.read())
        self._claims = claims or Claims()
        self._agenda = Agenda(self.decisions, self._claims, self.settings)
        self._lock = threading.RLock()
        self.results = ResultWriter(
            folder,
            self._images,
            self.decisions,
            rows,
            self._lock,
            names=queue.names,
            image_ids=list(self._numbers),
            tolerance_px=self.settings.tolerance_px,
        )

    def __enter__(self) -> "Review":
        self.results.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.results.stop()

    @property
    def image_ids(self) -> Sequence[str]:
        """Ids of the images in their order."""
        return list(self._numbers)

    def image(self, image_id: str) -> ReviewedImage:
        """Return an image.

        Raises
        ------
        UnknownError
            The review has no such image.
        ImageFailure
            It cannot be read any more.
        """
        if image_id not in self._numbers:
            raise UnknownError(f"there is no image {image_id!r} in this review")
        try:
            image = self._images.get(image_id)
        except ImageFailure as failure:
            self.results.failed(image_id, failure)
            raise
        self.results.examined(image)
        return image

    def next_image(self, reviewer: str, *, after: str | None = None) -> str | None:
        """Return the first image on which a reviewer has something to decide.

        Images at which others are looking come last.

        Parameters
        ----------
        reviewer : str
        after : str, optional
            Id of an image: begin behind it, and go on at the beginning.
        """
        image_ids = list(self._numbers)
        if after in self._numbers:
            start = self._numbers[after] + 1
            image_ids = image_ids[start:] + image_ids[:start]
        shared = None
        for image_id in image_ids:
            keys = self._disputed(image_id)
            with self._lock:
                waiting = self._agenda.open_to(reviewer, keys)
                is_shared = self._agenda.is_shared(reviewer, waiting)
            if waiting and not is_shared:
                return image_id
            shared = shared or (image_id if waiting else None)
        return shared

    def _disputed(self, image_id: str) -> list[PartKey]:
        """Return the parts of an image that are not settled; none if it cannot be read any more."""
        disputed = self.results.disputed(image_id)
        if disputed is None:
            try:
                disputed = self.image(image_id).disputed
            except ImageFailure:  # which is listed
                return []
        return [(image_id, part_id) for part_id in disputed]

    def described(self, image_id: str, reviewer: str) -> dict[str, Any]:
        """Return what the page shows of an image, as JSON can hold it.

        Raises
        ------
        UnknownError, ImageFailure
            As `image`.
        """
        image = self.image(image_id)
        order = self.settings.order(image_id, len(self.names))
        number = self._numbers[image_id]
        described = described_image(image, self.queue, number, order, blind=self.settings.blind)
        with self._lock:
            described["parts"] = [
                self._described(image, part_id, reviewer) for part_id in image.parts
            ]
        return {**described, **self.progress(reviewer)}

    def _described(self, image: ReviewedImage, part_id: str, reviewer: str) -> dict[str, Any]:
        key = (image.image_id, part_id)
        order = self.settings.order(image.image_id, len(self.names))
        return described_part(
            image.parts[part_id],
            [self.names[number] for number in order],
            self._agenda.shown(key, reviewer),
            self.decisions.remarks(key),
            claimed=self._claims.holder(key, besides=reviewer),
        )

    def masks(self, image_id: str) -> bytes:
        """Return the masks of an image in the order shown, as `description.packed_masks`."""
        image = self.image(image_id)
        return packed_masks(image, self.settings.order(image_id, len(self.names)))

    def progress(self, reviewer: str) -> dict[str, Any]:
        """Return how far the review is, as JSON can hold it."""
        with self._lock:
            undoable = self.decisions.undoable(reviewer)
            redoable = self.decisions.redoable(reviewer)
            return {
                "progress": {
                    **self.results.progress(),
                    "reviewers": self.decisions.counts(),
                },
                "undo": undoable is not None,
                "redo": redoable is not None,
            }

    def claim(self, reviewer: str, image_id: str, part_id: str) -> str | None:
        """Claim a part for a reviewer, and return who else holds it, if anybody does.

        Raises
        ------
        UnknownError, ImageFailure
            As `image`, or there is no such part.
        """
        self._require_part(image_id, part_id)
        with self._lock:
            return self._claims.claim((image_id, part_id), reviewer)

    def _require_part(self, image_id: str, part_id: str) -> ReviewedImage:
        image = self.image(image_id)
        if part_id not in image.parts:
            raise UnknownError(f"there is no part {part_id!r} in the image {image_id}")
        return image

    def decide(
        self,
        reviewer: str,
        image_id: str,
        part_id: str,
        choice: object,
        *,
        position: object = None,
        drawn: object = None,
        basis: int = 0,
        shown: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Save a decision.

        Parameters
        ----------
        reviewer : str
            Name of the reviewer.
        image_id, part_id : str
        choice : str
            As in `decisions.Entry`.
        position : int, optional
            With ``annotator``: whose mask, by its place in the order shown.
        drawn : optional
            With ``drawn``: as `verdicts.parse_drawing` takes it.
        basis : int
            The number of the decision that the page showed of this part, 0 if it was open.
        shown : mapping, optional
            Further state of the page, to be recorded.

        Returns
        -------
        dict
            The part as the page shows it from now on.

        Raises
        ------
        ConflictError
            Another reviewer holds the part, or it was decided since the page was shown.
        UnknownError
            There is no such image or part.
        ArgumentError
            The decision cannot be understood.
        ImageFailure, OutputError
            The image cannot be read, or the decision cannot be saved.
        """
        require_reviewer(reviewer)
        image = self._require_part(image_id, part_id)
        order = self.settings.order(image_id, len(self.names))
        chosen: Choice | None = next((each for each in CHOICES if each == choice), None)
        if chosen is None:
            raise ArgumentError(f"the choice {choice!r} is not one of {', '.join(CHOICES)}")
        annotator = None
        if chosen == "annotator":
            if type(position) is not int or not 0 <= position < len(order):
                raise ArgumentError(f"position {position!r}: there are {len(order)} annotators")
            annotator = self.names[order[position]]
        drawing = parse_drawing(drawn, image.shape).tight() if chosen == "drawn" else None
        if chosen == "drawn" and drawing is None:
            chosen = "nothing"
        if shown and len(json.dumps(shown)) > _LONGEST_STATE:
            raise ArgumentError(f"the state of the page has more than {_LONGEST_STATE} characters")
        key = (image_id, part_id)
        with self._lock:
            self._agenda.require_unchanged(key, reviewer, basis)
            self._save(
                Entry(
                    **self._stamp(reviewer, "decide", key),
                    box=list(image.parts[part_id].box),
                    choice=chosen,
                    annotator=annotator,
                    drawn=drawing.record() if drawing else None,
                    is_second_look=self._agenda.is_second_look(key, reviewer),
                    shown={
                        **(shown or {}),
                        "blind": self.settings.blind,
                        "order": [self.names[number] for number in order],
                    },
                )
            )
            self._claims.release(reviewer)
            return {"part": self._described(image, part_id, reviewer), **self.progress(reviewer)}

    def remark(self, reviewer: str, image_id: str, part_id: str, text: str) -> dict[str, Any]:
        """Save a remark on a part, in place of the reviewer's earlier one; raises as `decide`."""
        require_reviewer(reviewer)
        image = self._require_part(image_id, part_id)
        if not isinstance(text, str) or len(text) > _LONGEST_REMARK:
            raise ArgumentError(f"a remark is a text of at most {_LONGEST_REMARK} characters")
        with self._lock:
            self._save(
                Entry(
                    **self._stamp(reviewer, "remark", (image_id, part_id)),
                    box=list(image.parts[part_id].box),
                    remark=text,
                )
            )
            return {"part": self._described(image, part_id, reviewer), **self.progress(reviewer)}

    def undo(self, reviewer: str) -> dict[str, Any]:
        """Take back a reviewer's last decision or remark, and return which part it concerned.

        Raises
        ------
        ArgumentError
            There is nothing to take back.
        OutputError
            It cannot be saved.
        """
        return self._move(reviewer, "undo")

    def redo(self, reviewer: str) -> dict[str, Any]:
        """Restore what `undo` took back last; returns and raises as that."""
        return self._move(reviewer, "redo")

    def _move(self, reviewer: str, action: Action) -> dict[str, Any]:
        require_reviewer(reviewer)
        with self._lock:
            ways = {"undo": self.decisions.undoable, "redo": self.decisions.redoable}
            entry = ways[action](reviewer)
            if entry is None:
                raise ArgumentError(f"there is nothing to {action}")
            self._save(Entry(**self._stamp(reviewer, action, entry.key)))
            is_here = entry.image in self._numbers
            return {"image": entry.image if is_here else None, "part": entry.part}

    def _stamp(self, reviewer: str, action: Action, key: PartKey) -> dict[str, Any]:
        return {
            "sequence": self.decisions.last + 1,
            "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "reviewer": reviewer,
            "action": action,
            "image": key[0],
            "part": key[1],
            "version": __version__,
        }

    def _save(self, entry: Entry) -> None:
        self._journal.append(entry)
        self.decisions.add(entry)
        if entry.image in self._numbers:
            self.results.renew(entry.image)

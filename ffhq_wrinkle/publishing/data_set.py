"""Data set: the run that publishes one, from its files to the folder that appears at the end."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..dataset.ids import Ids
from ..dataset.licences import ATTRIBUTION, attribution_csv
from ..downloads.licence import FFHQ_TERMS, LICENCE_FILE
from ..errors import ArgumentError, ImageFailure, OutputError, counted, first_few
from ..human_labels.annotators import Annotator
from ..results.outputs import require_separate
from ..results.tabular import Tabular
from ..runs.interruption import Interruption
from ..runs.progress import Progress
from ..storage.writing import write_bytes
from .cards.dataset_card import CARD, dataset_card
from .catalogue import TARGETS
from .facts import FFHQ_LICENCE, Facts, facts_of, licence_address
from .photographs import attributions_of, require_publishable
from .publication import Publication
from .source import Source, list_source
from .target import Target, TargetOptions, Work

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger(__name__)

DATA_TITLE = "Facial wrinkle masks"
_ALWAYS = frozenset({CARD, LICENCE_FILE, ATTRIBUTION})


@dataclass(frozen=True, kw_only=True)
class PublishSettings:
    """Choices of what is published of a data set, and how.

    Attributes
    ----------
    target : str
        One of `catalogue.TARGETS`.
    title : str
        Name of the data set.
    licence : str, optional
        Its licence, such as ``cc-by-nc-sa-4.0``; FFHQ's if all ids are FFHQ's.
    with_images : bool
        Whether photographs are published.
    any_licence : bool
        Whether photographs are published whatever their own licence.
    with_weak : bool
        Whether weak masks are published.
    options : TargetOptions
        Choices that only some targets have.

    Raises
    ------
    ArgumentError
        The target is not known, the title is empty, or an option is not one of the target.
    """

    target: str
    title: str = DATA_TITLE
    licence: str | None = None
    with_images: bool = False
    any_licence: bool = False
    with_weak: bool = True
    options: TargetOptions = TargetOptions()  # noqa: RUF009 - it is frozen

    def __post_init__(self) -> None:
        if self.target not in TARGETS:
            raise ArgumentError(f"target is {self.target!r}; there are {', '.join(TARGETS)}")
        if self.options.ignore_disputed and self.target != "nnunet":
            raise ArgumentError("--ignore-disputed is for nnunet only")
        if self.options.folds and self.target != "monai":
            raise ArgumentError("--folds is for monai only")
        if not self.title.strip():
            raise ArgumentError("the title is empty")


@dataclass(frozen=True, kw_only=True, repr=False)
class PublishReport(Tabular):
    """The outcome: the folder, its format, the number of images, and whether it was there."""

    out: Path
    target: str
    images: int
    kept: bool = False
    remarks: tuple[str, ...] = ()

    def summary(self) -> str:
        """Return the outcome as lines of text."""
        title = TARGETS[self.target].title
        what = f"{counted(self.images, 'image')} for {title}"
        first = (
            f"{self.out} already holds {what}; nothing has changed"
            if self.kept
            else f"{what} published in {self.out}"
        )
        return "\n".join([first, *self.remarks])

    def to_frame(self) -> "pd.DataFrame":
        """Return the numbers as a pandas DataFrame of one row."""
        import pandas as pd

        return pd.DataFrame([[self.target, self.images]], columns=["target", "images"])


def publish_data_set(
    data: Path,
    out: Path,
    settings: PublishSettings,
    *,
    annotators: Sequence[Annotator] = (),
    splits: Sequence[Path] = (),
    agreement: Path | None = None,
    demographics: Path | None = None,
    ids: Ids | None = None,
    jobs: int = 1,
    overwrite: bool = False,
) -> PublishReport:
    """Publish a data set in one format.

    Parameters
    ----------
    data : Path
        A data set in the released layout, a folder with `images` and `masks`, or a CSV.
    out : Path
        The published folder, which appears when it is complete.
    settings : PublishSettings
    annotators : sequence of Annotator
        Annotators by their published names, whose single masks are published.
    splits : sequence of Path
        Files `split.csv` of training runs.
    agreement, demographics : Path, optional
        Reports for the card.
    ids : Ids, optional
        The images; all if not given.
    jobs : int
        Threads.
    overwrite : bool
        Replace a folder that was published with different settings.

    Returns
    -------
    PublishReport

    Raises
    ------
    ArgumentError
        The data, a report or an option cannot be used, or a photograph's licence forbids publishing
        it.
    OutputError
        Files cannot be read or written; nothing is published then.
    RunInterrupted
        Ctrl-C; the same call continues.
    """
    kind = TARGETS[settings.target]
    source = list_source(
        data,
        annotators=annotators,
        splits=splits,
        with_photographs=settings.with_images or kind.references,
        with_weak=settings.with_weak and kind.holds_weak,
        needs_mask=kind.needs_mask,
        ids=ids,
    )
    folders = [data if data.is_dir() else data.parent, *(one.folder for one in annotators)]
    require_separate([*folders, agreement, demographics], [out])
    facts = facts_of(
        source,
        title=settings.title,
        licence=settings.licence,
        photographs=settings.with_images,
        agreement=agreement,
        demographics=demographics,
    )
    if settings.with_images and not settings.any_licence:
        require_publishable(source, facts.licence)
    target = kind(source, facts, settings.options, out)
    made_with = {
        **asdict(settings),
        "licence": facts.licence,
        "version": __version__,
        "annotators": list(source.annotators),
        "agreement": [figure._asdict() for figure in facts.agreement],
        "demographics": [total._asdict() for total in facts.demographics],
        "inputs": source.fingerprint(),
    }
    with Publication(
        out, made_with, contents={*target.own_contents(), *_ALWAYS}, overwrite=overwrite
    ) as publication:
        if publication.is_done:
            return PublishReport(out=out, target=kind.name, images=facts.images, kept=True)
        _do_steps(publication, target, jobs=jobs)
        remarks = tuple(target.finish(publication.folder, publication.notes))
        for name, content in _accompanying(source, facts, target).items():
            write_bytes(publication.folder / name, content)
        publication.finish(facts.record())
    if settings.with_images:
        log.warning(
            "%s contains %s of people who were not asked; each has a licence of its own, and "
            "%s and %s must stay with them",
            *(out, counted(facts.total("photographs"), "photograph"), ATTRIBUTION, LICENCE_FILE),
        )
    return PublishReport(out=out, target=kind.name, images=facts.images, remarks=remarks)


def _do_steps(publication: Publication, target: Target, *, jobs: int) -> None:
    """Do the steps that are not done.

    Raises
    ------
    OutputError
        Images failed, after all were tried; those that did not are not done again.
    RunInterrupted
        Ctrl-C.
    """
    steps = target.steps()
    pending = [number for number in range(len(steps)) if not publication.is_noted(number)]
    if len(pending) < len(steps):
        log.info(
            "%d of %d steps were done by an earlier run", len(steps) - len(pending), len(steps)
        )
    failures: list[ImageFailure] = []
    images = sum(len(steps[number].items) for number in pending)
    with Interruption() as interruption, Progress(images, "publish") as progress:
        for number in pending:
            work = Work(jobs, progress)
            facts = target.write(steps[number], publication.folder, work)
            failures += work.failures
            if not work.failures:
                publication.note(number, facts)
    interruption.raise_with("the same command continues")
    if failures:
        raise OutputError(
            f"nothing is published, because {counted(len(failures), 'image')} cannot be: "
            f"{first_few(list(map(str, failures)), separator='; ')}; mend them, or leave them out "
            "with --ids, and run the same command again"
        )


def _accompanying(source: Source, facts: Facts, target: Target) -> Mapping[str, bytes]:
    """Return the files that go with every published data set, by name."""
    files: dict[str, Any] = {
        CARD: dataset_card(facts, target).encode("utf-8", "backslashreplace"),
        LICENCE_FILE: _terms(facts.licence),
    }
    if facts.photographs:
        files[ATTRIBUTION] = attribution_csv(attributions_of(source))
    return files


def _terms(licence: str) -> bytes:
    if licence == FFHQ_LICENCE:
        return FFHQ_TERMS.encode()
    address = licence_address(licence)
    named = f"{licence}: {address}" if address else licence
    return f"The data set in this folder is under the licence {named}\n".encode()

"""Publishing: data sets and networks in the forms that other software loads."""

from collections.abc import Sequence

from ..errors import ArgumentError
from ..human_labels.annotators import parse_annotators
from ..publishing.data_set import DATA_TITLE, PublishReport, PublishSettings, publish_data_set
from ..publishing.network import NetworkReport, is_run, publish_network
from ..publishing.source import published_names
from ..publishing.target import TargetOptions
from ..runs.cores import available_cores
from .arguments import AnyIds, AnyPath, as_ids, as_path


def publish(
    data: AnyPath,
    out: AnyPath,
    *,
    target: str,
    title: str | None = None,
    licence: str | None = None,
    with_images: bool = False,
    any_licence: bool = False,
    weak: bool = True,
    annotators: Sequence[str] = (),
    splits: Sequence[AnyPath] = (),
    agreement: AnyPath | None = None,
    demographics: AnyPath | None = None,
    ignore_disputed: bool = False,
    folds: int = 0,
    ids: AnyIds | None = None,
    jobs: int | None = None,
    overwrite: bool = False,
) -> PublishReport | NetworkReport:
    """Publish a data set or network in the form that others load; the command `publish`.

    Parameters
    ----------
    data : str or Path
        A data set in the released layout, a folder with `images` and `masks`, or a CSV; or a folder
        of `train`, whose best network is published. For that only `target` ``huggingface``,
        `title`, `licence` and `overwrite` apply.
    out : str or Path
        Folder that appears when the data set is complete.
    target : str
        The form, such as ``huggingface``; see `publishing.catalogue.TARGETS`.
    title : str, optional
        Name of the data set or network.
    licence : str, optional
        Licence of the data set, such as ``cc-by-nc-sa-4.0``; FFHQ's if all ids are FFHQ's.
    with_images : bool
        Also publish the photographs, if their licences allow it.
    any_licence : bool
        Publish photographs whatever their licence.
    weak : bool
        Also publish weak masks, if the form can hold them.
    annotators : sequence of str
        Folders of the masks of single annotators, ``FOLDER`` or ``NAME=FOLDER``.
    splits : sequence of str or Path
        Files `split.csv` of training runs, which together have all images.
    agreement, demographics : str or Path, optional
        Reports of the commands of these names, for the card.
    ignore_disputed : bool
        For nnU-Net: give pixels that annotators disagree on the label "ignore".
    folds : int
        For MONAI: number of folds; 0 for none.
    ids : str, iterable of str, or Ids, optional
        The images; all if not given.
    jobs : int, optional
        Number of threads; one per core if not given.
    overwrite : bool
        Replace a folder that was published with different settings.

    Returns
    -------
    PublishReport or NetworkReport

    Raises
    ------
    ArgumentError, SourceError, OutputError, RunInterrupted
        As in `publishing.data_set.publish_data_set` and `publishing.network.publish_network`.
    """
    if is_run(as_path(data)):
        if target != "huggingface":
            raise ArgumentError(f"networks are published as huggingface only, not as {target}")
        return publish_network(
            as_path(data), as_path(out), title=title, licence=licence, overwrite=overwrite
        )
    parsed = parse_annotators(annotators, least=1) if annotators else []
    return publish_data_set(
        as_path(data),
        as_path(out),
        PublishSettings(
            target=target,
            title=DATA_TITLE if title is None else title,
            licence=licence,
            with_images=with_images,
            any_licence=any_licence,
            with_weak=weak,
            options=TargetOptions(ignore_disputed=ignore_disputed, folds=folds),
        ),
        annotators=published_names(parsed, annotators),
        splits=[as_path(path) for path in splits],
        agreement=as_path(agreement),
        demographics=as_path(demographics),
        ids=as_ids(ids),
        jobs=jobs or available_cores(),
        overwrite=overwrite,
    )

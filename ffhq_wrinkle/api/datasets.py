"""Data sets: download, composition and sampling."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from ..dataset.ids import TEST, Ids, image_id_of, merge_ids
from ..dataset.layout import MANUAL_MASKS_FOLDER
from ..dataset.licences import ids_under, parse_licences
from ..demographics.composition import Composition, compose
from ..demographics.composition_report import require_report, write_report
from ..demographics.groups import VARIABLES, AgeGroups
from ..demographics.id_sets import MANUAL, labelled_ids, meant_ids, photographed_ids
from ..demographics.label_tables import (
    AGING_LABELS,
    Labels,
    no_labels,
    read_aging_labels,
    read_features,
    read_own_table,
)
from ..demographics.race import WHOLE, RaceView, estimate_race, settle
from ..demographics.race_table import race_labels as labels_of
from ..demographics.race_table import read_race_rows
from ..demographics.sample import IdSample, draw_sample, write_id_list
from ..downloads.data_set import DataSet, DownloadReport
from ..downloads.download import PARTS, download_part
from ..downloads.transfer import Patience
from ..errors import ArgumentError
from ..reports.figures import parse_forms
from ..runs.cores import default_jobs
from ..storage.places import Place, exists, is_folder
from .arguments import AnyIds, AnyPath, as_ids, as_path, as_place

Part = Literal["metadata", "images", "labels", "weights", "checkpoints", "aging-labels", "all"]


def downloads(
    what: Part,
    data: AnyPath,
    *,
    ids: AnyIds | None = None,
    source: str = "auto",
    only: Sequence[str] = (),
    jobs: int = 8,
    timeout_s: float = 60.0,
    cookies: AnyPath | None = None,
    verify: bool = False,
    keep_webp: bool = False,
) -> Iterator[DownloadReport]:
    """Download as `download` does, and yield each report as soon as its files are done."""
    parts = PARTS if what == "all" else (what,)
    patience = Patience(stall_s=timeout_s)
    chosen = as_ids(ids)
    with DataSet(
        as_path(data), jobs=jobs, cookies=as_path(cookies), verify=verify, patience=patience
    ) as opened:
        for part in parts:
            yield from download_part(
                opened, part, chosen, source_text=source, only=only, keep_webp=keep_webp
            )


def download(
    what: Part,
    data: AnyPath,
    *,
    ids: AnyIds | None = None,
    source: str = "auto",
    only: Sequence[str] = (),
    jobs: int = 8,
    timeout_s: float = 60.0,
    cookies: AnyPath | None = None,
    verify: bool = False,
    keep_webp: bool = False,
) -> list[DownloadReport]:
    """Download FFHQ and the published labels and weights, verified; the command `download`.

    Parameters
    ----------
    what : str
        ``metadata``, ``images``, ``labels``, ``weights``, ``checkpoints``, ``aging-labels`` or
        ``all``.
    data : str or Path
        Folder for the data set, in the released layout.
    ids : str, iterable of str, or Ids, optional
        Ids of the images to download; 00000 to 49999 if not given.
    source : str
        Source of the images: ``huggingface``, ``gaunernst``, ``drive``, an address with ``{id}``,
        or a folder; ``auto`` for the first three in turn, each for what the ones before it lack.
    only : sequence of str
        Kinds of labels: ``manual``, ``weak``, ``parsed``; all if empty.
    jobs : int
        Number of simultaneous connections.
    timeout_s : float
        Reconnect after this many seconds without data.
    cookies : str or Path, optional
        Cookies of a browser in Netscape's format, for files that require signing in.
    verify : bool
        Check the content of existing files again.
    keep_webp : bool
        Keep images of ``gaunernst`` as lossless WebP, instead of writing them as PNG.

    Returns
    -------
    list of DownloadReport
        One for each kind of file.

    Raises
    ------
    ArgumentError, OutputError, RunInterrupted
        As in `downloads.download.download_part`.
    """
    return list(
        downloads(
            what,
            data,
            ids=ids,
            source=source,
            only=only,
            jobs=jobs,
            timeout_s=timeout_s,
            cookies=cookies,
            verify=verify,
            keep_webp=keep_webp,
        )
    )


def composition(
    data: AnyPath,
    *,
    ids: AnyIds | None = None,
    sets: Mapping[str, AnyIds] | None = None,
    aging_labels: AnyPath | None = None,
    features: AnyPath | None = None,
    race_labels: AnyPath | None = None,
    table: AnyPath | None = None,
    age_groups: AgeGroups = "paper",
    race: bool = False,
    align: bool = False,
    landmarks: AnyPath | None = None,
    keep_individual: bool = False,
    batch_size: int = 8,
    jobs: int | None = None,
    scheduler: str | None = None,
    out: AnyPath | None = None,
    figures: str = "png",
    overwrite: bool = False,
) -> Composition:
    """Describe the people in a data set by totals; the command `demographics`.

    Parameters
    ----------
    data : str or Path
        A data set in the released layout, or a folder of photographs.
    ids : str, iterable of str, or Ids, optional
        The faces to describe: ids, the path of an id list, ``test`` or ``manual``; the photographs
        in `data` if not given.
    sets : mapping of str to ids, optional
        Several sets by name, described side by side.
    aging_labels : str or Path, optional
        Table of age and sex by FFHQ-Aging; the one in `data` if not given.
    features : str or Path, optional
        Table of age and sex by ffhq-features, used instead of FFHQ-Aging's.
    race_labels : str or Path, optional
        A `race.csv` of earlier estimates.
    table : str or Path, optional
        A table of your own with `image_id` and any of `age` (years), `age_group`, `sex` and further
        columns, which are counted too.
    age_groups : {"paper", "ffhq-aging"}
        Age groups.
    race : bool
        Estimate race/ethnicity with DeepFace; requires `out`.
    align : bool
        With `race`: first find the face in each photo and cut it out as in FFHQ.
    landmarks : str or Path, optional
        With `align`: CSV of the positions of eyes and mouth, instead of detecting them.
    keep_individual : bool
        With `race`: keep the estimate of each person in `race.csv`.
    batch_size : int
        With `race`: images per batch.
    jobs : int, optional
        Number of threads; one per core if not given.
    scheduler : str, optional
        With `race`: Dask cluster, ``local:N`` or ``tcp://HOST:PORT``.
    out : str or Path, optional
        Folder for a report: tables and a figure.
    figures : str
        Forms of the figures: ``png``, ``pdf``, ``svg``, or several with commas.
    overwrite : bool
        Replace an earlier report; always done with `race`, whose runs are resumed.

    Returns
    -------
    Composition
        Shows its tables in a notebook; `to_frame` gives the shares as pandas.

    Raises
    ------
    ArgumentError, OutputError, SourceError, ClusterError, RunInterrupted
        Options cannot be combined, or as in `demographics.race.estimate_race`.
    """
    folder, report_folder = as_place(data), as_place(out)
    if sets and ids is not None:
        raise ArgumentError("--ids defines one set and --set several; use one of them")
    if race and race_labels:
        raise ArgumentError("--race and --race-labels both give race/ethnicity; use one of them")
    if race and not report_folder:
        raise ArgumentError("--race requires --out, from which an interrupted run resumes")
    if not race and (align or keep_individual):
        raise ArgumentError("--align and --keep-individual require --race")
    if scheduler and not race:
        raise ArgumentError("--scheduler requires --race; nothing else is distributed")
    if landmarks and not align:
        raise ArgumentError("--landmarks requires --align")
    if sets:
        chosen = {name: _ids(value, folder, f"--set {name}") for name, value in sets.items()}
    elif ids is not None:
        name = ids if isinstance(ids, str) and ids in (MANUAL, TEST) else "all"
        chosen = {name: _ids(ids, folder)}
    else:
        chosen = {"all": photographed_ids(folder)}
    forms = parse_forms(figures)
    labels = _labels(folder, aging_labels, features, race_labels, table, age_groups)
    if not (race or labels.sources):
        raise ArgumentError(
            "there are no labels: give --table, --aging-labels, --features, --race-labels or "
            f"--race, or run `ffhq-wrinkle download aging-labels {data}`"
        )
    if report_folder:
        require_report(report_folder, [folder], overwrite=overwrite or race)
    estimation = None
    if race and report_folder:
        estimates, estimation = estimate_race(
            folder,
            report_folder,
            sets=chosen,
            view=_view(align, as_path(landmarks)),
            keep=keep_individual,
            batch_size=batch_size,
            jobs=jobs or default_jobs(scheduler),
            scheduler=scheduler,
        )
        labels = labels.joined(labels_of(estimates.rows()))
    described = replace(compose(chosen, labels), estimation=estimation)
    if report_folder:
        write_report(described, report_folder, estimated=race, figures=forms)
        if race:
            settle(report_folder, keep=keep_individual)
    return described


def sample(
    data: AnyPath,
    n: int,
    *,
    by: Sequence[str] = (),
    seed: int = 0,
    ids: AnyIds | None = None,
    exclude: Sequence[AnyIds] = (),
    aging_labels: AnyPath | None = None,
    features: AnyPath | None = None,
    race_labels: AnyPath | None = None,
    table: AnyPath | None = None,
    age_groups: AgeGroups = "paper",
    licences: Collection[str] = (),
    out: AnyPath | None = None,
    overwrite: bool = False,
) -> IdSample:
    """Draw images for annotation that have no human mask yet; the command `sample`.

    Parameters
    ----------
    data : str or Path
        A data set in the released layout, or a folder of photographs.
    n : int
        Number of images to draw.
    by : sequence of str
        Draw in proportion to the groups of these variables: ``age``, ``sex``, ``race``, or columns
        of `table`; at random if empty.
    seed : int
        Seed of the draw.
    ids : str, iterable of str, or Ids, optional
        The images to draw from, as in `composition`; the photographs in `data` if not given.
    exclude : sequence of ids
        Further images that must not be drawn.
    aging_labels, features, race_labels, table, age_groups
        As in `composition`, for `by`.
    licences : collection of str
        Draw only photographs under one of these licences, such as ``{"cc0", "cc-by"}``, by the
        `attribution.csv` of `data`; see `dataset.licences.LICENCES`. All if empty.
    out : str or Path, optional
        File for the id list.
    overwrite : bool
        Replace an existing list.

    Returns
    -------
    IdSample

    Raises
    ------
    ArgumentError, OutputError
        As in `demographics.sample.draw_sample` and `demographics.sample.write_id_list`.
    """
    folder = as_place(data)
    unknown = [name for name in by if name not in VARIABLES]
    if unknown and not table:
        raise ArgumentError(f"--by: {unknown[0]!r} is not one of {', '.join(VARIABLES)}")
    population = None if ids is None else _ids(ids, folder)
    excluded = [_ids(value, folder, "--exclude") for value in exclude]
    if is_folder(folder / MANUAL_MASKS_FOLDER):
        excluded.append(labelled_ids(folder, where="sample"))
    labels = None
    if by:
        labels = _labels(folder, aging_labels, features, race_labels, table, age_groups)
    population = population or photographed_ids(folder)
    if licences:
        allowed = ids_under(folder, parse_licences(",".join(licences)))
        population = Ids(names=frozenset(map(image_id_of, population)) & allowed)
    drawn = draw_sample(
        population,
        n,
        excluded=merge_ids(excluded),
        by=by,
        labels=labels,
        seed=seed,
    )
    if out:
        write_id_list(as_path(out), drawn, overwrite=overwrite)
    return drawn


def _ids(value: AnyIds, data: Place, where: str = "--ids") -> Ids:
    """Return ids; text may be the path of an id list, ``test`` or ``manual``."""
    if isinstance(value, str):
        return meant_ids(value, data, where=where)
    return as_ids(value) or Ids()


def _labels(
    data: Place,
    aging_labels: AnyPath | None,
    features: AnyPath | None,
    race_labels: AnyPath | None,
    table: AnyPath | None,
    age_groups: AgeGroups,
) -> Labels:
    """Return the labels in the given tables, or in the table of the data set."""
    if aging_labels and features:
        raise ArgumentError("--aging-labels and --features both give age and sex; use one of them")
    labels = no_labels(age_groups)
    if table:
        labels = labels.joined(read_own_table(as_place(table), age_groups))
    downloaded = data / AGING_LABELS
    if features:
        labels = labels.joined(read_features(as_place(features), age_groups))
    elif aging_labels or (not table and exists(downloaded)):
        labels = labels.joined(read_aging_labels(as_place(aging_labels) or downloaded, age_groups))
    if race_labels:
        labels = labels.joined(labels_of(read_race_rows(as_place(race_labels))))
    return labels


def _view(align: bool, landmarks: Path | None) -> RaceView:
    """Return the part of each photo that the race model sees."""
    if not align:
        return WHOLE
    from ..faces.views import AlignedFaces

    faces = AlignedFaces(landmarks)
    name = f"aligned by {faces.settings()['align']}"
    return RaceView(name, lambda photo, image_id: faces.of(photo, image_id)[0].image)

"""Verification of a downloaded data set against known figures."""

from ..runs.cores import available_cores
from ..verification.verification import Verification
from ..verification.verification import verify as verify_data
from ..verification.verification_report import require_report, write_report
from .arguments import AnyPath, as_path


def verify(
    data: AnyPath,
    *,
    out: AnyPath | None = None,
    overwrite: bool = False,
    quick: bool = False,
    weights: AnyPath | None = None,
    race_labels: AnyPath | None = None,
    device: str = "auto",
    jobs: int | None = None,
) -> Verification:
    """Hold a downloaded data set, and our results on it, against known figures; `verify`.

    Parameters
    ----------
    data : str or Path
        A data set in the released layout.
    out : str or Path, optional
        Folder for a report: tables and pictures.
    overwrite : bool
        Replace an earlier report.
    quick : bool
        Process image 00001 alone, not the 100 test ids.
    weights : str or Path, optional
        BiSeNet's weights; those in the cache if not given.
    race_labels : str or Path, optional
        A `race.csv` of earlier estimates, for Table 1.
    device : str
        Device for the networks: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
    jobs : int, optional
        Number of threads; one per core if not given.

    Returns
    -------
    Verification
        Its `differs` says whether a figure is not the known one.

    Raises
    ------
    ArgumentError, OutputError, SourceError
        As in `verification.verification.verify` and `reports.report_folder.ReportFolder.require`.
    """
    folder, report = as_path(data), as_path(out)
    if report:
        require_report(report, [folder], overwrite=overwrite)
    verification = verify_data(
        folder,
        quick=quick,
        weights=as_path(weights),
        race_table=as_path(race_labels),
        device=device,
        jobs=jobs or available_cores(),
    )
    if report:
        write_report(verification, report)
    return verification

"""Alignment: the faces of photos, cut out as FFHQ's."""

from ..errors import ArgumentError
from ..faces.views import AlignedFaces
from ..runs.cores import default_jobs
from ..runs.folder_run import RunReport
from ..segmentation.prediction.aligned_faces import Doubts, align_folder
from .arguments import AnyIds, AnyPath, as_ids, as_path, as_place


def align(
    images: AnyPath,
    out: AnyPath,
    *,
    landmarks: AnyPath | None = None,
    all_faces: bool = False,
    least_side: int = 512,
    ids: AnyIds | None = None,
    limit: int | None = None,
    jobs: int | None = None,
    overwrite: bool = False,
) -> RunReport:
    """Cut out the face of each photo as in FFHQ, 1024x1024; the command `align`.

    Parameters
    ----------
    images : str or Path
        Folder of photographs, flat, in shards or subfolders, or a data set with `images1024x1024`.
    out : str or Path
        Folder for a PNG of each face, `faces.csv`, `doubtful.csv` and a contact sheet.
    landmarks : str or Path, optional
        CSV of the positions of eyes and mouth, instead of detecting them.
    all_faces : bool
        Use every face of a photo, instead of refusing photos with several faces.
    least_side : int
        Faces whose square has fewer pixels a side in the photo are listed as too small.
    ids : str, iterable of str, or Ids, optional
        Ids of the photos to process; all if not given.
    limit : int, optional
        Process at most this many photos, the first by id.
    jobs : int, optional
        Number of threads; one per core if not given.
    overwrite : bool
        Replace existing results.

    Returns
    -------
    RunReport

    Raises
    ------
    ArgumentError, SourceError, OutputError, RunInterrupted
        As in `segmentation.prediction.aligned_faces.align_folder`.
    """
    if least_side < 1:
        raise ArgumentError(f"least_side is {least_side}; it should be at least 1")
    return align_folder(
        as_place(images),
        as_place(out),
        AlignedFaces(as_path(landmarks), all_faces=all_faces),
        doubts=Doubts(side_px=least_side),
        ids=as_ids(ids),
        limit=limit,
        jobs=jobs or default_jobs(None),
        overwrite=overwrite,
    )

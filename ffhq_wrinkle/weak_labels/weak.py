"""Weak labels: the weak wrinkle mask of each photograph in a folder, in parallel and resumable.

`build_weak` reads each image, lets a parser find the face in it, and writes the texture map inside
the face. `weak_work` has the steps for one image, and `runs.folder_run` does them for all.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial

from ..dataset.ids import Ids
from ..dataset.layout import (
    ImageFile,
    find_images,
    image_folder,
    warn_of_unread_subfolders,
)
from ..faces.labels import FaceParser
from ..faces.views import Views, WholeImages
from ..results.outputs import require_separate
from ..runs.folder_run import RunReport, Selection, choose_among, run_folder
from ..storage.places import Place
from .texture import TextureSettings
from .weak_work import ByProducts, WeakResults, WeakWork


def build_weak(
    images: Place,
    out: Place,
    *,
    parser: FaceParser,
    texture: TextureSettings | None = None,
    by_products: ByProducts | None = None,
    faces: Views | None = None,
    ids: Ids | None = None,
    limit: int | None = None,
    jobs: int = 1,
    overwrite: bool = False,
    scheduler: str | None = None,
) -> RunReport:
    """Write the weak wrinkle mask of each image in a folder.

    Parameters
    ----------
    images : Place
        Photographs, flat, in FFHQ's shards or in other subfolders, or a data set with a folder
        `images1024x1024`.
    out : Place
        Gets 8-bit gray PNG of each image's size, in the released layout, and `build.json`; and
        `failures.csv` if images failed.
    parser : FaceParser
        Finds the faces; see `parsing.create_parser`.
    texture : TextureSettings, optional
        How texture maps are computed; as in the paper if not given.
    by_products : ByProducts, optional
        Folders for intermediate results; none is kept if not given.
    faces : Views, optional
        Finds and cuts out the faces that get weak masks; whole images get them if not given. `out`
        then also gets `faces.csv`.
    ids : Ids, optional
        Process these images; all if not given.
    limit : int, optional
        Process at most this many images, the first ones.
    jobs : int
        Number of threads that read, compute and write. On a cluster each worker has this many, or
        one for each of its cores if `jobs` is 0.
    overwrite : bool
        Replace results that are in the folders already.
    scheduler : str, optional
        Cluster that does the work, see `cluster.connected`; this process if not given. The parser
        is sent to the workers, so it must be one that `pickle` takes.

    Returns
    -------
    RunReport

    Raises
    ------
    ArgumentError
        No image is chosen, names would mean two things, folders to read and to write overlap, or
        the cluster is unknown.
    ClusterError
        The cluster's workers cannot do the work.
    OutputError
        Results cannot be written, or would mix with results of different settings.
    RunInterrupted
        Ctrl-C was pressed. Finished results are kept, and the same call resumes the run.
    """
    folder = image_folder(images)
    photos = find_images(folder)
    warn_of_unread_subfolders(folder)
    if faces:
        faces.require_distinct(photos, where=folder)
    return _build(
        choose_among(photos, ids, limit),
        partial(_address_in, str(folder)),
        [folder],
        out,
        parser=parser,
        texture=texture,
        by_products=by_products,
        faces=faces,
        jobs=jobs,
        overwrite=overwrite,
        scheduler=scheduler,
    )


def _address_in(folder: str, file: ImageFile) -> str:
    # Unlike a lambda, this can be sent to the workers of a cluster.
    return f"{folder}/{file.path}"


def build_weak_of(
    images: Mapping[str, Place],
    out: Place,
    *,
    parser: FaceParser,
    texture: TextureSettings | None = None,
    by_products: ByProducts | None = None,
    jobs: int = 1,
) -> RunReport:
    """Write the weak wrinkle masks of images in any places, named by their ids.

    Parameters
    ----------
    images : mapping of str to Place
        Path of the image of each id.
    out, parser, texture, by_products, jobs
        As `build_weak`; `failures.csv` names an image by its id.

    Returns
    -------
    RunReport

    Raises
    ------
    ArgumentError, OutputError, RunInterrupted
        As `build_weak`.
    """
    files = [ImageFile(image_id, f"{image_id}.png") for image_id in sorted(images)]
    return _build(
        Selection(files, missing=[], everything=False),
        lambda file: str(images[file.image_id]),
        sorted({path.parent for path in images.values()}, key=str),
        out,
        parser=parser,
        texture=texture,
        by_products=by_products,
        jobs=jobs,
    )


def _build(
    selection: Selection,
    address_of: Callable[[ImageFile], str],
    read: Sequence[Place],
    out: Place,
    *,
    parser: FaceParser,
    texture: TextureSettings | None,
    by_products: ByProducts | None,
    faces: Views | None = None,
    jobs: int,
    overwrite: bool = False,
    scheduler: str | None = None,
) -> RunReport:
    """Write weak masks of the selected images, whose paths are in the folders `read`."""
    texture = texture or TextureSettings()
    by_products = by_products or ByProducts()
    written = [path for path in (out, *asdict(by_products).values()) if path]
    id_folders = selection.id_folders
    require_separate([*read, parser.folder], written, id_folders=id_folders)
    with ExitStack() as stack:
        results = WeakResults(
            out, by_products, parser, texture, faces or WholeImages(),
            id_folders=id_folders, overwrite=overwrite, stack=stack,
        )  # fmt: skip
        return run_folder(
            selection,
            out,
            title="build-weak",
            noun="weak masks",
            work=WeakWork(address_of, read, parser, texture, results),
            jobs=jobs,
            scheduler=scheduler,
        )

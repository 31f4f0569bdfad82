"""Weak labels: face photographs to masked texture maps, over a folder, in parallel, resumable.

`build_weak` reads each image, has a parser find the face in it, and writes the texture map inside
the face. `folder_run` has the work done; `outputs` keeps the folders it goes to.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial

from ..dataset.ids import Ids
from ..dataset.layout import ImageFile, image_folder
from ..faces.labels import FaceParser
from ..results.outputs import require_separate
from ..runs.folder_run import RunReport, Selection, choose_images, run_folder
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
        Photographs, flat or in FFHQ's shards, or a data set with a folder `images1024x1024`.
    out : Place
        Gets 8-bit gray PNG of each image's size, in the released layout, and `build.json`; and
        `failures.csv` if images failed.
    parser : FaceParser
        Finds the faces; see `parsing.create_parser`.
    texture : TextureSettings, optional
        The texture map; the paper's if not given.
    by_products : ByProducts, optional
        What else to keep; nothing if not given.
    ids : Ids, optional
        Which images; all if not given.
    limit : int, optional
        Only so many images, the first ones.
    jobs : int
        Threads that read, compute and write; on a cluster those of each worker, 0 for as many as
        it has cores.
    overwrite : bool
        Replace what is there.
    scheduler : str, optional
        Which cluster does it, see `cluster.connected`; this process if not given. The parser is
        then sent to other processes, and has to be one that `pickle` takes.

    Returns
    -------
    RunReport

    Raises
    ------
    ArgumentError
        There are no such images, folders to read and to write overlap, or there is no such
        cluster.
    ClusterError
        The cluster's workers can not do it.
    OutputError
        Results can not be written, or would mix with those of other settings.
    RunInterrupted
        Ctrl-C; what is done is kept, and the same call goes on from there.
    """
    folder = image_folder(images)
    return _build(
        choose_images(folder, ids, limit),
        partial(_in_folder, folder),
        [folder],
        out,
        parser=parser,
        texture=texture or TextureSettings(),
        by_products=by_products or ByProducts(),
        jobs=jobs,
        overwrite=overwrite,
        scheduler=scheduler,
    )


def _in_folder(folder: Place, file: ImageFile) -> Place:
    return folder / file.path


def build_weak_of(
    images: Mapping[str, Place],
    out: Place,
    *,
    parser: FaceParser,
    texture: TextureSettings | None = None,
    by_products: ByProducts | None = None,
    jobs: int = 1,
) -> RunReport:
    """Write the weak wrinkle masks of images that lie anywhere, named by their ids.

    Parameters
    ----------
    images : mapping of str to Place
        The file of each id.
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
        lambda file: images[file.image_id],
        sorted({path.parent for path in images.values()}, key=str),
        out,
        parser=parser,
        texture=texture or TextureSettings(),
        by_products=by_products or ByProducts(),
        jobs=jobs,
        overwrite=False,
    )


def _build(
    selection: Selection,
    place: Callable[[ImageFile], Place],
    read: Sequence[Place],
    out: Place,
    *,
    parser: FaceParser,
    texture: TextureSettings,
    by_products: ByProducts,
    jobs: int,
    overwrite: bool,
    scheduler: str | None = None,
) -> RunReport:
    """Do the work of `build_weak` on images that lie where `place` says, in the folders `read`."""
    targets = [path for path in (out, *asdict(by_products).values()) if path]
    require_separate([*read, parser.folder], targets)
    with ExitStack() as stack:
        results = WeakResults(out, by_products, parser, texture, overwrite, stack)
        return run_folder(
            selection,
            out,
            title="build-weak",
            what="weak masks",
            work=WeakWork(place, read, parser, texture, results),
            jobs=jobs,
            scheduler=scheduler,
        )

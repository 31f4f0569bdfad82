"""Weak masks of a photograph or of a folder of photographs."""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from ..errors import ArgumentError, ParsingError
from ..faces.labels import FaceParser
from ..faces.parsing import create_parser
from ..faces.ready_labels import ReadyLabels
from ..faces.views import AlignedFaces
from ..images.arrays import plain_array
from ..runs.cores import default_jobs
from ..runs.folder_run import RunReport
from ..weak_labels.texture import KERNEL_SIZE, SIGMA, TextureSettings, require_image
from ..weak_labels.weak import build_weak as build_weak_folder
from ..weak_labels.weak_work import ByProducts
from .arguments import AnyIds, AnyPath, as_ids, as_path, as_place
from .pictures import read_image

if TYPE_CHECKING:
    from ..faces.bisenet import Engine  # loads torch

_UNNAMED = "photo"


def weak_mask(
    image: np.ndarray | AnyPath,
    *,
    recipe: str = "paper",
    kernel_size: int = KERNEL_SIZE,
    sigma: float = SIGMA,
    scale_to_image: bool = False,
    parser: str | FaceParser = "auto",
    face_mask: np.ndarray | None = None,
    device: str = "auto",
) -> np.ndarray:
    """Return the weak wrinkle mask of a photograph: its texture map inside the face, 0 outside.

    Parameters
    ----------
    image : np.ndarray, str or Path
        RGB uint8 (H, W, 3), or an image file.
    recipe : {"paper", "released"}
        Formula of the texture map: Eq. 1 of the paper, or the arithmetic of the published masks.
    kernel_size : int
        Side of the Gaussian kernel in pixels, odd.
    sigma : float
        Standard deviation of the Gaussian in pixels.
    scale_to_image : bool
        Multiply kernel size and sigma by the longer side of the image / 1024.
    parser : {"auto", "bisenet", "mesh"} or FaceParser
        How the face is found. BiSeNet's weights are downloaded once. A parser given by name is kept
        for the next call.
    face_mask : np.ndarray, optional
        The face, bool (H, W); no parser is used then.
    device : str
        Device for BiSeNet: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.

    Returns
    -------
    np.ndarray
        uint8 (H, W), 0..255.

    Raises
    ------
    ArgumentError
        The image, the face mask or a setting is invalid.
    ImageError, ParsingError
        The file cannot be read, or no face is found.

    Examples
    --------
    >>> image = np.full((64, 64, 3), 200, np.uint8)
    >>> image[32, 20:40] = 150  # a dark line
    >>> face = np.zeros((64, 64), bool)
    >>> face[16:48, 16:48] = True
    >>> mask = weak_mask(image, face_mask=face)
    >>> mask[32, 30] > 50, mask[32, 30 - 20]
    (np.True_, np.uint8(0))
    """
    texture = TextureSettings(
        recipe=recipe, kernel_size=kernel_size, sigma=sigma, scale_to_image=scale_to_image
    )
    if isinstance(image, np.ndarray):
        photo, image_id = plain_array(image), _UNNAMED
    else:
        photo, image_id = read_image(image), as_place(image).stem
    require_image(photo)
    face = None if face_mask is None else plain_array(face_mask)
    if face is None:
        finder = _parser(parser, device) if isinstance(parser, str) else parser
        (label_map,) = finder([photo], [image_id])
        face = finder.face(label_map, (photo.shape[0], photo.shape[1]))
        if not face.any():
            raise ParsingError("no face found: the label map has neither skin nor nose")
    return texture.weak_mask(photo, face)


@lru_cache(maxsize=2)
def _parser(name: str, device: str) -> FaceParser:
    return create_parser(name, device=device)


def build_weak(
    images: AnyPath,
    out: AnyPath,
    *,
    recipe: str = "paper",
    kernel_size: int = KERNEL_SIZE,
    sigma: float = SIGMA,
    scale_to_image: bool = False,
    parser: str | FaceParser = "auto",
    weights: AnyPath | None = None,
    labels: AnyPath | None = None,
    engine: "Engine" = "auto",
    device: str = "auto",
    batch_size: int | None = None,
    ids: AnyIds | None = None,
    limit: int | None = None,
    jobs: int | None = None,
    scheduler: str | None = None,
    overwrite: bool = False,
    save_labels: AnyPath | None = None,
    save_face_masks: AnyPath | None = None,
    save_masked_images: AnyPath | None = None,
    save_view: AnyPath | None = None,
    align: bool = False,
    landmarks: AnyPath | None = None,
    all_faces: bool = False,
    save_aligned: AnyPath | None = None,
    parts: str | None = None,
) -> RunReport:
    """Write the weak wrinkle mask of each image in a folder; the command `build-weak`.

    Parameters
    ----------
    images : str or Path
        Folder of photographs, flat, in shards or subfolders, or a data set with `images1024x1024`;
        a path or an address in an object store.
    out : str or Path
        Folder for 8-bit gray PNG files of the size of each image, in the released layout.
    recipe, kernel_size, sigma, scale_to_image
        As in `weak_mask`.
    parser : {"auto", "bisenet", "labels", "mesh"} or FaceParser
        How faces are found.
    weights : str or Path, optional
        BiSeNet's weights; downloaded once if not given.
    labels : str or Path, optional
        For the parser ``labels``: folder of existing label maps; that of the released layout if not
        given.
    engine : {"auto", "torch", "ncnn"}
        Backend for BiSeNet; see `faces.bisenet.BiSeNetParser`.
    device : str
        Device for BiSeNet, as in `weak_mask`.
    batch_size : int, optional
        Images per batch of BiSeNet; 16 on a GPU and 1 on the CPU if not given.
    ids : str, iterable of str, or Ids, optional
        Ids of the images to process, such as ``"0-999,portrait"``; all if not given.
    limit : int, optional
        Process at most this many images, the first by id.
    jobs : int, optional
        Number of threads; one per core if not given.
    scheduler : str, optional
        Dask cluster: ``local:N`` or ``tcp://HOST:PORT``.
    overwrite : bool
        Replace existing results.
    save_labels, save_face_masks, save_masked_images : str or Path, optional
        Folders for label maps, face masks and masked images.
    save_view : str or Path, optional
        Folder for pictures that show the weak masks, stretched, and a contact sheet.
    align : bool
        First find the face in each photo and cut it out as in FFHQ. Weak masks and all other
        results are then those of the aligned faces; `out` also gets `faces.csv`.
    landmarks : str or Path, optional
        With `align`: CSV of the positions of eyes and mouth, instead of detecting them.
    all_faces : bool
        With `align`: use every face of a photo, instead of refusing photos with several faces.
    save_aligned : str or Path, optional
        With `align`: folder for the aligned faces.
    parts : str, optional
        Classes of the label map that are face, such as ``"skin,nose,neck"``; skin and nose if not
        given. Only for a parser that is given by name.

    Returns
    -------
    RunReport
        The numbers of weak masks that were written, that existed already and that failed; see
        `failures.csv`.

    Raises
    ------
    ArgumentError, SourceError, ClusterError, OutputError, RunInterrupted
        Options cannot be combined, or as in `weak_labels.weak.build_weak` and
        `faces.parsing.create_parser`.
    """
    folder = as_place(images)
    if (landmarks or all_faces or save_aligned) and not align:
        raise ArgumentError("--landmarks, --all-faces and --save-aligned require --align")
    if align and (parser if isinstance(parser, str) else parser.name) == ReadyLabels.name:
        raise ArgumentError(
            "the label maps of --parser labels are those of whole images; they cannot be combined "
            "with --align"
        )
    if isinstance(parser, str):
        parser = create_parser(
            parser,
            weights=as_path(weights),
            labels=as_place(labels),
            images=folder,
            device=device,
            batch_size=batch_size,
            engine=engine,
            parts=parts,
        )
    elif parts is not None:
        raise ArgumentError("parts are for a parser that is given by name; call its choose_parts")
    return build_weak_folder(
        folder,
        as_place(out),
        parser=parser,
        texture=TextureSettings(
            recipe=recipe, kernel_size=kernel_size, sigma=sigma, scale_to_image=scale_to_image
        ),
        by_products=ByProducts(
            labels=as_place(save_labels),
            face_masks=as_place(save_face_masks),
            masked_images=as_place(save_masked_images),
            views=as_place(save_view),
            aligned=as_place(save_aligned),
        ),
        faces=AlignedFaces(as_path(landmarks), all_faces=all_faces) if align else None,
        ids=as_ids(ids),
        limit=limit,
        jobs=jobs or default_jobs(scheduler),
        overwrite=overwrite,
        scheduler=scheduler,
    )

"""Wrinkles: prediction for a folder of photographs."""

from typing import TYPE_CHECKING

from ..dataset.ids import image_id_of
from ..dataset.layout import MANUAL_MASKS_FOLDER, find_images, image_folder
from ..errors import ArgumentError
from ..faces.parsing import AUTO, create_parser, require_device
from ..faces.views import AlignedFaces, WholeImages
from ..runs.cores import default_jobs
from ..runs.folder_run import RunReport
from ..segmentation.checkpoints.official import checkpoint_path
from ..segmentation.prediction.ingredients import Ingredients
from ..segmentation.prediction.network_files import load_network
from ..segmentation.prediction.prediction import predict_folder
from ..segmentation.prediction.prediction_folder import PredictSettings, ProbabilityFormat
from ..segmentation.prediction.predictor import Predictor
from ..segmentation.prediction.seen_images import keep_seen, warn_of_formula
from ..segmentation.prediction.trained_network import Precision
from ..storage.places import Place, is_folder
from .arguments import AnyIds, AnyPath, as_ids, as_path, as_place

if TYPE_CHECKING:
    from ..faces.bisenet import Engine


def predict(
    images: AnyPath,
    out: AnyPath,
    *,
    checkpoint: AnyPath,
    ids: AnyIds | None = None,
    limit: int | None = None,
    parser: str | None = None,
    weights: AnyPath | None = None,
    labels: AnyPath | None = None,
    engine: "Engine" = "auto",
    recipe: str | None = None,
    texture: AnyPath | None = None,
    face_masks: AnyPath | None = None,
    align: bool = False,
    landmarks: AnyPath | None = None,
    all_faces: bool = False,
    probabilities: ProbabilityFormat | None = None,
    overlays: bool = True,
    overlay_regions: bool = False,
    flip: bool = False,
    precision: Precision = "32",
    device: str = "auto",
    batch_size: int | None = None,
    jobs: int | None = None,
    scheduler: str | None = None,
    allow_trained_on: bool = False,
    overwrite: bool = False,
    parts: str | None = None,
) -> RunReport:
    """Predict the wrinkles of each photo in a folder; the command `predict`.

    Parameters
    ----------
    images : str or Path
        Folder of photographs, flat, in shards or subfolders, or a data set with `images1024x1024`;
        a path or an address in an object store.
    out : str or Path
        Folder for masks, overlays and `wrinkles.csv`; see `docs/pipeline.md`.
    checkpoint : str or Path
        A checkpoint file, a folder of `train`, an ``.onnx`` file, ``official-unet`` or
        ``official-swin-unetr``.
    ids, limit, jobs, scheduler, overwrite, weights, labels, engine
        As in `weak_masks.build_weak`.
    parser : {"auto", "bisenet", "labels", "mesh"}, optional
        How faces are found. If not given: ``auto``, or with `face_masks` by no parser.
    recipe : str, optional
        Formula of the texture map; the one that the network was trained with if not given.
        Networks that do not record it need this argument.
    texture, face_masks : str or Path, optional
        Folders of existing texture maps and face masks, matched by image id.
    align : bool
        First find the face in each photo and cut it out as in FFHQ.
    landmarks : str or Path, optional
        With `align`: CSV of the positions of eyes and mouth, instead of detecting them.
    all_faces : bool
        With `align`: use every face of a photo, instead of refusing photos with several faces.
    probabilities : {"png", "npy"}, optional
        Also write probabilities, as 16-bit PNG or float16 ``.npy``.
    overlays : bool
        Also write the photos with the wrinkles in colour.
    overlay_regions : bool
        Draw the outlines and names of the regions of the face on overlays.
    flip : bool
        Average the results for the image and for its mirror image.
    precision : {"32", "bf16"}
        Precision of the network's arithmetic: float32, or bfloat16 where possible, on CUDA only.
    device : str
        Device for the networks: ``auto``, ``cpu``, ``cuda``, ``cuda:1`` or ``mps``.
    batch_size : int, optional
        Images per batch of the network; 4 on a GPU and 1 on the CPU if not given.
    parts : str, optional
        Classes of the label map that are face, such as ``"skin,nose,neck"``; skin and nose if not
        given.

    allow_trained_on : bool
        Predict images that the network was trained on without a warning.

    Returns
    -------
    RunReport

    Raises
    ------
    ArgumentError, SourceError, ClusterError, OutputError, RunInterrupted
        Options cannot be combined, or as in `segmentation.prediction.prediction.predict_folder`.
    """
    folder = as_place(images)
    if (landmarks or all_faces) and not align:
        raise ArgumentError("--landmarks and --all-faces require --align")
    if align and (texture or face_masks or parser == "labels"):
        raise ArgumentError(
            "--texture, --face-masks and --parser labels refer to whole images; they cannot be "
            "combined with --align"
        )
    if face_masks and parser is None and (weights or labels or parts):
        raise ArgumentError(
            "no parser is used with --face-masks; select one with --parser, or leave out "
            "--weights, --labels and --parts"
        )
    require_device(device)  # before a checkpoint is downloaded
    network = load_network(
        checkpoint_path(str(checkpoint)),
        device=device,
        precision=precision,
        batch_size=batch_size,
    )
    texture_settings = network.texture_settings(recipe)
    warn_of_formula(network, recipe)
    face_parser = None
    if parser or not face_masks:
        face_parser = create_parser(
            parser or AUTO,
            weights=as_path(weights),
            labels=as_place(labels),
            images=folder,
            device=device,
            batch_size=network.batch_size,
            engine=engine,
            parts=parts,
        )
    ingredients = Ingredients(
        face_parser,
        texture_settings,
        textures=as_place(texture),
        face_masks=as_place(face_masks),
    )
    views = AlignedFaces(as_path(landmarks), all_faces=all_faces) if align else WholeImages()
    place = as_place(out)
    report = predict_folder(
        folder,
        place,
        Predictor(network, ingredients, views, flip=flip),
        settings=PredictSettings(
            probabilities=probabilities, overlays=overlays, overlay_regions=overlay_regions
        ),
        ids=as_ids(ids),
        limit=limit,
        jobs=jobs or default_jobs(scheduler),
        overwrite=overwrite,
        scheduler=scheduler,
    )
    if network.trained_on:
        keep_seen(
            place,
            network,
            find_images(image_folder(folder)),
            masked=_masked(folder),
            allowed=allow_trained_on,
        )
    return report


def _masked(images: Place) -> set[str]:
    """Return the images of a data set that have a human mask."""
    masks = images / MANUAL_MASKS_FOLDER
    if not is_folder(masks):
        return set()
    return {image_id_of(name) for name in find_images(masks, noun="masks")}

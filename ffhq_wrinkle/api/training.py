"""Training: a recipe trained on a data set, and export of the network."""

from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from ..errors import ArgumentError, OutputError
from ..faces.parsing import create_parser
from ..faces.ready_labels import ReadyLabels
from ..faces.views import AlignedFaces
from ..runs.cores import available_cores
from ..segmentation.checkpoints.official import checkpoint_path
from ..segmentation.prediction.onnx_export import ExportReport, export_onnx
from ..segmentation.training.recipes import read_recipe
from ..segmentation.training.settings import TrainPrecision, TrainSettings
from ..segmentation.training.training import TrainReport
from ..segmentation.training.training import train as train_recipe
from .arguments import AnyPath, as_path, as_place

if TYPE_CHECKING:
    from collections.abc import Mapping


def train(
    recipe: str,
    data: AnyPath,
    run: AnyPath,
    *,
    stage: Literal["pretrain", "finetune", "both"] = "both",
    options: "Mapping[str, Any] | None" = None,
    init: AnyPath | None = None,
    initial_weights: AnyPath | None = None,
    texture_recipe: str | None = None,
    scale_to_image: bool = False,
    parser: str = "auto",
    weights: AnyPath | None = None,
    labels: AnyPath | None = None,
    seed: int = 0,
    fraction: float = 1.0,
    limit: int | None = None,
    group_by: str | None = None,
    precision: TrainPrecision = "32",
    compile: bool = False,
    accumulate: int = 1,
    deterministic: bool = False,
    cache: AnyPath | None = None,
    devices: int = 1,
    accelerator: str = "auto",
    workers: int | None = None,
    jobs: int | None = None,
    resume: bool = True,
    align: bool = False,
    landmarks: AnyPath | None = None,
) -> TrainReport:
    """Train a network by a recipe; the command `train`.

    Parameters
    ----------
    recipe : str
        Name of a shipped recipe, such as ``unet_texture``, or path of a ``.toml`` file.
    data : str or Path
        A data set in the released layout, a folder with `images` and `masks`, or a CSV.
    run : str or Path
        Folder of the run; see `docs/pipeline.md`.
    stage : {"pretrain", "finetune", "both"}
        Stages of the recipe to train.
    options : mapping of str to Any, optional
        Values that override the recipe in each stage, such as ``{"epochs": 2, "size": 64}``; see
        `segmentation.training.recipes.StageConfig`.
    init : str or Path, optional
        Checkpoint that the first stage starts from.
    initial_weights : str or Path, optional
        ImageNet weights, for recipes that start from them; downloaded once if not given.
    texture_recipe : {"paper", "released"}, optional
        Formula of the weak masks; that of the existing ones if not given, or the paper's if there
        are none.
    scale_to_image : bool
        Scale the kernel of the weak masks to the image, as in `weak_masks.build_weak`; existing
        ones must have been made so.
    parser, weights, labels
        How faces are found if the data has no face masks; as in `weak_masks.build_weak`.
    seed : int
        Seed of the split, initial weights, order and augmentation.
    fraction : float
        Share of the training part that finetuning uses, above 0 and at most 1.
    limit : int, optional
        Use at most this many images in each stage, the first by id.
    group_by : str, optional
        Which images show the same subject, all of which stay in one part of the split: ``folder``,
        those in one uppermost folder, or a regular expression, those in whose ids it finds the same
        text.
    precision : {"32", "bf16", "64"}
        Precision of the network's arithmetic: float32, bfloat16 where possible, or float64.
    compile : bool
        Compile the network with PyTorch.
    accumulate : int
        Number of parts in which each batch is computed, to save memory.
    deterministic : bool
        On CUDA, use only algorithms that give the same result each time, which are slower.
    cache : str or Path, optional
        Folder for weak masks and face masks that `data` lacks; a hidden folder in `data` if not
        given.
    devices : int
        Number of devices.
    accelerator : {"auto", "cpu", "cuda", "mps"}
        Kind of device.
    workers : int, optional
        Data loader workers for each device; a share of the cores if not given.
    jobs : int, optional
        Number of threads that prepare and check the data; one per core if not given.
    resume : bool
        Resume an existing run, instead of refusing it.
    align : bool
        First find the face in each photo and cut it out as in FFHQ, and its human mask with it.
    landmarks : str or Path, optional
        With `align`: CSV of the positions of eyes and mouth, instead of detecting them.

    Returns
    -------
    TrainReport

    Raises
    ------
    ArgumentError, TrainingDataError, TrainingError, OutputError, RunInterrupted
        Options cannot be combined, or as in `segmentation.training.training.train`.
    """
    if landmarks and not align:
        raise ArgumentError("--landmarks requires --align")
    if align and parser == ReadyLabels.name:
        raise ArgumentError(
            "the label maps of --parser labels are those of whole images; they cannot be combined "
            "with --align"
        )
    chosen = read_recipe(recipe)
    if stage != "both":
        chosen = chosen.only(stage)
    chosen = chosen.changed(options or {})
    folder = as_path(data)
    cores = available_cores()
    return train_recipe(
        chosen,
        folder,
        as_path(run),
        parser_name=parser,
        parser=partial(
            create_parser,
            parser,
            weights=as_path(weights),
            labels=as_place(labels),
            images=folder if folder.is_dir() else folder.parent,
        ),
        settings=TrainSettings(
            seed=seed,
            fraction=fraction,
            limit=limit,
            group_by=group_by,
            precision=precision,
            compile=compile,
            accumulate=accumulate,
            deterministic=deterministic,
        ),
        init=as_path(init),
        initial_weights=as_path(initial_weights),
        texture_recipe=texture_recipe,
        scale_to_image=scale_to_image,
        faces=AlignedFaces(as_path(landmarks)) if align else None,
        cache=as_path(cache),
        devices=devices,
        accelerator=accelerator,
        workers=(cores - 1) // devices if workers is None else workers,
        jobs=jobs or cores,
        resume=resume,
    )


def export(out: AnyPath, *, checkpoint: AnyPath, overwrite: bool = False) -> ExportReport:
    """Export a network to ONNX, for images of any size; the command `export`.

    Parameters
    ----------
    out : str or Path
        The ``.onnx`` file.
    checkpoint : str or Path
        A checkpoint, a folder of `train`, ``official-unet`` or ``official-swin-unetr``.
    overwrite : bool
        Replace an existing file.

    Returns
    -------
    ExportReport

    Raises
    ------
    ArgumentError, SourceError, OutputError
        As in `segmentation.prediction.onnx_export.export_onnx`.
    """
    path = as_path(out)
    if path.suffix != ".onnx":
        raise ArgumentError(f"{path} should end in .onnx")
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists already; choose another file, or --overwrite")
    return export_onnx(checkpoint_path(str(checkpoint)), path)

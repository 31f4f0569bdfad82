"""The command `train`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from ..weak_labels.formulas import FORMULAS
from .options import EXISTING_FILE, FOLDER, jobs_option
from .parser_options import labels_option, landmarks_option, parser_option, weights_option

if TYPE_CHECKING:
    from ..segmentation.training.settings import TrainPrecision

# Fields of a stage's configuration, with the type and the help of the option of the same name.
_FIELDS: dict[str, tuple[Any, str]] = {
    "network": (str, "Network, such as unet or swin_unetr."),
    "input": (
        click.Choice(["rgb", "rgb+texture"]),
        "Input of the network in finetuning: the image, or masked image and texture map. "
        "Pretraining uses the image.",
    ),
    "loss": (
        str,
        "Loss, such as mse or soft_dice. If the recipe has two stages, select one with --stage.",
    ),
    "initial": (
        str,
        "Initial weights of the network: random or imagenet. If the recipe has two stages, select "
        "one with --stage.",
    ),
    "epochs": (click.IntRange(min=1), "Number of epochs."),
    "batch_size": (click.IntRange(min=1), "Images per step, on all devices together."),
    "peak_rate": (float, "Learning rate at the start of the first cosine period."),
    "first_period": (click.IntRange(min=1), "Length of the first cosine period in epochs."),
    "rate_decay": (float, "Peak learning rate of each cosine period, relative to the one before."),
    "weight_decay": (float, "Weight decay of AdamW."),
    "beta1": (float, "Beta 1 of AdamW."),
    "beta2": (float, "Beta 2 of AdamW."),
    "validate_every": (click.IntRange(min=1), "Validate every N epochs, and after the last one."),
    "features": (
        click.IntRange(min=0),
        "Channels of the first level of the network; 0 for the network's own number.",
    ),
    "size": (click.IntRange(min=0), "Side of the random crops in pixels; 0 for whole images."),
}
_FLAGS = {
    "augment": "Augment the images: flip, scale, bend and so on.",
    "gradient_checkpointing": "Use gradient checkpointing in Swin UNETR: less memory, more time.",
}


def _field_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each field of a stage's configuration."""
    for name, (kind, text) in reversed(_FIELDS.items()):
        command = click.option(
            f"--{name.replace('_', '-')}",
            name,
            type=kind,
            metavar="N" if isinstance(kind, click.IntRange) else None,
            help=f"{text}  [default: the recipe's]",
        )(command)
    for name, text in _FLAGS.items():
        option = name.replace("_", "-")
        text = f"{text}  [default: the recipe's]"
        command = click.option(f"--{option}/--no-{option}", name, default=None, help=text)(command)
    return command


@click.command("train")
@click.argument("recipe")
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("run", type=FOLDER)
@click.option(
    "--stage",
    type=click.Choice(["pretrain", "finetune", "both"]),
    default="both",
    show_default=True,
    help="Stages of the recipe to train.",
)
@click.option("--init", type=EXISTING_FILE, help="Checkpoint that the first stage starts from.")
@click.option(
    "--initial-weights",
    type=EXISTING_FILE,
    help="ImageNet weights, for recipes that start from them; downloaded once if not given.",
)
@click.option(
    "--fraction",
    default=1.0,
    show_default=True,
    help="Share of the training part that finetuning uses, above 0 and at most 1; pretraining uses "
    "all of it.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0, max=2**63 - 1),
    default=0,
    show_default=True,
    metavar="N",
    help="Seed of the split, initial weights, order and augmentation.",
)
@_field_options
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Use at most N images in each stage, the first by id.",
)
@click.option(
    "--group-by",
    metavar="folder|REGEX",
    help="Keep the images of a subject in one part of the split: those in one uppermost folder "
    "(folder), or those in whose ids a regular expression finds the same text.  [default: each "
    "image on its own]",
)
@click.option(
    "--precision",
    type=click.Choice(["32", "bf16", "64"]),
    default="32",
    show_default=True,
    help="Precision of the network's arithmetic: float32, bfloat16 where possible, or float64.",
)
@click.option("--compile", "compile_model", is_flag=True, help="Compile the network with PyTorch.")
@click.option(
    "--accumulate",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Compute each batch in N parts, to save memory.",
)
@click.option(
    "--deterministic",
    is_flag=True,
    help="On CUDA, use only algorithms that give the same result each time, which are slower.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    metavar="N",
    help="Data loader workers (processes) for each device.  [default: a share of the cores]",
)
@click.option(
    "--devices",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Number of devices.",
)
@click.option(
    "--accelerator",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="Kind of device.",
)
@click.option(
    "--resume",
    type=click.Choice(["auto", "never"]),
    default="auto",
    show_default=True,
    help="Resume a run that exists in RUN (auto), or refuse it (never).",
)
@click.option(
    "--recipe",
    "texture_recipe",
    type=click.Choice(tuple(FORMULAS)),
    help="Formula of the weak masks.  [default: that of existing ones, or paper if there are none]",
)
@click.option(
    "--scale-to-image",
    is_flag=True,
    help="Multiply the kernel size and sigma of weak masks by the longer side of the image / 1024, "
    "as `build-weak --scale-to-image`.",
)
@parser_option
@weights_option
@labels_option
@click.option(
    "--cache",
    type=FOLDER,
    help="Folder for weak masks and face masks that DATA lacks.  [default: a hidden folder in "
    "DATA]",
)
@jobs_option
@click.option(
    "--align",
    is_flag=True,
    help="First find the face in each photo and cut it out as in FFHQ, and its human mask with the "
    "same square; for photos that are not aligned.",
)
@landmarks_option
def train_command(
    recipe: str,
    data: Path,
    run: Path,
    stage: "Literal['pretrain', 'finetune', 'both']",
    init: Path | None,
    initial_weights: Path | None,
    fraction: float,
    seed: int,
    limit: int | None,
    group_by: str | None,
    precision: "TrainPrecision",
    compile_model: bool,
    accumulate: int,
    deterministic: bool,
    workers: int | None,
    devices: int,
    accelerator: str,
    resume: str,
    texture_recipe: str | None,
    scale_to_image: bool,
    parser_name: str,
    weights: Path | None,
    labels: Path | None,
    cache: Path | None,
    jobs: int | None,
    align: bool,
    landmarks: Path | None,
    **fields: object,
) -> None:
    """Train a network by RECIPE on DATA, in the folder RUN.

    RECIPE is the name of a shipped recipe, such as unet_texture, or a .toml file. DATA is a data
    set in the released layout, a folder with images/ and masks/, or a CSV. Weak masks that DATA
    lacks are computed once and kept.

    The images with human masks are split into 80 % for training, 10 % for validation and 10 % for
    testing; the split is the same in both stages. Pretraining also uses all other images, except
    copies of validation and test images. With --group-by, all images of a subject are in one part.

    With --align, DATA has photos that are not aligned, and masks drawn on them. Photos in which no
    single face is found are left out with a warning.

    RUN receives config.toml and split.csv, for each stage metrics.csv, curves.png, sheets of
    validation images, best.pt and last.pt, and at the end test.json. Training can be stopped at any
    moment by Ctrl-C, SIGTERM or kill -9. The same command then resumes it; on a CPU, the final
    weights are the same as without the interruption.

    \b
    Examples:
      ffhq-wrinkle train unet_texture ffhq runs/unet
      ffhq-wrinkle train unet_texture mine runs/mine --size 256 --batch-size 4 --epochs 20
      ffhq-wrinkle train unet_texture ffhq runs/five --stage finetune --init best.pt --fraction 0.05
      ffhq-wrinkle train unet_texture visits runs/visits --group-by folder --align
      ffhq-wrinkle train swin_unetr_texture ffhq runs/swin --devices 8 --precision bf16
    """
    from ..api.training import train

    report = train(
        recipe,
        data,
        run,
        stage=stage,
        options={name: value for name, value in fields.items() if value is not None},
        init=init,
        initial_weights=initial_weights,
        texture_recipe=texture_recipe,
        scale_to_image=scale_to_image,
        parser=parser_name,
        weights=weights,
        labels=labels,
        seed=seed,
        fraction=fraction,
        limit=limit,
        group_by=group_by,
        precision=precision,
        compile=compile_model,
        accumulate=accumulate,
        deterministic=deterministic,
        cache=cache,
        devices=devices,
        accelerator=accelerator,
        workers=workers,
        jobs=jobs,
        resume=resume == "auto",
        align=align,
        landmarks=landmarks,
    )
    click.echo(report.summary())

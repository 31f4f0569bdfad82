"""The command `train`."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from .options import (
    EXISTING_FILE,
    FOLDER,
    jobs_option,
    limit_option,
)  # fmt: skip
from .parser_options import labels_option, parser_option, weights_option

if TYPE_CHECKING:
    from ..segmentation.training.settings import TrainPrecision

# Fields of a stage's configuration, with the option's type and help; the name is the field's.
_FIELDS: dict[str, tuple[Any, str]] = {
    "network": (str, "Such as unet or swin_unetr."),
    "input": (
        click.Choice(["rgb", "rgb+texture"]),
        "What the network sees; of both stages, in the second.",
    ),
    "loss": (str, "Such as mse or soft_dice; only with --stage."),
    "initial": (str, "What the network begins with: random or imagenet; only with --stage."),
    "epochs": (click.IntRange(min=1), "How often each image is seen."),
    "batch_size": (click.IntRange(min=1), "Images a step, on all devices together."),
    "peak_rate": (float, "Learning rate at the start of the first period."),
    "first_period": (click.IntRange(min=1), "Epochs of the first cosine period."),
    "rate_decay": (float, "Each period's peak, of the last one's."),
    "weight_decay": (float, "Of AdamW."),
    "beta1": (float, "Of AdamW."),
    "beta2": (float, "Of AdamW."),
    "validate_every": (click.IntRange(min=1), "Validate each so many epochs, and after the last."),
    "features": (
        click.IntRange(min=0),
        "Channels of the network's first level; 0 for its own number.",
    ),
    "size": (click.IntRange(min=0), "Side of random crops, pixels; 0 for whole images."),
}
_FLAGS = {
    "augment": "Flip, scale and bend the images, or not.",
    "gradient_checkpointing": "Swin UNETR in less memory, or not.",
}


def _field_options(command: Callable[..., None]) -> Callable[..., None]:
    """An option for each field of a stage's configuration."""
    for name, (kind, text) in reversed(_FIELDS.items()):
        option = f"--{name.replace('_', '-')}"
        command = click.option(option, name, type=kind, help=f"{text}  [default: the recipe's]")(
            command
        )
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
    help="Which stages of the recipe.",
)
@click.option("--init", type=EXISTING_FILE, help="A checkpoint to begin the first stage with.")
@click.option(
    "--initial-weights",
    type=EXISTING_FILE,
    help="ImageNet's weights, for recipes that begin with them; fetched once if not given.",
)
@click.option(
    "--fraction",
    default=1.0,
    show_default=True,
    help="Share of the training part to finetune on; pretraining sees all of it.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0, max=2**63 - 1),
    default=0,
    show_default=True,
    help="For the split, first weights, order and augmentation.",
)
@_field_options
@limit_option
@click.option(
    "--precision", type=click.Choice(["32", "bf16", "64"]), default="32", show_default=True,
    help="Of the network's arithmetic.",
)  # fmt: skip
@click.option("--compile", "compile_model", is_flag=True, help="Have PyTorch compile the network.")
@click.option(
    "--accumulate",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Compute each batch in so many parts, for less memory.",
)
@click.option(
    "--deterministic", is_flag=True, help="On CUDA: only algorithms that give the same twice."
)
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    help="Processes that load, of each device.  [default: a share of the cores]",
)
@click.option(
    "--devices", type=click.IntRange(min=1), default=1, show_default=True, help="How many."
)
@click.option(
    "--accelerator",
    type=click.Choice(["auto", "cpu", "cuda", "mps"]),
    default="auto",
    show_default=True,
    help="Of which kind.",
)
@click.option(
    "--resume",
    type=click.Choice(["auto", "never"]),
    default="auto",
    show_default=True,
    help="Whether to go on with a run that is there.",
)
@parser_option
@weights_option
@labels_option
@click.option("--cache", type=FOLDER, help="For weak masks made here.  [default: in DATA]")
@jobs_option
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
    precision: "TrainPrecision",
    compile_model: bool,
    accumulate: int,
    deterministic: bool,
    workers: int | None,
    devices: int,
    accelerator: str,
    resume: str,
    parser_name: str,
    weights: Path | None,
    labels: Path | None,
    cache: Path | None,
    jobs: int | None,
    **fields: object,
) -> None:
    """Train a network as RECIPE says, on DATA, in the folder RUN.

    RECIPE is a name, such as unet_texture, or a .toml file. DATA is a data set in the released
    layout, a folder with images/ and masks/, or a CSV. Weak masks that it lacks are made once, and
    kept. Of images with human masks 80 % train, 10 % validate and 10 % test, whatever the stage.
    Pretraining takes all others too, but no copies of those that validate and test.

    RUN gets config.toml, split.csv, for each stage metrics.csv, best.pt and last.pt, and at the end
    test.json. Stop it at any moment, by Ctrl-C, SIGTERM or kill -9, and run the same command again:
    it goes on, and on a CPU ends with the same weights.

    \b
    Examples:
      ffhq-wrinkle train unet_texture ffhq runs/unet
      ffhq-wrinkle train unet_texture mine runs/mine --size 256 --batch-size 4 --epochs 20
      ffhq-wrinkle train unet_texture ffhq runs/five --stage finetune --init best.pt --fraction 0.05
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
        parser=parser_name,
        weights=weights,
        labels=labels,
        seed=seed,
        fraction=fraction,
        limit=limit,
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
    )
    click.echo(report.summary())

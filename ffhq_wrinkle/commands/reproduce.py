"""The command `reproduce`."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import FAILED, FOLDER
from .parser_options import labels_option, parser_option, weights_option

if TYPE_CHECKING:
    from ..segmentation.training.settings import TrainPrecision


class Numbers(click.ParamType):  # type: ignore[type-arg]  # click 8.2 has no type parameter
    """Numbers of one kind, separated by commas."""

    def __init__(self, kind: type[int] | type[float], name: str) -> None:
        self.kind = kind
        self.name = name

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> list[float]:
        """Return the numbers; other text is a usage error."""
        if not isinstance(value, str):
            return list(value)  # type: ignore[call-overload,no-any-return]
        try:
            return [self.kind(part) for part in value.split(",")]
        except ValueError:
            self.fail(f"{value!r} should be numbers, separated by commas", param, ctx)


@click.command("reproduce")
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("runs", type=FOLDER)
@click.option(
    "--rows",
    metavar="NAMES",
    help="Recipes of the rows to train, separated by commas.  [default: all of Tables 3 and 4]",
)
@click.option(
    "--fractions",
    type=Numbers(float, "fractions"),
    default="1,0.05",
    show_default=True,
    help="Shares of the training images.",
)
@click.option(
    "--seeds",
    type=Numbers(int, "seeds"),
    default="0,1,2",
    show_default=True,
    help="Seeds of finetuning.",
)
@click.option(
    "--devices",
    metavar="LIST",
    help="Numbers of CUDA devices, or cpu, separated by commas; each trains one run at a time.  "
    "[default: all CUDA devices, or cpu]",
)
@click.option(
    "--budget",
    type=click.FloatRange(0, 1, min_open=True),
    default=1.0,
    show_default=True,
    help="Factor by which all numbers of epochs are shortened.",
)
@click.option(
    "--option",
    "option_texts",
    multiple=True,
    metavar="KEY=VALUE",
    help="A key of recipes for all runs, such as size=256, or for one stage, such as "
    "pretrain.epochs=20; may be repeated.",
)
@click.option("--plan", "plan_only", is_flag=True, help="Print the plan, and train nothing.")
@click.option(
    "--precision",
    type=click.Choice(["32", "bf16", "64"]),
    default="32",
    show_default=True,
    help="Precision of the networks' arithmetic, as for `train`.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    metavar="N",
    help="Data loader workers (processes) of each run.  [default: as `train`]",
)
@parser_option
@weights_option
@labels_option
@click.option("--cache", type=FOLDER, help="Folder for weak masks and face masks, as for `train`.")
@click.pass_context
def reproduce_command(
    ctx: click.Context,
    data: Path,
    runs: Path,
    rows: str | None,
    fractions: list[float],
    seeds: list[int],
    devices: str | None,
    budget: float,
    option_texts: tuple[str, ...],
    plan_only: bool,
    precision: "TrainPrecision",
    workers: int | None,
    parser_name: str,
    weights: Path | None,
    labels: Path | None,
    cache: Path | None,
) -> None:
    """Train the rows of the paper's Tables 3 and 4 on DATA, and compare them with the paper.

    DATA is data as `train` takes them. RUNS receives a folder of `train` for each run, and the
    tables of `compare` in RUNS/tables. Each row is finetuned for each fraction and seed; rows whose
    recipes pretrain alike share one pretraining, with the seed 0.

    First, the command plans: it counts runs, measures a step of each network on this machine, and
    checks the disk. A run that fails does not stop the others, and the exit status is then 1. The
    command can be stopped at any moment by Ctrl-C, SIGTERM or kill -9. The same command resumes
    the runs, and keeps finished ones.

    \b
    Examples:
      ffhq-wrinkle reproduce ffhq runs --plan
      ffhq-wrinkle reproduce ffhq runs
      ffhq-wrinkle reproduce ffhq runs --rows unet_none,unet_texture --seeds 0 --devices 0,1
      ffhq-wrinkle reproduce ffhq trial --budget 0.01 --option size=256
    """
    from ..api.reproduction import TABLES, reproduce

    options: dict[str, str] = {}
    for text in option_texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise click.UsageError(f"--option: {text!r} should be KEY=VALUE, such as size=256")
        options[key.strip()] = value.strip()
    result = reproduce(
        data,
        runs,
        rows=rows.split(",") if rows else (),
        fractions=fractions,
        seeds=seeds,
        devices=devices.split(",") if devices else (),
        budget=budget,
        options=options,
        plan_only=plan_only,
        precision=precision,
        workers=workers,
        parser=parser_name,
        weights=weights,
        labels=labels,
        cache=cache,
    )
    click.echo(result.summary(width=shutil.get_terminal_size().columns))
    if result.experiments:
        click.echo(f"\nTables and a plot are in {runs / TABLES}.")
    ctx.exit(FAILED if result.failed else 0)

"""The command `compare`."""

from pathlib import Path

import click

from .options import (
    EXISTING_FOLDER,
    FOLDER,
    json_option,
    print_result,
    resamples_option,
    seed_option,
)


@click.command("compare")
@click.argument("runs", type=EXISTING_FOLDER, nargs=-1, required=True, metavar="RUN...")
@click.option("--out", type=FOLDER, help="Folder for tables and a plot.")
@resamples_option
@seed_option
@json_option
def compare_command(
    runs: tuple[Path, ...], out: Path | None, resamples: int, seed: int, as_json: bool
) -> None:
    """Set the test scores of each RUN, a folder of `train`, beside the paper's Tables 3 and 4.

    Runs of one recipe and --fraction are averaged over their seeds: JSI, F1 and accuracy, means
    over images, with 95 % bootstrap intervals over images, and the range over seeds; beside them
    the paper's, parameters, time and memory.

    Only runs that can be compared are averaged: the same data, test part, limit, precision, size,
    augmentation, epochs and batch sizes. The largest such group makes the tables; the other runs
    are listed below, each with what is different. Runs without scores are named as unfinished.

    A run that began with --init is comparable if the run whose pretraining that was is named too.

    \b
    Examples:
      ffhq-wrinkle compare runs/*
      ffhq-wrinkle compare runs/* --out tables
    """
    from ..api.scores import compare_runs

    experiments = compare_runs(runs, out=out, resamples=resamples, seed=seed)
    remark = f"Tables and a plot are in {out}." if out else ""
    print_result(experiments, remark, as_json=as_json)

"""The command `compare`."""

from pathlib import Path

import click

from .options import (
    EXISTING_FOLDER,
    FOLDER,
    figures_option,
    json_option,
    print_result,
    resamples_option,
    seed_option,
    subjects_option,
)


@click.command("compare")
@click.argument("runs", type=EXISTING_FOLDER, nargs=-1, required=True, metavar="RUN...")
@click.option("--out", type=FOLDER, help="Folder for a report: tables and a plot.")
@figures_option
@click.option(
    "--with-paper",
    is_flag=True,
    help="Show the paper's scores even if the runs were scored on other images than the paper's.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier report.")
@resamples_option
@seed_option
@json_option
@subjects_option
def compare_command(
    runs: tuple[Path, ...],
    out: Path | None,
    figures: str,
    with_paper: bool,
    overwrite: bool,
    resamples: int,
    seed: int,
    as_json: bool,
    group_by: str | None,
) -> None:
    """Compare the test scores of training runs, also with the paper's Tables 3 and 4.

    Each RUN is a folder of `train`. Runs with the same recipe and --fraction are averaged over
    their seeds. The tables show JSI, F1 and accuracy as means over images, with 95 % bootstrap
    intervals over images and the range over seeds. They also show parameters, time and memory. The
    paper's scores stand beside them if the runs were scored on FFHQ-Wrinkle's own test images.

    Only comparable runs are averaged: those with the same data, test part, limit, precision, size,
    augmentation, epochs and batch sizes. The tables contain the largest such group. The other runs
    are listed below, each with what differs. Runs without scores are listed as unfinished.

    A run that started with --init is comparable if the run that pretrained its checkpoint is also
    given.

    \b
    Examples:
      ffhq-wrinkle compare runs/*
      ffhq-wrinkle compare runs/* --out tables
    """
    from ..api.scores import compare_runs

    experiments = compare_runs(
        runs,
        out=out,
        overwrite=overwrite,
        figures=figures,
        with_paper=with_paper,
        resamples=resamples,
        seed=seed,
        group_by=group_by,
    )
    remark = f"Tables and a plot are in {out}." if out else ""
    print_result(experiments, remark, as_json=as_json)

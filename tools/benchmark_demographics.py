"""Benchmark of `demographics` on a random table of labels."""

import csv
import statistics
import subprocess
import sys
from collections import Counter
from pathlib import Path

import click
import numpy as np
from statsmodels.stats.proportion import proportion_confint

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.demographics.composition import Composition, compose
from ffhq_wrinkle.demographics.label_tables import read_features
from timing import in_turns, print_machine, scratch

_ROWS, _FACES = 70_000, 50_000
_FIRST_YEARS = (70, 50, 40, 30, 20, 10, 0)
_NAMES = ("70+", "50-69", "40-49", "30-39", "20-29", "10-19", "0-9")

Table = dict[str, tuple[int, float, float]]


def make_table(path: Path) -> None:
    """Write a table in the format of ffhq-features, 15 columns, with one row in 130 blank."""
    random = np.random.default_rng(0)
    years = random.integers(0, 73, _ROWS)
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        others = [f"column_{number}" for number in range(12)]
        table.writerow(["image_number", "age", "gender", *others])
        for number, age in enumerate(years):
            blank = number % 130 == 0
            sex = ("male", "female")[int(random.integers(2))]
            rest = random.random(12).round(2)
            cells = [] if blank else [float(age), sex, *rest]
            table.writerow([f"{number:05d}", *(cells or [""] * 14)])


def naive(path: Path) -> Table:
    """Count row by row in a plain loop, with intervals by statsmodels."""
    with path.open(newline="") as file:
        labels = {row["image_number"]: row for row in csv.DictReader(file)}
    ages: Counter[str] = Counter()
    sexes: Counter[str] = Counter()
    for number in range(_FACES):
        row = labels.get(f"{number:05d}")
        if row and row["age"]:
            places = zip(_FIRST_YEARS, _NAMES, strict=True)
            ages[next(name for first, name in places if float(row["age"]) >= first)] += 1
            sexes[row["gender"]] += 1
    intervals = {}
    for counts in (ages, sexes):
        for name, count in counts.items():
            low, high = proportion_confint(count, counts.total(), method="wilson")
            intervals[name] = (count, float(low), float(high))
    return intervals


def ours(path: Path) -> Composition:
    """Count the same faces with the package."""
    return compose({"all": parse_ids(f"0-{_FACES - 1}")}, read_features(path))


def difference(composition: Composition, table: Table) -> float:
    """Return the largest difference between interval ends; the counts must be equal."""
    worst = 0.0
    for share in composition.shares:
        count, low, high = table[share.group]
        if share.faces != count:
            raise click.ClickException(f"{share.group}: {share.faces} faces, naive {count}")
        worst = max(worst, abs(share.low - low), abs(share.high - high))
    return worst


@click.command("demographics")
@click.option("--rounds", default=7, show_default=True, help="Rounds of timing.")
def demographics_benchmark(rounds: int) -> None:
    """Time `demographics` for 50,000 ids in a table of 70,000 rows, against a loop over rows."""
    print_machine()
    with scratch() as folder:
        path = folder / "features.csv"
        make_table(path)
        print(f"intervals differ by at most {difference(ours(path), naive(path)):.0e}")
        words = ["demographics", str(folder), "--features", str(path), "--ids", f"0-{_FACES - 1}"]
        command = [sys.executable, "-c", "from ffhq_wrinkle.cli import main; main()", *words]
        loop, library, whole = in_turns(
            rounds,
            lambda: naive(path),
            lambda: ours(path),
            lambda: subprocess.run(command, check=True, capture_output=True),
        )
    for name, seconds in (("naive loop", loop), ("ours", library), ("whole command", whole)):
        print(
            f"demographics {name:14} median {statistics.median(seconds):.3f} s "
            f"({min(seconds):.3f} to {max(seconds):.3f})"
        )
    ratios = [naive_s / our_s for naive_s, our_s in zip(loop, library, strict=True)]
    ratio = statistics.median(loop) / statistics.median(library)
    print(f"demographics ratio {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f})")

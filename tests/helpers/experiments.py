"""Invented scores of runs, and the result of `compare` for such runs."""

import re

from ffhq_wrinkle.segmentation.experiments.experiments import compare_runs

# For each image: JSI, F1, accuracy, and pixels true positive, false positive, false negative, true
# negative. The second has no wrinkle in either mask, so that JSI and F1 are undefined.
GOOD = {
    "00001": (0.5, 2 / 3, 0.9, 10, 5, 5, 80),
    "00002": ("", "", 1.0, 0, 0, 0, 100),
    "00003": (0.25, 0.4, 0.94, 2, 4, 2, 92),
}


BAD = {
    "00001": (0.25, 0.4, 0.85, 5, 5, 10, 80),
    "00002": (0.0, 0.0, 0.99, 0, 1, 0, 99),
    "00003": (0.2, 1 / 3, 0.96, 1, 1, 3, 95),
}


def compared(*runs, resamples=200):
    return compare_runs(runs, resamples=resamples)


def why(experiments):
    return {one.run.path.name: one.why for one in experiments.apart}


def rows_of(text, title):
    """The cells of a Markdown table, by recipe."""
    (block,) = re.findall(rf"## {re.escape(title)}\n\n(.*?)(?:\n\n|\n?\Z)", text, re.DOTALL)
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in block.splitlines()[2:]]
    return {row[0]: row[1:] for row in rows}

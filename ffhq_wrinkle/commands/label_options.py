"""Options of the commands that read labels of age, sex and race."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from .options import EXISTING_FILE

if TYPE_CHECKING:
    from ..demographics.groups import AgeGroups
    from ..demographics.label_tables import Labels
    from ..storage.places import Place

aging_labels_option = click.option(
    "--aging-labels",
    type=EXISTING_FILE,
    help="FFHQ-Aging's table of age and sex.  [default: DATA/ffhq_aging_labels.csv, if there]",
)
features_option = click.option(
    "--features",
    type=EXISTING_FILE,
    help="The table of ffhq-features, another labelling of age and sex, instead.",
)
race_labels_option = click.option(
    "--race-labels",
    type=EXISTING_FILE,
    help="A race.csv of `demographics --keep-individual`.",
)
age_groups_option = click.option(
    "--age-groups",
    type=click.Choice(["paper", "ffhq-aging"]),
    default="paper",
    show_default=True,
    help="0-9, 10-19, ..., 50-69, 70+; or FFHQ-Aging's own, finer ones.",
)


def read_labels(
    data: "Place",
    aging_labels: Path | None,
    features: Path | None,
    race_labels: Path | None,
    age_groups: "AgeGroups",
) -> "Labels":
    """All labels that the options name, or that DATA has."""
    from ..demographics.label_tables import (
        AGING_LABELS,
        no_labels,
        read_aging_labels,
        read_features,
    )
    from ..demographics.race_table import race_labels as labels_of
    from ..demographics.race_table import read_race_rows
    from ..errors import ArgumentError
    from ..storage.places import exists

    if aging_labels and features:
        raise ArgumentError("--aging-labels and --features both tell age and sex; give one")
    labels = no_labels(age_groups)
    downloaded = data / AGING_LABELS
    if features:
        labels = labels.joined(read_features(features, age_groups))
    elif aging_labels or exists(downloaded):
        labels = labels.joined(read_aging_labels(aging_labels or downloaded, age_groups))
    if race_labels:
        labels = labels.joined(labels_of(read_race_rows(race_labels)))
    return labels

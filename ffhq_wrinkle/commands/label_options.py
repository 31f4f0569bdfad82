"""Options of the commands that read labels of age, sex and race."""

import click

from .options import EXISTING_FILE

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

"""Options of the commands that read labels of age, sex and race."""

import click

from .options import EXISTING_FILE

IDS_HELP = (
    "ids such as 0-49999,60000, the path of an id list, `test` for the 100 official test ids, or "
    "`manual` for the ids of DATA's human masks"
)

aging_labels_option = click.option(
    "--aging-labels",
    type=EXISTING_FILE,
    help="Table of age and sex by FFHQ-Aging.  [default: DATA/ffhq_aging_labels.csv, if it exists]",
)
features_option = click.option(
    "--features",
    type=EXISTING_FILE,
    help="Table of age and sex by ffhq-features, to use instead of FFHQ-Aging's.",
)
race_labels_option = click.option(
    "--race-labels",
    type=EXISTING_FILE,
    help="Table of race/ethnicity: a race.csv written by `demographics --keep-individual`.",
)
table_option = click.option(
    "--table",
    type=EXISTING_FILE,
    help="Table of your own: image_id, and any of age (years) or age_group, sex, and further "
    "columns, to use instead of FFHQ-Aging's.",
)
age_groups_option = click.option(
    "--age-groups",
    type=click.Choice(["paper", "ffhq-aging"]),
    default="paper",
    show_default=True,
    help="Age groups: the paper's (0-9, 10-19, ..., 50-69, 70+), or the finer ones of FFHQ-Aging.",
)

"""Options of commands that cut faces out of photos."""

import click

from .options import EXISTING_FILE

align_option = click.option(
    "--align",
    is_flag=True,
    help="First find the face in each photo and cut it out as in FFHQ; for photos that are not "
    "aligned.",
)
landmarks_option = click.option(
    "--landmarks",
    type=EXISTING_FILE,
    help="With --align: CSV of the positions of eyes and mouth, instead of detecting them.",
)
all_faces_option = click.option(
    "--all-faces",
    is_flag=True,
    help="With --align: use every face of a photo, instead of refusing photos with several faces.",
)

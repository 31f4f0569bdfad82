"""Licence: the terms of FFHQ and FFHQ-Wrinkle, printed once and kept with the data."""

import logging
from pathlib import Path

from ..storage.writing import write_bytes

log = logging.getLogger(__name__)

LICENCE_FILE = "LICENSE.txt"
ADDRESS = "https://creativecommons.org/licenses/by-nc-sa/4.0/"
ONE_LINE = (
    "FFHQ (NVIDIA) and FFHQ-Wrinkle are under CC BY-NC-SA 4.0, for non-commercial use and "
    f"with attribution: {ADDRESS}"
)
FFHQ_TERMS = f"""\
The images and labels in this folder have different licences from the program that downloaded them.

FFHQ, the Flickr-Faces-HQ data set by Tero Karras, Samuli Laine and Timo Aila (NVIDIA), and
FFHQ-Wrinkle, its labels by Junho Moon, Haejun Chung and Ikbeom Jang, are under the Creative
Commons licence BY-NC-SA 4.0: {ADDRESS}
You may use, redistribute and adapt them for non-commercial purposes if you give credit by citing
the papers, indicate changes, and distribute derived works under the same licence.

Each photograph was published on Flickr by its author under a licence of its own (CC BY, CC BY-NC,
Public Domain, CC0 or US Government Works). attribution.csv, which `ffhq-wrinkle download metadata`
writes, lists the author, licence and page of each photograph. The photographs show people who were
not asked. FFHQ's authors ask that they not be used to develop or improve facial recognition, and
remove pictures on request.

T. Karras, S. Laine, T. Aila. A Style-Based Generator Architecture for Generative Adversarial
Networks. CVPR 2019.
J. Moon, H. Chung, I. Jang. Facial Wrinkle Segmentation for Cosmetic Dermatology: Pretraining with
Texture Map-Based Weak Supervision. ICPR 2024.
"""


def keep_licence(data: Path) -> None:
    """Write the terms to a data set and log them in one line, if that has not been done yet."""
    path = data / LICENCE_FILE
    if not path.exists():
        log.warning("%s", ONE_LINE)
        write_bytes(path, FFHQ_TERMS.encode())

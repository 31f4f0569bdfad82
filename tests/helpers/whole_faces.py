"""A parser to which all of a picture is face, which of drawn ones is easier to know."""

import numpy as np

from ffhq_wrinkle.faces.labels import FaceParser


class WholeFace(FaceParser):
    name = "whole"
    note = "all of the picture"

    def prepare(self, image, image_id):
        return np.ones((512, 512), np.uint8)

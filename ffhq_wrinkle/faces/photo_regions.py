"""Photo regions: the regions of the faces in a photo, by the face mesh alone."""

import numpy as np

from .mesh import MeshFinder
from .mesh_parser import faces_labels, trusted_faces
from .regions import region_map


class RegionFinder:
    """Finds the regions of the faces in photos; many threads may use it at once."""

    def __init__(self) -> None:
        self._finder = MeshFinder()

    def find(self, photo: np.ndarray) -> np.ndarray | None:
        """Return the regions of a photo, RGB uint8 (H, W, 3).

        Returns
        -------
        np.ndarray or None
            uint8 (512, 512), as `regions.region_map`, on the skin that the parser `mesh` finds.
            None without a face whose mesh can be trusted.
        """
        faces = trusted_faces(self._finder.find(photo))
        if not faces:
            return None
        height, width = photo.shape[:2]
        return region_map((height, width), faces, faces_labels(faces, photo))

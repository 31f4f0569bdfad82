"""Shard index: where the images of a mirror's tar files are, as far as these have been read.

The index is a hidden file in the data set. With it, a later run reads a tar file from the first
member that it needs, and does not read files again that lack what it needs.
"""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ..storage.writing import write_bytes


@dataclass
class Shard:
    """The known facts of a tar file.

    Attributes
    ----------
    first : str
        Id of its first image; empty if it is not known.
    starts : dict of str to int
        Where the header of each image begins, by id.
    read_to : int
        Where the header of the first member that has not been seen begins.
    is_whole : bool
        Whether all members have been seen.
    """

    first: str = ""
    starts: dict[str, int] = field(default_factory=dict)
    read_to: int = 0
    is_whole: bool = False

    def add(self, image_id: str, start: int) -> None:
        """Enter an image; the first of several with the same id counts."""
        self.starts.setdefault(image_id, start)


class ShardIndex:
    """The shards of one revision of a mirror.

    Parameters
    ----------
    path : Path
        The file. One of another revision, or that cannot be read, is replaced.
    revision : str
        The revision.
    """

    def __init__(self, path: Path, revision: str) -> None:
        self.path = path
        self.revision = revision
        self.shards: dict[str, Shard] = {}
        try:
            content = json.loads(path.read_bytes())
            if content["revision"] == revision:
                self.shards = {name: Shard(**known) for name, known in content["shards"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            pass  # it is made again, at the cost of reading

    def save(self) -> None:
        """Write the file.

        Raises
        ------
        OutputError
            It cannot be written.
        """
        shards = {name: asdict(shard) for name, shard in self.shards.items()}
        content = {"revision": self.revision, "shards": shards}
        write_bytes(self.path, (json.dumps(content) + "\n").encode())

    def place(self, image_id: str) -> str | None:
        """Return the shard in which an image is known to be, or None."""
        known = (name for name, shard in self.shards.items() if image_id in shard.starts)
        return next(known, None)

    def guess(self, image_id: str) -> str | None:
        """Return the shard that an image is in if images are in order; None if none is left.

        It is the one with the largest first id that is not larger than the image's.
        """
        candidates = [
            (shard.first, name)
            for name, shard in self.shards.items()
            if shard.first and shard.first <= image_id
        ]
        name = max(candidates)[1] if candidates else None
        return name if name and not self.shards[name].is_whole else None

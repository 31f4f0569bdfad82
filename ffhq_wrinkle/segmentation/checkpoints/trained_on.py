"""Trained on: the images that a network has learned from, on which its scores mean little.

A checkpoint has a hash of each id, from which the ids cannot be read.
"""

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import torch

from ...dataset.ids import is_ffhq_id, official_test_ids

_BYTES = 8  # of each hash; two of a million ids then have the same one once in 10**7 data sets


@dataclass(frozen=True)
class TrainedOn:
    """The images that a network was trained on.

    Attributes
    ----------
    hashes : frozenset of int
        Hashes of their ids.
    published : bool
        Whether it is a published network, which was trained on images that have a human mask and
        are not official test images.
    """

    hashes: frozenset[int] = frozenset()
    published: bool = False

    def among(
        self, image_ids: Iterable[str], *, masked: Collection[str] | None = None
    ) -> list[str]:
        """Return the ids of images that the network was trained on, in order.

        Parameters
        ----------
        image_ids : iterable of str
        masked : collection of str, optional
            Images that have a human mask; all if not given. It matters for published networks.
        """
        if self.published:
            test = set(official_test_ids())
            return sorted(
                image_id
                for image_id in image_ids
                if is_ffhq_id(image_id)
                and image_id not in test
                and (masked is None or image_id in masked)
            )
        return sorted(image_id for image_id in image_ids if id_hash(image_id) in self.hashes)


def id_hash(image_id: str) -> int:
    """Return a hash of an id, a signed number of 64 bits."""
    digest = hashlib.sha256(image_id.encode("utf-8", "surrogateescape")).digest()
    return int.from_bytes(digest[:_BYTES], signed=True)


def id_hashes(image_ids: Iterable[str]) -> torch.Tensor:
    """Return the hashes of ids as a checkpoint holds them: int64, (N,), sorted."""
    return torch.tensor(sorted(map(id_hash, image_ids)), dtype=torch.int64)


def ids_sha256(image_ids: Iterable[str]) -> str:
    """Return a hash of a set of ids: SHA-256 of the sorted ids, each with a line break."""
    text = "".join(f"{image_id}\n" for image_id in sorted(image_ids))
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()

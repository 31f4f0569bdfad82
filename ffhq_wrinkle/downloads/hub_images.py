"""Hub images: a mirror of FFHQ's photographs on the Hugging Face hub."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..dataset.reachability import Reachability
from ..errors import SourceError, TransferFailure
from .metadata import ImageFacts
from .transfer import Patience
from .verification import Expected
from .wanted_files import PART_SIZE, ImageSource, WantedFile, expected_image, place_of

_BATCH = 500  # ids in one query
_ATTEMPTS = 5
_TIMEOUT_S = (20, 60)  # for a connection, and for an answer


def hub_endpoint() -> str:
    """Return the address of the hub: `HF_ENDPOINT`, or the library's own."""
    from huggingface_hub import constants

    # The hub's library reads this only when it is imported, and a caller can set it later.
    return (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")


def hub_headers(token: str | None) -> dict[str, str]:
    """Return the headers of requests to the hub, with a token if there is one."""
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    return {key: str(value) for key, value in build_hf_headers(token=token).items()}


class HubImages(ImageSource):
    """A mirror on the Hugging Face hub, at a pinned revision.

    Parameters
    ----------
    entry : mapping
        The table ``ffhq-images`` of `sources.toml`, which names the mirror.
    facts : mapping of str to ImageFacts
        FFHQ's metadata by image id, if it is present.
    side : int
        Height and width of the images.
    patience : Patience
        How long to wait before the hub is asked again.
    reachability : Reachability
        Knowledge of hosts, so that the hub is tried once.
    """

    name = "huggingface"

    def __init__(
        self,
        entry: Mapping[str, Any],
        facts: Mapping[str, ImageFacts],
        side: int,
        patience: Patience,
        reachability: Reachability,
    ) -> None:
        self.repository, self.revision = entry["huggingface"], entry["revision"]
        self.path = entry["path"]
        self.facts, self.side, self.patience = facts, side, patience
        self._reachability = reachability
        self.endpoint = hub_endpoint()
        self.token = os.environ.get("HF_TOKEN") or None

    def files(self, image_ids: Sequence[str]) -> Iterator[WantedFile]:
        """Yield the files, after querying their sizes and SHA-256 in batches."""
        from huggingface_hub import hf_hub_url

        headers = hub_headers(self.token)
        for start in range(0, len(image_ids), _BATCH):
            paths = {
                self.path.format(part=int(image_id) // PART_SIZE + 1, image_id=image_id): image_id
                for image_id in image_ids[start : start + _BATCH]
            }
            entries = self._query(list(paths), headers)
            for path, image_id in paths.items():
                entry = entries.get(path)
                if entry is None:
                    missing = f"{self.repository} has no {path} at revision {self.revision}"
                    failure = TransferFailure("not found", missing, lasting=True)
                    expected = Expected(side=self.side)
                    yield WantedFile(place_of(image_id), self.name, expected, failure=failure)
                    continue
                expected = expected_image(image_id, self.facts, self.side)
                if entry.get("lfs"):
                    lfs = entry["lfs"]
                    expected = replace(expected, size=lfs["size"], sha256=lfs["oid"])
                url = hf_hub_url(
                    self.repository,
                    path,
                    repo_type="dataset",
                    revision=self.revision,
                    endpoint=self.endpoint,
                )
                yield WantedFile(place_of(image_id), self.name, expected, url, headers)

    def _query(self, paths: list[str], headers: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """Return the hub's entries of files by path, with size and hash; missing files have none.

        This uses requests. The hub's library passes on the errors of its HTTP library, which
        depends on its version, so a lost connection could not be told from a bug.
        """
        import requests

        trouble = self._reachability.trouble(self.endpoint)
        if trouble:
            raise self._unlisted(f"no connection: {trouble}")
        url = f"{self.endpoint}/api/datasets/{self.repository}/paths-info/{self.revision}"
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                with requests.post(
                    url, data={"paths": paths}, headers=dict(headers), timeout=_TIMEOUT_S
                ) as response:
                    response.raise_for_status()
                    return {entry["path"]: entry for entry in response.json()}
            except (requests.RequestException, ValueError, KeyError, TypeError) as error:
                status = getattr(getattr(error, "response", None), "status_code", None)
                if attempt == _ATTEMPTS or status in (401, 403, 404):
                    cause = "no connection" if status is None else f"status {status}"
                    raise self._unlisted(cause) from error
                time.sleep(self.patience.first_wait_s * 2.0 ** (attempt - 1))
        raise AssertionError("unreachable")

    def _unlisted(self, cause: str) -> SourceError:
        return SourceError(
            f"the files of the mirror {self.repository} at {self.endpoint} cannot be listed "
            f"({cause}). Try again later, or use a different --source, such as a folder"
        )

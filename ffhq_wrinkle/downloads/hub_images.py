"""Hub images: a mirror of FFHQ's photographs on the Hugging Face hub, as an `ImageSource`."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import SourceError, TransferFailure
from .metadata import ImageFacts
from .verification import Expected
from .wanted import PART_SIZE, ImageSource, Wanted, expected_image, place_of

_BATCH = 500  # ids that a mirror is asked about at once
_ASK_TIMES = 5
_ASK_TIMEOUT_S = (20, 60)  # for a connection, and for an answer


class HuggingFaceImages(ImageSource):
    """A mirror on the Hugging Face hub, at a pinned revision."""

    name = "huggingface"

    def __init__(
        self, entry: Mapping[str, Any], facts: Mapping[str, ImageFacts], side: int
    ) -> None:
        self.repository, self.revision = entry["huggingface"], entry["revision"]
        self.path = entry["path"]
        self.facts, self.side = facts, side
        from huggingface_hub import constants

        # Read here, for the hub's library reads them once, when it is imported.
        self.endpoint = (os.environ.get("HF_ENDPOINT") or constants.ENDPOINT).rstrip("/")
        self.token = os.environ.get("HF_TOKEN") or None

    def wanted(self, image_ids: Sequence[str]) -> Iterator[Wanted]:
        """Ask the hub for size and SHA-256 of many files at a time."""
        from huggingface_hub import hf_hub_url
        from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

        headers = {key: str(value) for key, value in build_hf_headers(token=self.token).items()}
        for start in range(0, len(image_ids), _BATCH):
            paths = {
                self.path.format(part=int(one) // PART_SIZE + 1, image_id=one): one
                for one in image_ids[start : start + _BATCH]
            }
            known = self._ask(list(paths), headers)
            for path, image_id in paths.items():
                file = known.get(path)
                if file is None:
                    missing = f"{self.repository} has no {path} at revision {self.revision}"
                    failure = TransferFailure("not found", missing, lasting=True)
                    nothing = Expected(side=self.side)
                    yield Wanted(place_of(image_id), self.name, nothing, failure=failure)
                    continue
                expected = expected_image(image_id, self.facts, self.side)
                if file.get("lfs"):
                    lfs = file["lfs"]
                    expected = replace(expected, size=lfs["size"], sha256=lfs["oid"])
                url = hf_hub_url(
                    self.repository,
                    path,
                    repo_type="dataset",
                    revision=self.revision,
                    endpoint=self.endpoint,
                )
                yield Wanted(place_of(image_id), self.name, expected, url, headers)

    def _ask(self, paths: list[str], headers: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """Size and hash of files, by path; those that are not there are left out.

        Asked with requests, since the hub's library raises what its own HTTP library of the day
        does, by which a lost connection could not be told from a bug.
        """
        import requests

        url = f"{self.endpoint}/api/datasets/{self.repository}/paths-info/{self.revision}"
        for attempt in range(1, _ASK_TIMES + 1):
            try:
                with requests.post(
                    url, data={"paths": paths}, headers=dict(headers), timeout=_ASK_TIMEOUT_S
                ) as response:
                    response.raise_for_status()
                    return {one["path"]: one for one in response.json()}
            except (requests.RequestException, ValueError, KeyError, TypeError) as error:
                status = getattr(getattr(error, "response", None), "status_code", None)
                if attempt == _ASK_TIMES or status in (401, 403, 404):
                    cause = "no connection" if status is None else f"status {status}"
                    raise SourceError(
                        f"the mirror {self.repository} at {self.endpoint} can not be asked for its "
                        f"files ({cause}). Try again later, or use another --source"
                    ) from error
                time.sleep(2.0 ** (attempt - 1))
        raise AssertionError("unreachable")

"""Race model: DeepFace's network that guesses race/ethnicity, run by ONNX Runtime.

DeepFace (MIT) is the extra `demographics`. Of it only the network and what prepares faces for it
are loaded: as a whole it takes PyTorch where that is installed, which wants other weights, silences
all warnings of the process, and makes folders.
"""

import contextlib
import logging
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import SourceError
from ..storage.writing import sha256_of
from .groups import RACES

log = logging.getLogger(__name__)

_FILE = "race_model_single_batch.onnx"
_SIDE = 224
_INSTALL = "pip install 'ffhq-wrinkle[demographics]'"


def weights_path() -> Path:
    """Where DeepFace looks for the weights: below `DEEPFACE_HOME`, or the user's home folder."""
    home = os.environ.get("DEEPFACE_HOME") or Path.home()
    return Path(home) / ".deepface" / "weights" / _FILE


class RaceModel:
    """DeepFace's race/ethnicity network.

    Attributes
    ----------
    version : str
        DeepFace's.
    weights_sha256 : str
        SHA-256 of the weights' file. None is published to hold it against.
    one_by_one : bool
        Whether the graph takes one image at a time only.
    provider : str
        What ONNX Runtime computes on, such as ``CPUExecutionProvider``.

    Raises
    ------
    SourceError
        DeepFace is not installed, or its weights are not there and can not be fetched, or are
        something else.
    """

    def __init__(self) -> None:
        os.environ.setdefault("DEEPFACE_LOG_LEVEL", str(logging.CRITICAL))
        try:
            import deepface
            from deepface.models.demography.DemographyUtils import RACE_LABELS
            from deepface.models.demography.onnx import Race
            from deepface.modules import detection, preprocessing
        except ImportError as error:
            raise SourceError(f"DeepFace can not be loaded ({error}): {_INSTALL}") from error
        self.version: str = deepface.__version__
        self._extract: Any = detection.extract_faces
        self._resize: Any = preprocessing.resize_image
        self._order = [RACE_LABELS.index(name) for name in RACES]
        self._client = _client(Race)
        self.weights_sha256 = sha256_of(weights_path())
        session = self._client.model
        self.provider: str = session.get_providers()[0]
        self.one_by_one = session.get_inputs()[0].shape[0] == 1
        self._require_race_model()
        log.info("DeepFace %s estimates on %s", self.version, self.provider)

    def __reduce__(self) -> tuple[object, ...]:
        """What makes it anew in another process, from the weights there."""
        return _remade, (self.version, self.weights_sha256)

    def _require_race_model(self) -> None:
        """Refuse a graph that does not take a face and give six numbers."""
        try:
            shape = np.shape(self._client.predict(np.zeros((1, _SIDE, _SIDE, 3), np.float32)))
        except Exception as error:  # ONNX Runtime's errors have no base but this
            raise SourceError(
                f"{weights_path()} is not DeepFace's race model: it takes no image of "
                f"{_SIDE}x{_SIDE}"
            ) from error
        if shape != (len(RACES),):
            raise SourceError(
                f"{weights_path()} is not DeepFace's race model: it gives {shape} for "
                f"{len(RACES)} numbers"
            )

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """What the network takes of an image that shows one face and little else.

        As `DeepFace.analyze` with ``detector_backend="skip"``; several threads may do so.

        Parameters
        ----------
        image : np.ndarray
            RGB uint8 (H, W, 3).

        Returns
        -------
        np.ndarray
            float32 (224, 224, 3), BGR, 0..1, with black bars if it is not square.
        """
        (face,) = self._extract(np.ascontiguousarray(image[:, :, ::-1]), detector_backend="skip")
        return self._resize(face["face"][:, :, ::-1], (_SIDE, _SIDE))[0]

    def probabilities(self, prepared: Sequence[np.ndarray]) -> np.ndarray:
        """Guess race/ethnicity.

        Parameters
        ----------
        prepared : sequence of np.ndarray
            As `prepare` gives them.

        Returns
        -------
        np.ndarray
            float64 (B, 6), in the order of `groups.RACES`; a row adds up to 1, or is NaN where the
            network gives no usable answer.
        """
        step = 1 if self.one_by_one else len(prepared)
        answers = [
            np.atleast_2d(self._client.predict(np.stack(prepared[start : start + step])))
            for start in range(0, len(prepared), step)
        ]
        raw = np.concatenate(answers).astype(np.float64)
        total = raw.sum(axis=1, keepdims=True)
        usable = np.isfinite(raw).all(axis=1, keepdims=True) & (raw.min(axis=1) >= 0)[:, None]
        undefined = np.full(raw.shape, np.nan)
        shares: np.ndarray = np.divide(raw, total, out=undefined, where=usable & (total > 0))
        return shares[:, self._order]


def _remade(version: str, sha256: str) -> RaceModel:
    """The model in a worker, which has to be that of the run."""
    host = platform.node()
    # Two workers of a machine would fetch into one file.
    if not weights_path().is_file():
        raise SourceError(
            f"{weights_path()} is not on {host}; put the run's file there, or have DEEPFACE_HOME "
            "name a folder that all workers see"
        )
    model = RaceModel()
    if (model.version, model.weights_sha256) != (version, sha256):
        raise SourceError(
            f"{host} has DeepFace {model.version} with weights of SHA-256 {model.weights_sha256}, "
            f"and not {version} with {sha256} as where the run began; all workers need the same"
        )
    return model


def _client(module: Any) -> Any:  # noqa: ANN401 - it has no types
    """DeepFace's network, whose weights it fetches if they are not there."""
    place = weights_path()
    try:
        if not place.is_file():
            log.info("DeepFace fetches %s", _FILE)
            place.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for results
            return module.RaceClient()
    except (ValueError, OSError) as error:
        if "DEEPFACE_ONNX_PROVIDERS" in str(error):
            raise SourceError(f"DeepFace: {error}") from error
        if place.is_file():
            raise SourceError(
                f"{place} is damaged or no ONNX graph; delete it, and it is fetched again"
            ) from error
        raise SourceError(
            f"DeepFace's weights can not be fetched. Put {_FILE} from {module.WEIGHTS_URL[0]} into "
            f"{place.parent}; or have DEEPFACE_HOME name a folder with "
            f"{place.relative_to(place.parents[2])} in it"
        ) from error

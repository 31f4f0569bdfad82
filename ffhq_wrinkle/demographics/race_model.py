"""Race model: DeepFace's network for guessing race/ethnicity, run by ONNX Runtime.

DeepFace (MIT) is the extra `demographics`. Only its network and its preparation of faces are
loaded. As a whole, DeepFace selects PyTorch if that is installed, which needs different weights. It
also silences all warnings of the process and creates folders.
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

from ..dataset.reachability import Reachability
from ..errors import SourceError
from ..storage.writing import sha256_of
from .groups import RACES

log = logging.getLogger(__name__)

_FILE = "race_model_single_batch.onnx"
_SIDE = 224
_INSTALL = "pip install 'ffhq-wrinkle[demographics]'"


def weights_path() -> Path:
    """Return DeepFace's path of the weights, below `DEEPFACE_HOME` or the user's home folder."""
    home = os.environ.get("DEEPFACE_HOME") or Path.home()
    return Path(home) / ".deepface" / "weights" / _FILE


class RaceModel:
    """DeepFace's race/ethnicity network.

    Attributes
    ----------
    version : str
        Version of DeepFace.
    weights_sha256 : str
        SHA-256 of the file of weights. No published hash exists to compare it with.
    one_by_one : bool
        Whether the graph accepts only one image at a time.
    provider : str
        Execution provider of ONNX Runtime, such as ``CPUExecutionProvider``.

    Raises
    ------
    SourceError
        DeepFace is not installed, or its weights are missing and cannot be downloaded, or the file
        is not its race model.
    """

    def __init__(self) -> None:
        os.environ.setdefault("DEEPFACE_LOG_LEVEL", str(logging.CRITICAL))
        try:
            import deepface
            from deepface.models.demography.DemographyUtils import RACE_LABELS
            from deepface.models.demography.onnx import Race
            from deepface.modules import detection, preprocessing
        except ImportError as error:
            raise SourceError(f"DeepFace cannot be loaded ({error}): {_INSTALL}") from error
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
        log.info("DeepFace %s runs on %s", self.version, self.provider)

    def __reduce__(self) -> tuple[object, ...]:
        """Return how to load the model in another process, from the weights there."""
        return _model_in_worker, (self.version, self.weights_sha256)

    def _require_race_model(self) -> None:
        """Raise an error unless the graph maps a face to six numbers."""
        try:
            shape = np.shape(self._client.predict(np.zeros((1, _SIDE, _SIDE, 3), np.float32)))
        except Exception as error:  # the only common base class of ONNX Runtime's errors
            raise SourceError(
                f"{weights_path()} is not DeepFace's race model: it does not accept an image of "
                f"{_SIDE}x{_SIDE}"
            ) from error
        if shape != (len(RACES),):
            raise SourceError(
                f"{weights_path()} is not DeepFace's race model: its output has the shape {shape} "
                f"instead of {(len(RACES),)}"
            )

    def prepare(self, image: np.ndarray) -> np.ndarray:
        """Return the network's input for an image that shows one face and little else.

        The input is that of `DeepFace.analyze` with ``detector_backend="skip"``. Several threads
        can call this at once.

        Parameters
        ----------
        image : np.ndarray
            RGB uint8 (H, W, 3).

        Returns
        -------
        np.ndarray
            float32 (224, 224, 3), BGR, 0..1, with black bars if the image is not square.
        """
        (face,) = self._extract(np.ascontiguousarray(image[:, :, ::-1]), detector_backend="skip")
        return self._resize(face["face"][:, :, ::-1], (_SIDE, _SIDE))[0]

    def probabilities(self, prepared: Sequence[np.ndarray]) -> np.ndarray:
        """Return the network's guesses of race/ethnicity.

        Parameters
        ----------
        prepared : sequence of np.ndarray
            Images as `prepare` returns them.

        Returns
        -------
        np.ndarray
            float64 (B, 6), in the order of `groups.RACES`. Each row sums to 1, or is NaN if the
            network returns no usable output.
        """
        step = 1 if self.one_by_one else len(prepared)
        outputs = [
            np.atleast_2d(self._client.predict(np.stack(prepared[start : start + step])))
            for start in range(0, len(prepared), step)
        ]
        raw = np.concatenate(outputs).astype(np.float64)
        total = raw.sum(axis=1, keepdims=True)
        usable = np.isfinite(raw).all(axis=1, keepdims=True) & (raw.min(axis=1) >= 0)[:, None]
        undefined = np.full(raw.shape, np.nan)
        shares: np.ndarray = np.divide(raw, total, out=undefined, where=usable & (total > 0))
        return shares[:, self._order]


def _model_in_worker(version: str, sha256: str) -> RaceModel:
    """Load the model in a worker, and require it to be the model of the run."""
    host = platform.node()
    # If the weights are missing, two workers of one machine would download into the same file.
    if not weights_path().is_file():
        raise SourceError(
            f"{weights_path()} is missing on {host}; copy the file of the run to it, or set "
            "DEEPFACE_HOME to a folder that all workers see"
        )
    model = RaceModel()
    if (model.version, model.weights_sha256) != (version, sha256):
        raise SourceError(
            f"{host} has DeepFace {model.version} with weights of SHA-256 {model.weights_sha256}, "
            f"but the run started with {version} and {sha256}; all workers need the same"
        )
    return model


def _client(module: Any) -> Any:  # noqa: ANN401 - it has no types
    """Load DeepFace's network; DeepFace downloads its weights if they are missing."""
    path = weights_path()
    advice = (
        f"Put {_FILE} from {module.WEIGHTS_URL[0]} into {path.parent}, or set DEEPFACE_HOME to a "
        f"folder that contains {path.relative_to(path.parents[2])}"
    )
    if not path.is_file():
        _require_reachable(module.WEIGHTS_URL, advice)
    try:
        if not path.is_file():
            log.info("DeepFace downloads %s", _FILE)
            path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.redirect_stdout(sys.stderr):  # stdout is for results only
            return module.RaceClient()
    except (ValueError, OSError) as error:
        if "DEEPFACE_ONNX_PROVIDERS" in str(error):
            raise SourceError(f"DeepFace: {error}") from error
        if path.is_file():
            raise SourceError(
                f"{path} is damaged or not an ONNX graph; delete it to have it downloaded again"
            ) from error
        raise SourceError(f"DeepFace's weights cannot be downloaded. {advice}") from error


def _require_reachable(addresses: Sequence[str], advice: str) -> None:
    """Refuse a download whose hosts cannot be reached, which DeepFace would try for minutes.

    Raises
    ------
    SourceError
        No host accepts a connection.
    """
    reachability = Reachability()
    troubles = [reachability.trouble(address) for address in addresses]
    if all(troubles):
        raise SourceError(f"DeepFace's weights cannot be downloaded: {troubles[0]}. {advice}")

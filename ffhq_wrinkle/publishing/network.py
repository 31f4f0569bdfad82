"""Network: the best network of a training run as safetensors with a model card."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import ArgumentError
from ..results.tabular import Tabular
from ..segmentation.checkpoints.model_record import MODEL, read_model_record
from ..segmentation.checkpoints.official import checkpoint_path
from ..storage.writing import write_bytes
from .cards.dataset_card import CARD
from .cards.model_card import model_card
from .publication import Publication

if TYPE_CHECKING:
    import pandas as pd

CONFIG, WEIGHTS = "config.json", "model.safetensors"
_TITLE = "Facial wrinkle segmentation"
_FFHQ = "cc-by-nc-sa-4.0"


@dataclass(frozen=True, kw_only=True, repr=False)
class NetworkReport(Tabular):
    """The outcome: the folder, the checkpoint, and whether the folder held it already."""

    out: Path
    checkpoint: Path
    kept: bool = False

    def summary(self) -> str:
        """Return the outcome in one line."""
        if self.kept:
            return f"{self.out} already holds the network of {self.checkpoint}; nothing has changed"
        return f"the network of {self.checkpoint} published in {self.out}"

    def to_frame(self) -> "pd.DataFrame":
        """Return the paths as a pandas DataFrame of one row."""
        import pandas as pd

        return pd.DataFrame([[str(self.checkpoint), str(self.out)]], columns=["checkpoint", "out"])


def is_run(path: Path) -> bool:
    """Return whether a path is a folder of `train`, or the folder of one of its stages."""
    return path.is_dir() and ((path / "config.toml").is_file() or (path / "best.pt").is_file())


def publish_network(
    run: Path,
    out: Path,
    *,
    title: str | None = None,
    licence: str | None = None,
    overwrite: bool = False,
) -> NetworkReport:
    """Publish the best network of a run.

    Parameters
    ----------
    run : Path
        Folder of `train`.
    out : Path
        The published folder, which appears when it is complete.
    title : str, optional
        Name of the network.
    licence : str, optional
        Licence of the weights; that of FFHQ if the network was trained on FFHQ's images, and
        otherwise "other".
    overwrite : bool
        Replace a folder that was published with different settings.

    Returns
    -------
    NetworkReport

    Raises
    ------
    ArgumentError
        safetensors is not installed, or the run has no network, or one without its `model.json`.
    SourceError
        The checkpoint cannot be read.
    OutputError
        As in `publication.Publication`.
    """
    # These load PyTorch, which data sets do not need.
    from ..segmentation.checkpoints.checkpoint import load_checkpoint
    from ..segmentation.networks.catalogue import described

    try:
        from safetensors.torch import save
    except ImportError as error:
        raise ArgumentError(
            "networks are published with safetensors: pip install 'ffhq-wrinkle[publish]'"
        ) from error
    best = checkpoint_path(str(run))
    record = read_model_record(best)
    if record is None:
        raise ArgumentError(
            f"{best.with_name(MODEL)} is missing or of another checkpoint; the command that "
            "trained the run writes it when it is repeated"
        )
    trained_on_ffhq = "FFHQ" in record["data"]["source_and_licence"]
    licence = licence or (_FFHQ if trained_on_ffhq else "other")
    settings = {
        "checkpoint": record["checkpoint"]["sha256"],
        "record": record,
        "title": title or _TITLE,
        "licence": licence,
    }
    contents = {CONFIG, WEIGHTS, MODEL, CARD}
    with Publication(out, settings, contents=contents, overwrite=overwrite) as publication:
        if publication.is_done:
            return NetworkReport(out=out, checkpoint=best, kept=True)
        checkpoint = load_checkpoint(best)
        state = checkpoint.model.state_dict()
        kind = described(state, recorded=checkpoint.network)
        config = {
            "create_model": {
                "name": kind.network,
                "in_channels": kind.in_channels,
                "out_channels": kind.out_channels,
                "features": kind.features,
            },
            "texture": record["texture"],
            "face_side": record["face_side"],
        }
        card = model_card(record, title=title or _TITLE, licence=licence)
        # safetensors requires that each has memory of its own.
        weights = {name: value.detach().clone().contiguous() for name, value in state.items()}
        about = {"format": "pt", "checkpoint_sha256": checkpoint.sha256}
        folder = publication.folder
        write_bytes(folder / WEIGHTS, save(weights, about))
        write_bytes(folder / CONFIG, _json_bytes(config))
        write_bytes(folder / MODEL, _json_bytes(record))
        write_bytes(folder / CARD, card.encode("utf-8", "backslashreplace"))
        publication.finish({"command": "publish", "title": title or _TITLE, "licence": licence})
    return NetworkReport(out=out, checkpoint=best)


def _json_bytes(content: object) -> bytes:
    return (json.dumps(content, indent=2) + "\n").encode()

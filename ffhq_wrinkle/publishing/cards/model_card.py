"""Model card: what a reader of a published network must know, as README.md.

Every number comes from `model.json`, which training wrote.
"""

from collections.abc import Mapping
from typing import Any

from tabulate import tabulate

from ... import __version__
from ...errors import counted

_NOT_FOR = (
    "To judge, select, identify or address a person.",
    "Medical decisions. The network was trained on drawings, not on findings.",
    "Claims about groups of people that are rare in its training data.",
    "Scores on images that it was trained on. `ffhq-wrinkle predict` and `evaluate` warn of them.",
)
_LOADING = """\
```python
import json
from pathlib import Path

import ffhq_wrinkle as fw
from safetensors.torch import load_file

folder = Path("FOLDER")
config = json.loads((folder / "config.json").read_text())
network = fw.create_model(**config["create_model"])
network.load_state_dict(load_file(folder / "model.safetensors"))
network.eval()
```"""
_MEASURES = {"jsi": "Jaccard index (JSI)", "f1": "F1", "accuracy": "accuracy"}


def model_card(record: Mapping[str, Any], *, title: str, licence: str) -> str:
    """Return the card as Markdown, with metadata in YAML at its beginning.

    Parameters
    ----------
    record : mapping
        The content of `model.json`.
    title : str
        Name of the network.
    licence : str
        Licence of the weights.
    """
    from huggingface_hub import EvalResult, ModelCardData

    scores = [row for row in record["scores"] or [] if _is_shown(row)]
    results = [
        EvalResult(
            task_type="image-segmentation",
            dataset_type="facial-wrinkles",
            dataset_name="test part of the training data",
            metric_type=row["measure"],
            metric_name=f"{_MEASURES[row['measure']]}, {row['aggregate']}",
            metric_value=row["value"],
        )
        for row in scores
    ]
    head = ModelCardData(
        model_name=title,
        license=licence,
        library_name="ffhq-wrinkle",
        pipeline_tag="image-segmentation",
        tags=["wrinkle", "face", "dermatology", "segmentation"],
        eval_results=results or None,
    ).to_yaml()
    sections = [
        f"# {title}",
        _summary(record),
        f"## Loading\n\n{_LOADING}\n\n{_inputs(record)}",
        f"## Scores\n\n{_scores(scores)}",
        f"## Training\n\n{_training(record)}",
        "## Improper uses\n\n" + "\n".join(f"- {text}" for text in _NOT_FOR),
        f"## Licence\n\nWeights: `{licence}`. Training data: "
        f"{record['data']['source_and_licence']}. Initial weights: "
        f"{record['initial_weights']['from']}; licence: {record['initial_weights']['licence']}.",
        f"Written by `ffhq-wrinkle publish` {__version__} from `model.json`.",
    ]
    return f"---\n{head}\n---\n\n" + "\n\n".join(sections) + "\n"


def _is_shown(row: Mapping[str, Any]) -> bool:
    exact = row["tolerance_px"] is None and row["value"] is not None
    return exact and row["measure"] in _MEASURES


def _summary(record: Mapping[str, Any]) -> str:
    return (
        f"A network `{record['network']}` with {record['parameters']:,} parameters that segments "
        f"facial wrinkles, trained with the recipe `{record['recipe']['name']}`."
    )


def _inputs(record: Mapping[str, Any]) -> str:
    texture = record["texture"]
    if record["in_channels"] == 3:
        channels = "the RGB image"
    else:
        channels = "the RGB image inside the face, and its texture map"
        if texture:
            channels += (
                f" by the formula `{texture['recipe']}` (kernel {texture['kernel_size']}, sigma "
                f"{texture['sigma']:g})"
            )
    return (
        f"Input: {channels}, each value v as v / 255 * 2 - 1. Faces in training had "
        f"{record['face_side']} pixels a side. Output: logits of background and wrinkle."
    )


def _scores(scores: list[Mapping[str, Any]]) -> str:
    if not scores:
        return "Not measured on a test part."
    rows = [
        [
            _MEASURES[row["measure"]],
            row["aggregate"],
            f"{row['value']:.4f}",
            "" if row["low"] is None else f"[{row['low']:.4f}, {row['high']:.4f}]",
        ]
        for row in scores
    ]
    header = ["measure", "over", "value", "95 % interval"]
    images = counted(max(row["images"] for row in scores), "image")
    table = tabulate(rows, header, tablefmt="github", disable_numparse=True)
    return f"On the test part, {images} that the network was not trained on.\n\n{table}"


def _training(record: Mapping[str, Any]) -> str:
    data = record["data"]
    rows = [
        ["images trained on", f"{data['trained_on']['images']:,}"],
        ["images that chose the epoch", f"{data['chosen_by']['images']:,}"],
        ["SHA-256 of the ids trained on", data["trained_on"]["ids_sha256"]],
        ["SHA-256 of the data", data["sha256"]],
        ["SHA-256 of the checkpoint", record["checkpoint"]["sha256"]],
        *([name, version] for name, version in record["versions"].items()),
    ]
    return tabulate(rows, ["what", "value"], tablefmt="github", disable_numparse=True)

"""Dataset card: what a reader of a published data set must know, as README.md.

Every number comes from a `Facts`, and so from a record of the command that measured it.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tabulate import tabulate

from ... import __version__
from ...errors import counted
from ..facts import Facts, Figure, GroupTotal, licence_address

if TYPE_CHECKING:
    from ..target import Target

CARD = "README.md"
_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
)
_KINDS = {"photographs": "photograph", "masks": "human mask", "weak_masks": "weak mask"}
_PARTS = {"train": "train", "val": "validation", "test": "test"}
_NOT_FOR = (
    "To judge, select, identify or address a person. A wrinkle mask is a detail of a face, and "
    "says nothing about anybody's age, health or character.",
    "Facial recognition, which FFHQ's authors ask that the photographs not be used for.",
    "Medical decisions. The masks were drawn for research on images, not as findings.",
    "Claims about groups of people that are rare in the data; see the demographics.",
    "Measuring how well a network does on images that it was trained on. Keep to the splits.",
)
_CITATION = """\
```bibtex
@inproceedings{moon2024facial,
  title = {Facial Wrinkle Segmentation for Cosmetic Dermatology: Pretraining with Texture
           Map-Based Weak Supervision},
  author = {Moon, Junho and Chung, Haejun and Jang, Ikbeom},
  booktitle = {ICPR},
  year = {2024},
  note = {arXiv:2408.10060}
}
```"""


def dataset_card(facts: Facts, target: "Target") -> str:
    """Return the card as Markdown, with metadata in YAML at its beginning."""
    from huggingface_hub import DatasetCardData

    head = DatasetCardData(**_metadata(facts), **target.card_data()).to_yaml()
    sections = "\n\n".join(_sections(facts, target))
    return f"---\n{head}\n---\n\n{sections}\n"


def _metadata(facts: Facts) -> dict[str, Any]:
    size = next((name for limit, name in _SIZES if facts.images < limit), "n>1M")
    # The records do not say whether annotators were experts.
    creators = ["other"] if facts.total("masks") or facts.annotators else []
    creators += ["machine-generated"] if facts.total("weak_masks") else []
    return {
        "pretty_name": facts.title,
        "license": facts.licence,
        "task_categories": ["image-segmentation"],
        "annotations_creators": creators,
        "size_categories": [size],
        "source_datasets": ["extended"],
        "tags": ["wrinkle", "face", "dermatology", "segmentation"],
    }


def _sections(facts: Facts, target: "Target") -> Iterator[str]:
    yield f"# {facts.title}"
    yield _summary(facts)
    yield f"## Loading\n\n{target.loading()}"
    yield f"## Contents\n\n{_contents(facts)}"
    yield f"## How it was made\n\n{_making(facts)}"
    yield f"## Agreement of annotators\n\n{_agreement(facts.agreement)}"
    yield f"## People in the data\n\n{_demographics(facts)}"
    yield "## Improper uses\n\n" + "\n".join(f"- {text}" for text in _NOT_FOR)
    yield f"## Licence\n\n{_licence(facts)}"
    yield f"## Citation\n\nFFHQ-Wrinkle, and the formula of weak masks:\n\n{_CITATION}"
    yield (
        f"Written by `ffhq-wrinkle publish` {__version__}. Its numbers are those of `publish.json` "
        "in this folder."
    )


def _summary(facts: Facts) -> str:
    kinds = [counted(facts.total(kind), noun) for kind, noun in _KINDS.items() if facts.total(kind)]
    kinds += [f"the single masks of {len(facts.annotators)} annotators"] if facts.annotators else []
    without = "" if facts.photographs else " It has no photographs."
    if facts.ffhq and not facts.photographs:
        without += " FFHQ's authors provide those, under their own terms, by the same ids."
    listed = f"{', '.join(kinds[:-1])} and {kinds[-1]}" if len(kinds) > 1 else kinds[0]
    text = (
        f"Masks of facial wrinkles for {counted(facts.images, 'photograph')} of faces: "
        f"{listed}.{without}"
    )
    if facts.ffhq:
        text += (
            '\n\n"FFHQ-Wrinkles" (Sanchez et al. 2022, arXiv:2211.01930) is a different data set '
            "of almost the same name as FFHQ-Wrinkle, for the removal of wrinkles."
        )
    return text


def _contents(facts: Facts) -> str:
    kinds = [kind for kind in ("images", *_KINDS) if facts.total(kind)]
    kinds += [f"mask_{name}" for name in facts.annotators]
    names = {"images": "images", **{kind: f"{noun}s" for kind, noun in _KINDS.items()}}
    rows = [
        [_PARTS[part], *(f"{counts.get(kind, 0):,}" for kind in kinds)]
        for part, counts in facts.counts.items()
    ]
    table = _table(["part", *(names.get(kind, kind) for kind in kinds)], rows)
    return f"{table}\n\nDivision into parts: {facts.split_by}."


def _making(facts: Facts) -> str:
    texts = []
    if facts.total("masks"):
        levels = (
            "shares of votes, from 0 (nobody) to 255 (everybody)"
            if facts.soft
            else "0 where there is no wrinkle and 255 where there is one"
        )
        texts.append(f"The levels of **human masks** are {levels}.")
        if facts.fusion:
            people = facts.fusion["annotators"]
            votes = facts.fusion.get("min_votes")
            needed = f", with at least {votes} votes" if votes else ""
            texts[-1] += (
                f" Each is the masks of {people} annotators, fused by the method "
                f"`{facts.fusion['method']}`{needed}."
            )
        else:
            texts[-1] += " How the masks of several people were fused is not recorded."
    if facts.annotators:
        texts.append(
            "**Masks of single annotators** are those that each person drew, by pseudonym: "
            f"{', '.join(facts.annotators)}."
        )
    if facts.total("weak_masks"):
        text = (
            "**Weak masks** are not drawn. They are the response of a filter inside the face, its "
            "levels from 0 to 255, to which hair, shadows and pores respond too."
        )
        if facts.texture:
            text += (
                f" The formula is `{facts.texture['recipe']}`, with a Gaussian kernel of "
                f"{facts.texture['kernel_size']} pixels and sigma {facts.texture['sigma']:g}."
            )
        else:
            text += " The formula is not recorded."
        texts.append(text)
    return "\n\n".join(texts)


def _agreement(figures: tuple[Figure, ...]) -> str:
    if not figures:
        return (
            "Not measured. `ffhq-wrinkle agreement` measures it, and `publish --agreement` adds it."
        )
    rows = [
        [figure.name, figure.aggregate, f"{figure.value:.4f}", _interval(figure)]
        for figure in figures
    ]
    images = max(figure.images for figure in figures)
    table = _table(["measure", "over", "value", "95 % interval"], rows)
    return (
        f"Averages over the pairs of annotators, for {images:,} images; Fleiss' kappa is that of "
        f"all together. Intervals are bootstrap intervals over images.\n\n{table}"
    )


def _demographics(facts: Facts) -> str:
    if not facts.demographics:
        return (
            "Not counted. `ffhq-wrinkle demographics` counts age, sex and race/ethnicity by labels "
            "that are guesses, and `publish --demographics` adds the totals."
        )
    several = len({total.set_name for total in facts.demographics}) > 1
    rows = [_demographic_row(total, several=several) for total in facts.demographics]
    header = ["variable", "group", "faces", "share", "95 % interval"]
    table = _table([*(["set"] if several else []), *header], rows)
    sources = "; ".join(facts.label_sources)
    return (
        "These labels are guesses about people who were not asked. Some are wrong, and the "
        "intervals do not account for that. They describe the set, never a person, and are given "
        f"in totals only. Shares are of the faces that have a label. Sources: {sources}.\n\n{table}"
    )


def _demographic_row(total: GroupTotal, *, several: bool) -> list[str]:
    share = "" if total.share is None else f"{100 * total.share:.1f} %"
    low, high = total.low, total.high
    interval = "" if low is None or high is None else f"[{100 * low:.1f}, {100 * high:.1f}]"
    row = [total.variable, total.group, f"{total.faces:,}", share, interval]
    return [total.set_name, *row] if several else row


def _licence(facts: Facts) -> str:
    address = licence_address(facts.licence)
    name = f"[{facts.licence}]({address})" if address else f"`{facts.licence}`"
    text = f"The data set is under {name}; see `LICENSE.txt`."
    if facts.photographs:
        text += (
            " Each photograph has an author and a licence of its own, which `attribution.csv` "
            "lists as far as they are known."
        )
    return text


def _interval(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f"[{figure.low:.4f}, {figure.high:.4f}]"


def _table(header: list[str], rows: list[list[str]]) -> str:
    return tabulate(rows, header, tablefmt="github", disable_numparse=True)

"""Croissant: the description of a data set that search engines and `mlcroissant` read.

References
----------
.. [1] Croissant Format Specification 1.1, and Croissant RAI 1.0. mlcommons.org/croissant
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ... import __version__
from ..facts import Facts, Figure, licence_address

CROISSANT = "croissant.json"
_FILES, _RECORDS = "parquet-files", "images"
# Prefixes and terms that the specification defines, under which it is valid without a warning.
_TERMS = (
    "arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field",
    "fileObject", "fileProperty", "fileSet", "format", "includes", "isArray", "isLiveDataset",
    "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex", "repeated",
    "replace", "samplingRate", "separator", "source", "subField", "transform",
)  # fmt: skip
_CONTEXT: dict[str, object] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    **{term: f"cr:{term}" for term in _TERMS},
}
_ABOUT = {
    "image": "The photograph.",
    "mask": "The human mask: levels above 0 are wrinkle.",
    "weak_mask": "The weak mask: the response of a filter inside the face, 0 to 255.",
}


class ShardFile(NamedTuple):
    """A parquet file: its path in the folder, its hash, and its size in bytes."""

    name: str
    sha256: str
    size: int


def croissant(facts: Facts, columns: Sequence[str], files: Sequence[ShardFile]) -> dict[str, Any]:
    """Return the description of a folder of parquet files.

    Parameters
    ----------
    facts : Facts
        The figures of the data set.
    columns : sequence of str
        The columns of pictures.
    files : sequence of ShardFile
        The files.
    """
    described = [
        {
            "@type": "cr:FileObject",
            "@id": file.name,
            "name": file.name,
            "contentUrl": file.name,
            "contentSize": f"{file.size} B",
            "encodingFormat": "application/x-parquet",
            "sha256": file.sha256,
        }
        for file in files
    ]
    # mlcroissant 1.1 reads the rows of several files only from a set that is in no file object.
    file_set = {
        "@type": "cr:FileSet",
        "@id": _FILES,
        "name": _FILES,
        "description": "All files of all splits.",
        "encodingFormat": "application/x-parquet",
        "includes": "data/*.parquet",
    }
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [
            "http://mlcommons.org/croissant/1.1",
            "http://mlcommons.org/croissant/RAI/1.0",
        ],
        "name": facts.title,
        "description": (
            f"Masks of facial wrinkles for {facts.images} photographs of faces. Written by "
            f"ffhq-wrinkle publish {__version__}."
        ),
        "license": licence_address(facts.licence) or facts.licence,
        "version": "1.0.0",
        "datePublished": datetime.now(UTC).date().isoformat(),
        "citeAs": (
            "Moon, Chung, Jang. Facial Wrinkle Segmentation for Cosmetic Dermatology: Pretraining "
            "with Texture Map-Based Weak Supervision. ICPR 2024, arXiv:2408.10060."
        ),
        "url": "https://arxiv.org/abs/2408.10060",
        **_responsibility(facts),
        "distribution": [*described, file_set],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": _RECORDS,
                "name": _RECORDS,
                "description": "One record for each image.",
                "key": {"@id": f"{_RECORDS}/image_id"},
                "field": [_id_field(), *map(_picture_field, columns)],
            }
        ],
    }


def _id_field() -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{_RECORDS}/image_id",
        "name": "image_id",
        "description": "The id of the image, as text: five digits for images of FFHQ.",
        "dataType": "sc:Text",
        "source": {"fileSet": {"@id": _FILES}, "extract": {"column": "image_id"}},
    }


def _picture_field(column: str) -> dict[str, Any]:
    annotator = column.removeprefix("mask_")
    return {
        "@type": "cr:Field",
        "@id": f"{_RECORDS}/{column}",
        "name": column,
        "description": _ABOUT.get(column, f"The mask that {annotator} drew: 255 is wrinkle."),
        "dataType": "sc:ImageObject",
        "source": {
            "fileSet": {"@id": _FILES},
            "extract": {"column": column},
            "transform": {"jsonPath": "bytes"},
        },
    }


def _responsibility(facts: Facts) -> dict[str, Any]:
    """Return the fields of the extension for responsible use."""
    people = facts.fusion.get("annotators") or len(facts.annotators)
    fields: dict[str, Any] = {
        "rai:dataCollection": (
            f"{'Photographs of FFHQ' if facts.ffhq else 'Photographs of faces'}, on which masks "
            "were drawn, or from which they were computed."
        ),
        "rai:personalSensitiveInformation": [
            "Photographs of faces." if facts.photographs else "Masks of faces, no photographs.",
            "Demographics in totals only." if facts.demographics else "No demographics.",
        ],
        "rai:annotatorDemographics": ["Not recorded."],
        "rai:dataUseCases": ["Training and testing networks that segment facial wrinkles."],
        "rai:dataLimitations": [
            "Not for judging, selecting or identifying people, nor for medical decisions.",
        ],
        "rai:dataBiases": [
            "FFHQ inherits the biases of Flickr; old and dark-skinned faces are rare in it."
            if facts.ffhq
            else "Not examined."
        ],
    }
    if people:
        fields["rai:annotationsPerItem"] = f"{people} people for each human mask."
    if facts.total("masks") or facts.annotators:
        method = facts.fusion.get("method")
        fused = f", fused by the method {method}" if method else ""
        fields["rai:dataAnnotationProtocol"] = [f"Wrinkles were drawn by people{fused}."]
    if facts.texture:
        fields["rai:machineAnnotationTools"] = [
            f"ffhq-wrinkle build-weak, formula {facts.texture['recipe']}, for weak masks."
        ]
    if facts.agreement:
        fields["rai:dataAnnotationAnalysis"] = [_sentence(figure) for figure in facts.agreement]
    return fields


def _sentence(figure: Figure) -> str:
    interval = (
        f", 95 % interval {figure.low:.4f} to {figure.high:.4f}"
        if figure.low is not None and figure.high is not None
        else ""
    )
    return f"{figure.name}, {figure.aggregate}: {figure.value:.4f}{interval}."

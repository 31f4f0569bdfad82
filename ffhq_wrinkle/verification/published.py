"""Published: the known figures of the data set, from `manifests/published.toml`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

from ..dataset.ids import Ids, official_test_ids

Images = Literal["sample", "test"]


@dataclass(frozen=True, kw_only=True)
class WeakFigure:
    """A comparison of published weak masks with those by another method, over whole images.

    Attributes
    ----------
    images : {"sample", "test"}
        The one image with figures, or the test ids.
    method : str
        A key of `methods.METHODS`.
    mae, rmse : float
        Mean absolute and root mean square difference in levels.
    exact : float
        Equal pixels in percent.
    """

    images: Images
    method: str
    mae: float
    rmse: float
    exact: float


@dataclass(frozen=True, kw_only=True)
class NetworkFigures:
    """Counts of pixels of a network on the test ids, and the scores that follow."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int
    pooled_f1: float
    pooled_jsi: float
    mean_f1: float
    mean_jsi: float


@dataclass(frozen=True, kw_only=True)
class NetworkSize:
    """Parameters of a network with two output channels, as the paper counts and prints them."""

    network: str
    in_channels: int
    count: int
    paper: str


@dataclass(frozen=True, kw_only=True)
class Published:
    """The known figures.

    Attributes
    ----------
    sources : mapping of str to str
        Where figures come from, in words: ``third-party``, ``authors``, ``paper``, ``measured``.
    sample : str
        Id of the one image whose files have figures.
    test_ids : Ids
        The test ids.
    photo_sha256, weak_sha256 : str
        Hashes of the sample's photograph and of its published weak mask.
    label_cells : int
        Cells of the sample's label map in which a third party's BiSeNet differed.
    weak_pixels : int
        Pixels above 0 of the sample's weak mask.
    network_pixels : mapping of str to int
        Wrinkle pixels that the authors' networks predict in the sample.
    weak_figures : tuple of WeakFigure
        Comparisons of weak masks.
    networks : mapping of str to NetworkFigures
        Figures of the authors' networks, by their names in `official.OFFICIAL`.
    manual_pixels : int
        Wrinkle pixels of the manual masks of all test ids.
    parameters : tuple of NetworkSize
        Parameters of networks.
    people : mapping
        Faces by set (``all``, ``manual``), variable and group.
    """

    sources: Mapping[str, str]
    sample: str
    test_ids: Ids
    photo_sha256: str
    weak_sha256: str
    label_cells: int
    weak_pixels: int
    network_pixels: Mapping[str, int]
    weak_figures: tuple[WeakFigure, ...]
    networks: Mapping[str, NetworkFigures]
    manual_pixels: int
    parameters: tuple[NetworkSize, ...]
    people: Mapping[str, Mapping[str, Mapping[str, int]]]


@cache
def published_figures() -> Published:
    """Return the figures that come with the package."""
    table = resources.files("ffhq_wrinkle.manifests") / "published.toml"
    content: dict[str, Any] = tomllib.loads(table.read_text(encoding="utf-8"))
    of_sample = content["sample_figures"]
    return Published(
        sources=content["sources"],
        sample=content["sample"],
        test_ids=official_test_ids(),
        photo_sha256=of_sample.pop("photo_sha256"),
        weak_sha256=of_sample.pop("weak_sha256"),
        label_cells=of_sample.pop("label_cells"),
        weak_pixels=of_sample.pop("weak_pixels"),
        network_pixels=of_sample,
        weak_figures=tuple(WeakFigure(**entry) for entry in content["weak_figures"]),
        networks={name: NetworkFigures(**figures) for name, figures in content["networks"].items()},
        manual_pixels=content["manual"]["test_pixels"],
        parameters=tuple(NetworkSize(**entry) for entry in content["parameters"]),
        people=content["people"],
    )

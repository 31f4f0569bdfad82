"""Methods: how a third party made the weak masks that it compared with the published ones.

Its reports name the arithmetic, but not every detail. A method therefore has several readings, of
which the one that gives the reported figures counts.
"""

from types import MappingProxyType

from ..weak_labels.variants import CHANNELS, Variant

_BT_709 = ("BT.709 gray", "BT.709 gray, not rounded", "BT.709 gray of scikit-image")

METHODS: MappingProxyType[str, tuple[Variant, ...]] = MappingProxyType(
    {
        "Eq. 1": (Variant(),),
        "Eq. 1 of R, G and B": tuple(Variant(gray=gray) for gray in CHANNELS),
        "Eq. 1 of R, G and B, min(I, I_G)": tuple(
            Variant(gray=gray, lesser=True) for gray in CHANNELS
        ),
        "BT.709 gray, min(I, I_G)": tuple(Variant(gray=gray, lesser=True) for gray in _BT_709),
    }
)

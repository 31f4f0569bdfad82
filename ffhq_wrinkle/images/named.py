"""Named: files read with errors that name them."""

from collections.abc import Callable
from typing import TypeVar

from ..errors import ImageError, ManyValuesError, SizeError
from ..storage.places import Place

PlaceT = TypeVar("PlaceT", bound=Place)
Content = TypeVar("Content")


def read_named(
    path: PlaceT,
    read: Callable[[PlaceT], Content],
    *,
    name: str = "",
    keep_advice: bool = False,
) -> Content:
    """Read a file by a function whose errors do not name it, and name it in them.

    Parameters
    ----------
    path : Place
        The file.
    read : callable
        Takes the path.
    name : str
        How errors name the file; by its path if not given.
    keep_advice : bool
        Whether errors advise a threshold, where an option can set one.

    Raises
    ------
    ImageError
        As `read`.
    """
    name = name or str(path)
    try:
        return read(path)
    except SizeError as error:
        raise SizeError(f"{name}: {error}") from error
    except ManyValuesError as error:
        raise ImageError(f"{name}: {error if keep_advice else error.fault}") from error
    except ImageError as error:
        raise ImageError(f"{name}: {error}") from error

"""Id sets: which faces are meant: ranges, id lists, the official test ids, what is labelled."""

from collections.abc import Sequence
from pathlib import Path

from ..dataset.ids import Ids, image_id_of, parse_ids_or_test, read_ids
from ..dataset.layout import MANUAL_MASKS_FOLDER, find_images, image_folder
from ..errors import ArgumentError
from ..storage.places import Place, is_folder

MANUAL = "manual"  # stands for the ids of the human masks


def named_sets(texts: Sequence[str], data: Place) -> dict[str, Ids]:
    """Sets as ``--set`` gives them, in order.

    Parameters
    ----------
    texts : sequence of str
        Such as ``weak=0-49999``; behind the sign what `meant_ids` takes.
    data : Place
        As `meant_ids`.

    Raises
    ------
    ArgumentError
        One has no name, or another's, or as `meant_ids`.
    """
    sets: dict[str, Ids] = {}
    for text in texts:
        name, equals, ids = text.partition("=")
        name = name.strip()
        if not (name and equals):
            raise ArgumentError(f"--set: {text!r} should be a name and ids, such as weak=0-49999")
        if name in sets:
            raise ArgumentError(f"--set: two sets are called {name!r}")
        sets[name] = meant_ids(ids, data, where=f"--set {name}")
    return sets


def meant_ids(text: str, data: Place, *, where: str = "--ids") -> Ids:
    """The ids that a word, a file or a list means.

    Parameters
    ----------
    text : str
        ``test`` for the official test ids, ``manual`` for the human masks in a data set, an id
        list's path, or ids and ranges.
    data : Place
        The data set.
    where : str
        What the text is, for the error.

    Raises
    ------
    ArgumentError
        There is no such file, nor are they ids; or there are no human masks.
    """
    if text.strip() == MANUAL:
        return labelled_ids(data, where=where)
    path = Path(text)
    if path.is_file():
        return read_ids(path)
    if "/" in text or path.suffix in (".txt", ".csv"):
        raise ArgumentError(f"{where}: there is no file {text}")
    return parse_ids_or_test(text, where)


def labelled_ids(data: Place, *, where: str) -> Ids:
    """The ids of a data set's human masks.

    Raises
    ------
    ArgumentError
        There are none.
    """
    folder = data / MANUAL_MASKS_FOLDER
    if not is_folder(folder):
        raise ArgumentError(f"{where}: {MANUAL} means the masks in {folder}, which is not there")
    return Ids(names=frozenset(map(image_id_of, find_images(folder, what="masks"))))


def photographed_ids(data: Place) -> Ids:
    """The ids of a data set's photographs.

    Raises
    ------
    ArgumentError
        There are none.
    """
    try:
        found = find_images(image_folder(data))
    except ArgumentError as error:
        raise ArgumentError(f"{error}; without photographs, say which ids are meant") from error
    return Ids(names=frozenset(map(image_id_of, found)))

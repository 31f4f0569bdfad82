"""Id sets: sets of faces given as ranges, id lists, the official test ids or the human masks."""

from collections.abc import Sequence
from pathlib import Path

from ..dataset.ids import Ids, image_id_of, parse_ids_or_test, read_ids
from ..dataset.layout import (
    MANUAL_MASKS_FOLDER,
    find_images,
    image_folder,
    require_distinct_ids,
    warn_of_unread_subfolders,
)
from ..errors import ArgumentError
from ..storage.places import Place, is_folder

MANUAL = "manual"  # stands for the ids of the human masks


def named_sets(texts: Sequence[str], data: Place) -> dict[str, Ids]:
    """Return the sets that ``--set`` defines, in order.

    Parameters
    ----------
    texts : sequence of str
        Names and ids such as ``weak=0-49999``; `meant_ids` parses the text after the equals sign.
    data : Place
        The data set.

    Raises
    ------
    ArgumentError
        A set has no name, two sets have the same name, or a text is refused by `meant_ids`.
    """
    sets: dict[str, Ids] = {}
    for text in texts:
        name, equals, ids = text.partition("=")
        name = name.strip()
        if not (name and equals):
            raise ArgumentError(f"--set: {text!r} should be a name and ids, such as weak=0-49999")
        if name in sets:
            raise ArgumentError(f"--set: two sets have the name {name!r}")
        sets[name] = meant_ids(ids, data, where=f"--set {name}")
    return sets


def meant_ids(text: str, data: Place, *, where: str = "--ids") -> Ids:
    """Return the ids that a word, a file or a list stands for.

    Parameters
    ----------
    text : str
        ``test`` for the official test ids, ``manual`` for the ids of the human masks in the data
        set, the path of an id list, or ids and ranges.
    data : Place
        The data set.
    where : str
        Name of the option that contains the text, for error messages.

    Raises
    ------
    ArgumentError
        The file does not exist, the text is not a list of ids, or there are no human masks.
    """
    if text.strip() == MANUAL:
        return labelled_ids(data, where=where)
    path = Path(text)
    if path.is_file():
        return read_ids(path)
    if text.startswith(("/", "~", ".")) or path.suffix in (".txt", ".csv"):
        raise ArgumentError(f"{where}: there is no file {text}")
    return parse_ids_or_test(text, where)


def labelled_ids(data: Place, *, where: str) -> Ids:
    """Return the ids of a data set's human masks.

    Raises
    ------
    ArgumentError
        There are no human masks, or two have the same number.
    """
    folder = data / MANUAL_MASKS_FOLDER
    if not is_folder(folder):
        raise ArgumentError(
            f"{where}: {MANUAL} stands for the masks in {folder}, which does not exist"
        )
    masks = find_images(folder, noun="masks")
    require_distinct_ids(masks, where=folder)
    return Ids(names=frozenset(map(image_id_of, masks)))


def photographed_ids(data: Place) -> Ids:
    """Return the ids of a data set's photographs.

    Raises
    ------
    ArgumentError
        There are no photographs, or two have the same number.
    """
    try:
        photographs = find_images(image_folder(data))
        warn_of_unread_subfolders(image_folder(data))
    except ArgumentError as error:
        raise ArgumentError(f"{error}; without photographs, the ids must be given") from error
    require_distinct_ids(photographs, where=data)
    return Ids(names=frozenset(map(image_id_of, photographs)))

"""Marks: the files by which a folder is recognised as one that a command has filled."""

from collections.abc import Iterable

RECORDS = frozenset(
    f"{name}.json"
    for name in (
        *("align", "aligned", "build", "fusion", "import", "predict", "publish", "review"),
        *("agreement", "evaluation", "demographics", "compare"),
    )
)


def is_results_folder(names: Iterable[str]) -> bool:
    """Return whether files of these names mark a folder as one of results.

    >>> is_results_folder(["a.png", ".build.json.lock"]), is_results_folder(["a.png", "notes.json"])
    (True, False)
    """
    return any(
        name in RECORDS or (name.startswith(".") and name.endswith((".lock", ".under-way")))
        for name in names
    )

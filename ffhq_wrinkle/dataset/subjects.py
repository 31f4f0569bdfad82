"""Subjects: which images show the same person, by their ids.

A split keeps them together, and a bootstrap draws them together.

The rule is ``folder``, which takes the uppermost folder of an id, or a regular expression.
"""

import re
from collections.abc import Iterable, Mapping

import numpy as np

from ..errors import ArgumentError, first_few

FOLDER = "folder"


def require_rule(rule: str) -> None:
    """Refuse a rule that is neither ``folder`` nor a regular expression.

    Raises
    ------
    ArgumentError
        The rule is not valid.
    """
    try:
        re.compile(rule)
    except re.error as error:
        raise ArgumentError(
            f"--group-by {rule!r} is neither folder nor a regular expression: {error}"
        ) from error


def subjects_of(image_ids: Iterable[str], rule: str) -> dict[str, str]:
    r"""Return the subject of each image.

    Parameters
    ----------
    image_ids : iterable of str
        The images.
    rule : str
        ``folder``: images in one uppermost folder show one subject; an image without a folder is a
        subject of its own. Otherwise a regular expression, which is searched for in each id: its
        groups or, without any, the whole match name the subject.

    Returns
    -------
    dict of str to str
        The subjects by image id.

    Raises
    ------
    ArgumentError
        No id has a folder, or ids do not match the expression.

    >>> subjects_of(["P01_left", "P01_right", "P02_left"], r"^(P\d+)_")
    {'P01_left': 'P01', 'P01_right': 'P01', 'P02_left': 'P02'}
    """
    require_rule(rule)
    listed = list(image_ids)
    if rule == FOLDER:
        if not any("/" in image_id for image_id in listed):
            raise ArgumentError(
                f"--group-by folder: none of {len(listed)} ids, such as {first_few(listed)}, has a "
                "folder; give a regular expression that finds the subject in an id"
            )
        # With the slash, a folder is not taken for an image of the same name.
        return {name: "".join(name.partition("/")[: 2 if "/" in name else 1]) for name in listed}
    matches = {image_id: re.search(rule, image_id) for image_id in listed}
    lacking = [image_id for image_id, match in matches.items() if match is None]
    if lacking:
        raise ArgumentError(
            f"--group-by {rule!r} is not found in {len(lacking)} of {len(listed)} ids: "
            f"{first_few(lacking)}"
        )
    return {
        image_id: "\0".join(map(str, match.groups())) or match[0]
        for image_id, match in matches.items()
        if match
    }


def subject_numbers(image_ids: Iterable[str], rule: str | None) -> np.ndarray | None:
    r"""Return the number of the subject of each image, counted from 0; None without a rule.

    Raises
    ------
    ArgumentError
        As `subjects_of`.

    >>> subject_numbers(["b_1", "a_1", "b_2"], r"^\w_").tolist()
    [0, 1, 0]
    """
    if rule is None:
        return None
    subjects = subjects_of(image_ids, rule)
    numbers = {subject: number for number, subject in enumerate(dict.fromkeys(subjects.values()))}
    return np.array([numbers[subject] for subject in subjects.values()], np.int64)


def joined_by_subject(groups: Iterable[list[str]], subjects: Mapping[str, str]) -> list[list[str]]:
    """Join groups of ids that have a subject in common.

    >>> joined_by_subject([["a"], ["b", "c"], ["d"]], {"a": "x", "b": "x", "c": "y", "d": "z"})
    [['a', 'b', 'c'], ['d']]
    """
    joined: dict[str, set[str]] = {}  # by subject; subjects that belong together share a set
    for group in groups:
        members = set(group).union(*(joined.get(subjects[name], ()) for name in group))
        for image_id in members:
            joined[subjects[image_id]] = members
    distinct = {id(members): sorted(members) for members in joined.values()}
    return sorted(distinct.values())

"""People: the numbers of Table 1, by the labels in the data set."""

from collections.abc import Iterator
from pathlib import Path

from ..dataset.ids import Ids, image_id_of, parse_ids
from ..demographics.composition import compose
from ..demographics.groups import VARIABLES, title_of
from ..demographics.label_tables import AGING_LABELS, no_labels, read_aging_labels
from ..demographics.race_table import race_labels, read_race_rows
from .checks import Check, absent, command, state_of
from .data_files import DataFiles
from .published import Published

GROUP = "Table 1"
_CLOSE_SHARE = 0.01  # of the faces of a group; estimates of race/ethnicity vary by version
_WEAK_IDS = "0-49999"
_TITLES = {"all": "all faces", "manual": "faces with a manual mask"}


def people_checks(
    files: DataFiles, published: Published, race_table: Path | None
) -> Iterator[Check]:
    """Yield a check for each set of faces and each variable.

    Parameters
    ----------
    files, published
        The data set, and the known figures.
    race_table : Path, optional
        A `race.csv` that `demographics --race --keep-individual` wrote.
    """
    labels = no_labels()
    if (files.data / AGING_LABELS).is_file():
        labels = labels.joined(read_aging_labels(files.data / AGING_LABELS))
    if race_table:
        labels = labels.joined(race_labels(read_race_rows(race_table)))
    sets = {
        "all": parse_ids(_WEAK_IDS),
        "manual": Ids(names=frozenset(map(image_id_of, files.manual))),
    }
    for name, of_variables in published.people.items():
        if name not in sets:
            continue
        for variable in VARIABLES:
            known = of_variables.get(variable)
            if known is None:
                continue
            title = f"{title_of(variable).lower()} of {_TITLES[name]}"
            expected = ", ".join(f"{group} {count:,}" for group, count in known.items())
            text = ""
            if name == "manual" and not files.manual:
                text = "download labels DATA --only manual"
            elif variable not in labels.variables:
                text = "download aging-labels DATA"
                if variable == "race":
                    text = "demographics DATA --ids 0-49999 --race --keep-individual --out REPORT"
            if text:
                get = command(text, files.data)
                if text.startswith("demographics"):
                    get += ", then --race-labels REPORT/race.csv"
                yield absent(
                    GROUP, title, expected=expected, source=published.sources["paper"], get=get
                )
                continue
            shares = compose({name: sets[name]}, labels).shares_of(variable, name)
            counts = {share.group: share.faces for share in shares}
            apart = max(
                (
                    abs(counts.get(group, 0) - count) / max(count, 1)
                    for group, count in known.items()
                ),
                default=0,
            )
            yield Check(
                group=GROUP,
                name=title,
                expected=expected,
                source=published.sources["paper"],
                state=state_of(apart, close=_CLOSE_SHARE),
                found=", ".join(f"{group} {counts.get(group, 0):,}" for group in known),
                note=f"at most {100 * apart:.2f} % of a group" if apart else "",
            )

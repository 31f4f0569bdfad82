"""Tables: a verification as text, Markdown, HTML and JSON."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..reports.tabulation import Section, without_nan, wrapped
from ..results.tabular import paragraphs_html
from ..weak_labels.differences import LevelDifference, pooled
from .checks import WORDS

if TYPE_CHECKING:
    from .checks import Check
    from .verification import Verification

_INDENT = "    "


def printed(verification: "Verification", width: int | None = None) -> str:
    """Return the checks as text: one line each, and more lines if they do not agree."""
    parts = [wrapped(verification.headline(), width)]
    for group in dict.fromkeys(check.group for check in verification.checks):
        lines = [group]
        for check in verification.checks:
            if check.group == group:
                lines += _lines(check)
        parts.append("\n".join(lines))
    parts += [section.text(width) for section in _sections(verification)]
    parts += ["\n".join(wrapped(verdict, width) for verdict in verification.verdicts)]
    return "\n\n".join(parts)


def _lines(check: "Check") -> Iterator[str]:
    found = f": {check.found}" if check.found else ""
    yield f"  {WORDS[check.state]:9}  {check.name}{found}"
    if check.state == "absent":
        yield f"{_INDENT}{check.note}"
        return
    if check.state != "equal":
        yield f"{_INDENT}expected {check.expected} ({check.source})"
        if check.note:
            yield f"{_INDENT}{check.note}"


def markdown(verification: "Verification") -> str:
    """Return everything as Markdown."""
    parts = ["# Verification", verification.headline()]
    parts += [f"- {verdict}" for verdict in verification.verdicts]
    sections = (*_check_sections(verification), *_sections(verification))
    return "\n\n".join([*parts, *(section.markdown() for section in sections)]) + "\n"


def html(verification: "Verification") -> str:
    """Return everything as HTML."""
    start = paragraphs_html([verification.headline(), *verification.verdicts])
    sections = (*_check_sections(verification), *_sections(verification))
    return start + "".join(section.html() for section in sections)


def _check_sections(verification: "Verification") -> Iterator[Section]:
    header = ["check", "state", "expected", "found", "note", "source"]
    for group in dict.fromkeys(check.group for check in verification.checks):
        rows = [
            [
                *(check.name, WORDS[check.state], check.expected),
                *(check.found or "-", check.note or "-", check.source),
            ]
            for check in verification.checks
            if check.group == group
        ]
        yield Section(group, header, rows)


def _sections(verification: "Verification") -> Iterator[Section]:
    """Yield the figures of each formula, and the variants that were found."""
    figures = _weak_figures(verification)
    if figures:
        header = ["weak masks by", "images", "exact", "exact in faces", "MAE", "MAE in faces"]
        header += ["RMSE", "RMSE in faces"]
        rows = [[name, str(images), *_cells(whole, face)] for name, images, whole, face in figures]
        yield Section("Published weak masks against ours", header, rows)
    if verification.variants:
        header = ["variant", "exact in faces", "MAE in faces"]
        rows = [
            [
                str(scored.variant),
                f"{100 * scored.difference.exact_share:.4f} %",
                f"{scored.difference.mae:.4f}",
            ]
            for scored in verification.variants
        ]
        yield Section("Nearest variants", header, rows)


def _cells(whole: LevelDifference, face: LevelDifference) -> list[str]:
    cells = []
    for form, attribute, factor in (("{:.4f} %", "exact_share", 100), ("{:.4f}", "mae", 1)):
        cells += [form.format(factor * getattr(each, attribute)) for each in (whole, face)]
    return [*cells, f"{whole.rmse:.4f}", f"{face.rmse:.4f}"]


def _weak_figures(
    verification: "Verification",
) -> list[tuple[str, int, LevelDifference, LevelDifference]]:
    """Return each reading with its number of images and its pooled differences."""
    images = [image for image in verification.comparison.images if not image.failure]
    if not images:
        return []
    return [
        (
            f"{reading.method}: {reading.detail}" if reading.detail else reading.method,
            len(images),
            pooled(image.whole[reading] for image in images),
            pooled(image.face[reading] for image in images),
        )
        for reading in images[0].whole
    ]


def record(verification: "Verification") -> dict[str, Any]:
    """Return everything as JSON can hold it."""
    from .. import __version__

    differing = {check.name for check in verification.roots}
    return {
        "command": "verify",
        "version": __version__,
        "data": str(verification.data.resolve()),
        "seconds": round(verification.seconds, 1),
        "differs": verification.differs,
        "verdicts": list(verification.verdicts),
        "checks": [
            {
                "group": check.group,
                "name": check.name,
                "state": check.state,
                "expected": check.expected,
                "source": check.source,
                "found": check.found,
                "note": check.note,
                "inputs": list(check.inputs),
                "root": check.name in differing,
            }
            for check in verification.checks
        ],
        "weak_masks": [
            {
                "by": name,
                "images": images,
                "whole": _difference_record(whole),
                "face": _difference_record(face),
            }
            for name, images, whole, face in _weak_figures(verification)
        ],
        "not_compared": list(verification.comparison.lacking),
        "variants": [
            {"variant": str(scored.variant), "face": _difference_record(scored.difference)}
            for scored in verification.variants
        ],
    }


def _difference_record(difference: LevelDifference) -> dict[str, Any]:
    return without_nan(
        {
            "pixels": difference.pixels,
            "exact": difference.exact_share,
            "mae": difference.mae,
            "rmse": difference.rmse,
        }
    )

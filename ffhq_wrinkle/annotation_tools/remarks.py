"""Remarks: what users are told about exports before their masks are written."""

from collections import Counter

from .choices import Choices, is_chosen
from .listing import Listing
from .people import without_addresses


def remarks_before(listing: Listing, decided: Choices) -> list[str]:
    """Return the warnings that are due before anything is written, line by line."""
    lines: Counter[str] = Counter()
    example: dict[str, str] = {}

    def add(remark: str, where: str) -> None:
        lines[remark] += 1
        example.setdefault(remark, where)

    for choice in decided.choices:
        entry = choice.entry
        file = listing.sources[entry.source].file
        where = ", ".join(filter(None, [str(file), entry.submission, f"image {entry.image_name}"]))
        if choice.left_out:
            kind = choice.left_out.partition(":")[0]
            add(f"left out: {kind}", where)
            continue
        for remark in entry.remarks:
            add(remark.rstrip("0123456789"), where)
        if not entry.shapes and not entry.looked:
            add(
                "without shapes: nothing was drawn, or nobody opened the image; the file does not "
                "tell; they count as empty, or are left out by --empty missing",
                where,
            )
        for shape in entry.shapes:
            if shape.remark and is_chosen(shape.label, decided.labels):
                add(shape.remark, where)
    said = [f"{count} x {remark} (such as {example[remark]})" for remark, count in lines.items()]
    if any(source.tool.name == "coco" for source in listing.sources):
        said.append(
            "COCO files hold no lines: if polylines were drawn, they are missing; take the tool's "
            "own format"
        )
    return list(map(without_addresses, said))

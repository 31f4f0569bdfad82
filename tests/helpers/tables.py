"""Tables as CSV."""

import csv


def rows_of(path):
    with path.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        return list(csv.DictReader(file))


def write_csv(path, rows):
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return path


def same_rows(frame, rows):
    """Check that a frame has the rows and cells of a CSV, in any order of columns."""
    assert len(frame) == len(rows)
    assert set(frame.columns) == set(rows[0])
    for values, row in zip(frame.to_dict("records"), rows, strict=True):
        for name, cell in row.items():
            value = values[name]
            if cell == "":
                assert value in (None, "") or value != value, (name, value)  # NaN is not itself
            elif isinstance(value, str):
                assert value == cell, name
            else:
                assert float(value) == float(cell), name

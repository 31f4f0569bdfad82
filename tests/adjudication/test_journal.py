"""The journal where the disk is full, and where two processes read it."""

import subprocess
import sys

from ffhq_wrinkle.adjudication.entries import Entry
from ffhq_wrinkle.adjudication.journal import Journal
from tests.helpers.processes import file_limit, run
from tests.helpers.reviews import TOP, Served


def entry(sequence, **values):
    values = {"choice": "majority", "image": "00007", "part": "aa", **values}
    return Entry(sequence=sequence, time="now", reviewer="ann", action="decide", **values)


FULL = """
import sys
from pathlib import Path
from ffhq_wrinkle.adjudication.entries import Entry
from ffhq_wrinkle.adjudication.journal import Journal
from ffhq_wrinkle.errors import OutputError
journal = Journal(Path(sys.argv[1]))
for line in sys.stdin.buffer:
    try:
        journal.append(Entry.parse(line))
        print("saved")
    except OutputError as error:
        print(error)
"""


def test_a_line_that_does_not_fit_on_the_disk_leaves_the_others_whole(tmp_path):
    entries = [entry(1), entry(2, part="b" * 500), entry(3)]
    # Room for the first and the third line and half of the second.
    room = len(entries[0].line()) + 250
    done = subprocess.run(
        [sys.executable, "-c", f"{file_limit(room)}\n{FULL}", str(tmp_path)],
        input=b"".join(each.line() for each in entries),
        capture_output=True,
    )
    first, second, third = done.stdout.decode().splitlines()
    assert (first, third) == ("saved", "saved"), done.stderr
    assert "File too large" in second
    assert [each.sequence for each in Journal(tmp_path).read()] == [1, 3]
    content = (tmp_path / "decisions" / "ann.jsonl").read_bytes()
    assert content == entries[0].line() + entries[2].line()


def test_an_export_beside_a_running_review_does_not_touch_its_files(folders, out, tmp_path):
    with Served(folders, out) as server:
        assert server.decide("00007", TOP, "union").status_code == 200
        path = out / "decisions" / "ann.jsonl"
        whole = path.read_bytes()
        path.write_bytes(whole + b'{"sequence":2')  # as if the server were writing just now
        page = tmp_path / "page.html"
        process, _, logged = run("review", *folders, "--export", page, "--out", out)
        assert process.returncode == 0, logged
        assert '"reviewer": "ann"' in page.read_text()
        assert path.read_bytes() == whole + b'{"sequence":2'
        path.write_bytes(whole)
        server.interrupt()

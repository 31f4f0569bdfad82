import time

import pytest

from ffhq_wrinkle.adjudication.decisions import Decisions
from ffhq_wrinkle.adjudication.entries import Entry, require_reviewer
from ffhq_wrinkle.adjudication.journal import Journal
from ffhq_wrinkle.errors import ArgumentError, OutputError

KEY = ("00007", "aa")


def entry(sequence, action="decide", reviewer="ann", choice="majority", key=KEY, **more):
    return Entry(
        sequence=sequence,
        time="2026-01-01T00:00:00.000+00:00",
        reviewer=reviewer,
        action=action,
        image=key[0],
        part=key[1],
        choice=choice if action == "decide" else None,
        **more,
    )


def test_undo_and_redo_go_back_to_the_beginning_and_forth():
    decisions = Decisions([entry(1), entry(2, choice="union"), entry(3, choice="nothing")])
    seen = []
    for sequence in (4, 5, 6):
        seen.append(decisions.holding(KEY).choice)
        decisions.add(entry(sequence, "undo"))
    assert seen == ["nothing", "union", "majority"]
    assert decisions.holding(KEY) is None
    assert decisions.undoable("ann") is None
    for sequence in (7, 8):
        decisions.add(entry(sequence, "redo"))
    assert decisions.holding(KEY).choice == "union"
    assert decisions.redoable("ann").choice == "nothing"


def test_a_new_decision_ends_what_can_be_restored():
    decisions = Decisions([entry(1), entry(2, "undo"), entry(3, choice="union")])
    assert decisions.redoable("ann") is None
    assert decisions.holding(KEY).choice == "union"


def test_undo_takes_back_only_one_s_own_decisions():
    decisions = Decisions([entry(1), entry(2, reviewer="ben", choice="union"), entry(3, "undo")])
    assert decisions.holding(KEY).reviewer == "ben"
    assert decisions.undoable("ben").choice == "union"


def test_nothing_to_undo_changes_nothing():
    decisions = Decisions([entry(1, "undo"), entry(2, "redo"), entry(3)])
    assert decisions.holding(KEY).sequence == 3


def test_the_last_of_two_reviewers_decides_unless_it_was_a_second_look():
    decisions = Decisions([entry(1), entry(2, reviewer="ben", choice="union")])
    assert decisions.holding(KEY).reviewer == "ben"
    second = entry(2, reviewer="ben", choice="union", is_second_look=True)
    decisions = Decisions([entry(1), second])
    assert decisions.holding(KEY).reviewer == "ann"
    assert decisions.second_look(KEY).reviewer == "ben"
    decisions.add(entry(3, "undo"))
    assert decisions.holding(KEY).reviewer == "ben"
    assert decisions.second_look(KEY) is None


def test_a_remark_replaces_the_earlier_one_and_can_be_taken_back():
    decisions = Decisions([entry(1, "remark", remark="blurred"), entry(2, "remark", remark="hair")])
    assert [remark.remark for remark in decisions.remarks(KEY)] == ["hair"]
    decisions.add(entry(3, "undo"))
    assert [remark.remark for remark in decisions.remarks(KEY)] == ["blurred"]
    decisions.add(entry(4, "remark", remark=""))
    assert decisions.remarks(KEY) == []


def test_files_give_back_what_was_appended(tmp_path):
    journal = Journal(tmp_path)
    drawn = {"box": [0, 0, 1, 2], "runs": [1, 1]}
    saved = [
        entry(1, choice="drawn", drawn=drawn, shown={"order": ["B", "A"], "blind": True}),
        entry(2, reviewer="Zoë M.", box=[0, 1, 2, 3], is_second_look=True),
        entry(3, "undo"),
    ]
    for each in saved:
        journal.append(each)
    assert Journal(tmp_path).read() == saved
    assert sorted(path.name for path in (tmp_path / "decisions").iterdir()) == [
        "Zoë M..jsonl",
        "ann.jsonl",
    ]


def test_a_line_that_a_killed_process_did_not_finish_is_cut_off(tmp_path):
    journal = Journal(tmp_path)
    journal.append(entry(1))
    path = tmp_path / "decisions" / "ann.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + entry(2).line()[:-9])
    assert [each.sequence for each in journal.read()] == [1]
    assert path.read_bytes() != whole  # another process may be about to write the rest
    journal.repair()
    assert path.read_bytes() == whole
    journal.append(entry(2))
    assert [each.sequence for each in journal.read()] == [1, 2]


@pytest.mark.parametrize("line", [
    b"{}", b"[]", b"nonsense", b"\xff", b"null",
    entry(1).line().strip().replace(b"decide", b"devour"),
    entry(1).line().strip().replace(b"majority", b"minority"),
    entry(1).line().strip().replace(b":1,", b':"1",', 1),
])  # fmt: skip
def test_a_damaged_line_is_named(tmp_path, line):
    (tmp_path / "decisions").mkdir()
    path = tmp_path / "decisions" / "ann.jsonl"
    path.write_bytes(entry(1).line() + line + b"\n")
    with pytest.raises(OutputError, match=r"ann\.jsonl:2: not a decision"):
        Journal(tmp_path).read()


@pytest.mark.parametrize("name", [
    "", "..", "a/b", "../a", ".a", "a ", "a\nb", "a\\b", "x" * 61, None, 3, "a\0", "a:b",
])  # fmt: skip
def test_a_name_that_could_lead_out_of_the_folder_is_refused(name):
    with pytest.raises(ArgumentError, match="cannot be a reviewer's name"):
        require_reviewer(name)


@pytest.mark.parametrize("name", ["a", "Ann Other", "ann@clinic.org", "Zoë", "x" * 60, "李"])
def test_names_of_people_are_accepted(name):
    assert require_reviewer(name) == name


def test_ten_thousand_decisions_replay_in_less_than_a_second(tmp_path):
    (tmp_path / "decisions").mkdir()
    shown = {"order": ["A", "B", "C"], "blind": False, "visible": [True, True, True], "zoom": 2}
    for reviewer in ("ann", "ben"):
        lines = (
            entry(2 * number, reviewer=reviewer, key=("x", f"{number % 900:016x}"), shown=shown)
            for number in range(5000)
        )
        content = b"".join(line.line() for line in lines)
        (tmp_path / "decisions" / f"{reviewer}.jsonl").write_bytes(content)
    start = time.process_time()
    decisions = Decisions(Journal(tmp_path).read())
    assert time.process_time() - start < 1
    assert decisions.counts() == {"ann": 900, "ben": 900}

"""`sample --licence`: only photographs whose own licence allows it."""

from tests.helpers.commands import run
from tests.helpers.publishing import write_attribution


def drawn_by(*options):
    result = run("sample", *options)
    assert result.exit_code == 0, result.output
    return {line for line in result.stdout.splitlines() if not line.startswith("#")}


def test_only_photographs_under_a_named_licence_are_drawn(dataset):
    licences = {"00000": "cc0", "00001": "cc-by-nc", "00002": "cc-by", "00999": "cc-by-nd"}
    write_attribution(dataset.root, licences)  # of two photographs it says nothing
    assert drawn_by(dataset.root, "--n", 2, "--licence", "cc0,pd,us-gov,cc-by") == {
        "00000", "00002",
    }  # fmt: skip


def test_more_ids_than_the_licences_allow_are_refused(dataset):
    write_attribution(dataset.root, {"00000": "cc0", "00001": "cc-by-nc"})
    result = run("sample", dataset.root, "--n", 2, "--licence", "cc0")
    assert result.exit_code == 2
    assert "2 ids cannot be drawn: there is 1" in result.stderr


def test_unknown_licences_and_a_missing_table_are_refused(dataset):
    result = run("sample", dataset.root, "--n", 1, "--licence", "mit")
    assert result.exit_code == 2
    assert "licence 'mit' is not one of cc0, pd, us-gov, cc-by" in result.stderr
    result = run("sample", dataset.root, "--n", 1, "--licence", "cc0")
    assert result.exit_code == 2
    assert "`ffhq-wrinkle download metadata` writes it" in result.stderr

"""`--json`: a command prints what the JSON file of its report holds, and nothing else."""

import json

import pytest

from tests.helpers.commands import run
from tests.helpers.experiments import write_run
from tests.helpers.faces import drawn_lines

AGING = "image_number,age_group,gender\n0,20-29,male\n1,0-2,female\n"
FEW = ["--resamples", 20]


@pytest.fixture
def commands(annotate, tmp_path, dataset):
    """Commands that have figures to print, by the JSON file of their report."""
    first, second, third = annotate(
        {
            name: {f"{image:05d}": drawn_lines((30, 40), [image, seed]) for image in range(3)}
            for seed, name in enumerate(("anna", "ben", "Zoë"))
        }
    )
    (dataset.root / "ffhq_aging_labels.csv").write_text(AGING)
    return {
        "agreement": ["agreement", first, second, third, "--tolerance-px", 1, *FEW],
        "evaluation": ["evaluate", first, third, *FEW],
        "evaluation of two": ["evaluate", first, third, "--compare", second, *FEW],
        "demographics": ["demographics", dataset.root, "--set", "one=0", "--set", "all=0-9"],
        "compare": ["compare", write_run(tmp_path / "run"), *FEW],
    }


@pytest.mark.parametrize(
    "name", ["agreement", "evaluation", "evaluation of two", "demographics", "compare"]
)
def test_json_is_what_the_file_holds_and_nothing_else(commands, name, tmp_path):
    command = commands[name]
    printed = run(*command, "--out", tmp_path / "report", "--json")
    assert printed.exit_code == 0, printed.output
    stored = (tmp_path / "report" / f"{name.split()[0]}.json").read_text()
    assert json.loads(printed.stdout) == json.loads(stored)
    assert printed.stdout == stored
    assert json.loads(stored)["command"] == command[0]
    for without_report in ([*command, "--json"], ["-v", *command, "--json"]):
        assert run(*without_report).stdout == stored
    assert run(*command).stdout[0] != "{"


def test_an_error_leaves_stdout_empty(commands):
    result = run(*commands["agreement"], "--ids", "77", "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: ")

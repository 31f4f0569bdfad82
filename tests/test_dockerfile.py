"""The Dockerfile: its form, and that it does what docs/install.md says."""

import json
import re

import pytest

from tests.helpers import ROOT

KNOWN = {"FROM", "ARG", "RUN", "WORKDIR", "COPY", "USER", "ENTRYPOINT"}
TEXT = (ROOT / "Dockerfile").read_text()
INSTALL = (ROOT / "docs" / "install.md").read_text()


def parsed(text):
    """Return the instructions of a Dockerfile, each with its arguments in one line."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [tuple(line.split(" ", 1)) for line in joined.splitlines() if line.strip()]


INSTRUCTIONS = parsed(TEXT)


def arguments(name):
    return [value for instruction, value in INSTRUCTIONS if instruction == name]


def test_instructions_are_known_and_the_first_names_a_version():
    assert {name for name, _ in INSTRUCTIONS} <= KNOWN
    name, image = INSTRUCTIONS[0]
    assert name == "FROM"
    assert re.fullmatch(r"python:3\.\d+-slim-\w+", image)


def test_it_does_not_run_as_root_and_starts_the_command():
    assert arguments("USER")[-1] != "root"
    assert json.loads(arguments("ENTRYPOINT")[-1]) == ["ffhq-wrinkle"]


@pytest.mark.parametrize("run", arguments("RUN"))
def test_layers_keep_no_lists_and_no_caches(run):
    if "apt-get install" in run:
        assert run.startswith("apt-get update && ")
        assert "--no-install-recommends" in run
        assert run.endswith("rm -rf /var/lib/apt/lists/*")
    if "pip install" in run:
        assert "--no-cache-dir" in run


def test_its_commands_are_those_of_the_page_on_installation():
    (default,) = arguments("ARG")
    name, value = default.split("=", 1)
    steps = [step.strip() for run in arguments("RUN") for step in run.split("&&")]
    ran = [step.replace(f'"${name}"', value) for step in steps]
    ran = [step for step in ran if step.startswith(("apt-get", "pip"))]
    section = INSTALL[INSTALL.index("## Container") :]
    build, page = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)[:2]
    assert ran == page.splitlines()
    assert set(re.findall(r"--build-arg (\w+)=", build)) == {name}

"""Run docs/tutorial.ipynb and store its outputs in it: `python tools/run_tutorial.py`."""

import os
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[1] / "docs" / "tutorial.ipynb"


def executed_notebook(folder: Path) -> Any:  # noqa: ANN401 - nbformat has no types
    """Return the notebook as it is after its cells have run in a folder.

    Raises
    ------
    nbclient.exceptions.CellExecutionError
        If a cell raises an error.
    """
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    ).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of day
    return notebook


if __name__ == "__main__":
    os.environ["PYTHONWARNINGS"] = "ignore"  # warnings name files of this machine
    with tempfile.TemporaryDirectory() as scratch:
        nbformat.write(executed_notebook(Path(scratch)), NOTEBOOK)

"""Import report: what a run of `importing.import_folder` did, and what to type next."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import counted
from ..results.failures import FAILURES
from ..results.tabular import Tabular

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, repr=False)
class ImportReport(Tabular):
    """The outcome of a run.

    Attributes
    ----------
    out : Path
        The folder of the annotators' folders.
    annotations : int
        Annotations that were to be imported, one for each person and image.
    made, kept, failed : int
        Masks that were written, and that existed already; annotations and files that failed.
    left_out : int
        Annotations that are not imported: skipped tasks, drafts, further submissions.
    skipped, drafts : int
        How many of them were skipped, or are drafts.
    masks_of : dict of str to int
        Number of masks by annotator.
    first_failure : str
        Why the first one failed.
    """

    out: Path
    annotations: int
    made: int
    kept: int
    failed: int
    left_out: int
    skipped: int
    drafts: int
    masks_of: dict[str, int]
    first_failure: str

    def summary(self) -> str:
        """Return the outcome, and the next command to type."""
        people = ", ".join(f"{name} {count}" for name, count in self.masks_of.items())
        parts = [f"{counted(self.made, 'mask')} written", f"{self.kept} existed already"]
        if self.left_out:
            parts.append(
                f"{counted(self.left_out, 'annotation')} left out, see {self.out / 'import.csv'}"
            )
        if self.failed:
            parts.append(f"{self.failed} failed, see {self.out / FAILURES}: {self.first_failure}")
        lines = [", ".join(parts)]
        if people:
            lines.append(f"masks by annotator: {people}")
        lines += [f"Next: {self.next_command}"] if self.next_command else []
        return "\n".join(lines)

    @property
    def next_command(self) -> str:
        """The command that usually follows; "" if there is no mask."""
        folders = [shlex.quote(str(self.out / name)) for name in self.masks_of]
        if len(folders) > 1:
            return f"ffhq-wrinkle agreement {' '.join(folders)}"
        if folders:
            return f"ffhq-wrinkle agreement {folders[0]} FOLDER_OF_ANOTHER_ANNOTATOR"
        return ""

    def to_frame(self) -> "pd.DataFrame":
        """Return the number of masks of each annotator as a pandas DataFrame."""
        import pandas as pd

        return pd.DataFrame(list(self.masks_of.items()), columns=["annotator", "masks"])

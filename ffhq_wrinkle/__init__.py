"""Facial wrinkle data and models: weak labels, human labels, training and evaluation.

`pyproject.toml` lists the packages in the order in which they build on each other, and
`docs/architecture.md` says what each is for and where to add to it.
"""

__version__ = "0.1.0"

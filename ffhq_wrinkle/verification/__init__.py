"""Verification: a downloaded data set, and what this package makes of it, against known figures.

`verification.verify` runs all checks. `published` has the known figures, `checks` the form of a
result; each other module makes the checks of one kind.
"""

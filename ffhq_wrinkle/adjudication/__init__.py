"""Adjudication: ground truth decided by people, part by part, where annotators disagree.

`parts` defines what is decided on, `decisions` keeps what was decided, `review.Review` is a
review under way, and `server` shows it as a page in the browser.
"""

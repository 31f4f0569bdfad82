"""Adjudication: ground truth decided by people, part by part, where annotators disagree.

`parts` defines what is decided on, `journal` keeps what reviewers do, and `decisions` follows from
it. `review.Review` is a review under way, and `server` shows it as a page in the browser.
"""

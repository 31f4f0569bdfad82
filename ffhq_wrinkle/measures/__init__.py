"""Measures: arithmetic on masks and scores: metrics, distances and bootstrap intervals.

Functions here take arrays and numbers; none reads a file. Start with `metrics`.
"""

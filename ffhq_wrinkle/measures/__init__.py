"""Measures: arithmetic on masks and on scores: metrics, distances, intervals.

Arrays and numbers only; no function here reads a file.
"""

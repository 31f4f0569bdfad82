"""Readers: one module for each tool, from the files of an export to `Annotation` values."""

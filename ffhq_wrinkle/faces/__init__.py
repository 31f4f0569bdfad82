"""Faces: where the face is in a photograph: face parsers, landmarks and alignment.

Start with `parsing.create_parser`.
"""

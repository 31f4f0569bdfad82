"""Faces: how the face is found in a photograph, by face parsers, landmarks and alignment.

Start with `parsing.create_parser`.
"""

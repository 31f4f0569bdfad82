"""Annotation tools: masks from the exports of drawing tools, and back into files that they read.

Start with `annotation.Annotation`, which every reader yields, and `catalogue`, the table of tools.
"""

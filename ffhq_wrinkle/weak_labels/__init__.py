"""Weak labels: from photographs to masked texture maps, in which wrinkles light up.

Start with `texture.texture_map` for arrays and `weak.build_weak` for folders. `formulas` is the
table of the formulas that texture maps are computed by.
"""

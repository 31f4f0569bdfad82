"""Images: photographs, masks and PNG files, decoded to pixels and encoded from them.

Start with `photographs.read_image` and `masks.read_mask`.
"""

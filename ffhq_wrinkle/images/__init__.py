"""Images: photographs, masks and PNG, from bytes to pixels and from pixels to bytes.

Start with `photographs.read_image` and `masks.read_mask`.
"""

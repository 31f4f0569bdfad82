"""API: each command as a function, with plain arguments; `import ffhq_wrinkle` exports them.

The functions make what the library works with (face parsers, texture settings, networks) from
names, numbers and paths. The commands call them, so that both faces of the package do the same.
"""

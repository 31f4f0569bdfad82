"""API: each command as a function with plain arguments, exported by `import ffhq_wrinkle`.

The functions take names, numbers and paths, and create the objects of the library from them: face
parsers, texture settings, networks. The commands call these functions, so that the command line and
Python do the same.
"""

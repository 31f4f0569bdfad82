"""Publishing: data sets and networks in the forms that other people's software loads in one line.

`source` lists what a data set holds, a target of `targets` decides how it lies in the published
folder, and `publication` makes the folder appear when it is complete.
"""

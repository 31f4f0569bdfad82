"""Human labels: masks of several annotators, their fusion into one, and their agreement.

Start with `fusion.fuse` for masks in memory; for folders, with `fused.fuse_folder` and
`agreement.measure_agreement`.
"""

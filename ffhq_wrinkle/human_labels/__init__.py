"""Human labels: the masks of several annotators, fused into one, and how far they agree.

Start with `fusion.fuse` for masks in memory; for folders, with `fused.fuse_folder` and
`agreement.measure_agreement`.
"""

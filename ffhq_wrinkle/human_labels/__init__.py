"""Human labels: what annotators drew, fused into one mask, and how far they agree.

The modules read in the order data moves, each importing only from those before it, and from the
package around: `annotators`, `annotations`, `votes`, `staple`, `semi_automatic`, `fusion`,
`tallies`, `agreement`, `fusion_table`, `fusion_report`, `fused`, `tables`, `annotator_figures`,
`report`.
"""

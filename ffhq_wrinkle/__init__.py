"""Facial wrinkle data and models: weak labels, human labels, training and evaluation.

The modules read in the order data moves, each importing only from those before it:
`errors`, `png`, `drawings`, `files`, `folder_lock`, `masks`, `manifest`, `sources`, `labels`,
`weights`, `inference`, `upsampling`, `ncnn_network`, `bisenet`, `template`, `parsing`, `texture`,
`landmarks`, `alignment`, `failures`, `outputs`, `progress`, `pipeline`, `shards`, `worker`,
`cluster`, `folder_run`, `weak`, `annotators`, `annotations`, `votes`, `metrics`, `neighbourhoods`,
`staple`, `semi_automatic`, `fusion`, `tallies`, `bootstrap`, `estimates`, `agreement`,
`fusion_table`, `fusion_report`, `fused`, `tabulation`, `tables`, `overlays`, `figures`,
`report_folder`, `report`, `verification`, `answers`, `transfer`, `archives`, `archive_places`,
`metadata`, `image_sources`, `ledger`, `licence`, `data_set`, `download`, and `cli`, which calls
everything; its commands are in `commands/`.
"""

__version__ = "0.1.0"

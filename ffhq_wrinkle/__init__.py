"""Facial wrinkle data and models: weak labels, human labels, training and evaluation.

The modules read in the order data moves, each importing only from those before it: `errors`,
`places`, `writing`, `png`, `png_decoding`, `photographs`, `jpeg`, `folder_lock`, `store_lock`,
`masks`, `ids`, `layout`, `sources`, `gpu_images`, `labels`, `weights`, `inference`, `halving`,
`upsampling`, `ncnn_network`, `bisenet`, `template`, `parsing`, `texture`, `gpu_texture`,
`landmarks`, `alignment`, `failures`, `result_files`, `stored_files`, `outputs`, `progress`,
`memory`, `pipeline`, `shards`, `worker`, `cluster`, `folder_run`, `weak_work`, `weak`, `metrics`,
`neighbourhoods`, `bootstrap`, `estimates`, `tabulation`, `overlays`, `figures`, `report_folder`,
the packages `human_labels`, `downloads`, `demographics` and `segmentation`, and `cli`, which calls
everything; its commands are in `commands/`.
"""

__version__ = "0.1.0"

"""Networks: those of the paper and its baselines, for images of any size, by name.

In order, each importing only from those before it: `sized`, `unet`, `unet_wds`, `striped_wrinet`,
`unet_resnet50`, `swin_unetr`, `swin_mim`, `catalogue`, `window_attention`, `parameters`.
"""

"""The command line with a quarter of the U-Net's channels: `python narrow.py predict ...`."""

from ffhq_wrinkle import cli
from ffhq_wrinkle.segmentation.networks.unet import UNet


def main(arguments=None):
    UNet.width = 16
    cli.main(arguments)


if __name__ == "__main__":
    main()

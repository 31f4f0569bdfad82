"""`python -m ffhq_wrinkle`, which is the command `ffhq-wrinkle`."""

from .cli import main

if __name__ == "__main__":
    main(prog_name="ffhq-wrinkle")

import pytest

from tests.helpers.faces import drawn_lines

SHAPE = (40, 50)


@pytest.fixture
def annotators(annotate):
    """Four images by three annotators."""
    return annotate(
        {
            name: {f"{image:05d}": drawn_lines(SHAPE, [image, seed], lines=8) for image in range(4)}
            for seed, name in enumerate("ABC")
        }
    )

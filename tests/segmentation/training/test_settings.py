import pytest

from ffhq_wrinkle.errors import ArgumentError
from ffhq_wrinkle.segmentation.training.settings import TrainSettings


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("fraction", 0.0, "fraction is 0.0; it should be above 0 and at most 1"),
        ("fraction", 1.1, "fraction is 1.1; it should be above 0 and at most 1"),
        ("seed", -1, "seed is -1; it should be at least 0"),
        ("accumulate", 0, "accumulate is 0; it should be at least 1"),
    ],
)
def test_invalid_settings_are_refused(field, value, message):
    with pytest.raises(ArgumentError) as caught:
        TrainSettings(**{field: value})
    assert str(caught.value) == message


def test_the_record_has_no_unset_limit_which_toml_could_not_hold():
    assert "limit" not in TrainSettings().record()
    assert TrainSettings(limit=3).record()["limit"] == 3

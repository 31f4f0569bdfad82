"""`predict` into a folder that holds predictions already, or somebody's corrections."""

import numpy as np
import pytest
from PIL import Image

from ffhq_wrinkle.dataset.ids import parse_ids
from ffhq_wrinkle.errors import OutputError
from ffhq_wrinkle.segmentation.prediction.prediction_folder import PredictSettings
from tests.helpers.files import files_of
from tests.helpers.networks import WRINKLE_LEVEL
from tests.helpers.pictures import pixels
from tests.helpers.predictions import corrected, expected_texture, predict, table_of


def test_only_missing_predictions_are_made_again(dataset, tmp_path, network):
    out = tmp_path / "out"
    predict(dataset, out, network)
    before = files_of(out)
    (out / "masks" / "00001.png").unlink()
    (out / "overlays" / "00999.jpg").unlink()
    report = predict(dataset, out, network)
    assert (report.made, report.kept) == (2, 4)
    assert files_of(out) == before
    assert "2 predictions written, 4 existed already" in report.summary()


def test_different_settings_are_refused_and_overwrite_replaces(dataset, tmp_path, network):
    out = tmp_path / "out"
    predict(dataset, out, network, limit=1)
    with pytest.raises(OutputError, match="flip False there and True now"):
        predict(dataset, out, network, flip=True)
    report = predict(dataset, out, network, flip=True, overwrite=True)
    assert report.made == 6


def test_a_folder_with_somebody_s_masks_is_refused(dataset, tmp_path, network):
    (tmp_path / "out" / "masks").mkdir(parents=True)
    Image.new("L", (8, 8)).save(tmp_path / "out" / "masks" / "00001.png")
    with pytest.raises(OutputError, match=r"did not make, such as masks/00001\.png"):
        predict(dataset, tmp_path / "out", network)


def test_a_corrected_mask_is_left_alone_and_out_of_the_table(dataset, tmp_path, network):
    out = tmp_path / "out"
    predict(dataset, out, network)
    before = corrected(out)
    assert predict(dataset, out, network).made == 0
    assert (out / "masks" / "00001.png").read_bytes() == before
    assert sorted(table_of(out)) == [image_id for image_id in dataset.ids if image_id != "00001"]


def test_a_corrected_mask_outlasts_overlays_made_afterwards_which_show_it(
    dataset, tmp_path, network
):
    out = tmp_path / "out"
    predict(dataset, out, network, settings=PredictSettings(overlays=False))
    before = corrected(out)
    assert predict(dataset, out, network).made == 6
    assert (out / "masks" / "00001.png").read_bytes() == before
    photo = pixels(dataset.image_path("00001")).astype(int)
    changed = np.abs(pixels(out / "overlays" / "00001.jpg") - photo).max(axis=2)
    assert changed[62:68, 52:58].min() > 40
    seen = expected_texture(dataset, "00001")[0] > WRINKLE_LEVEL
    assert np.median(changed[seen]) < 20


def test_a_corrected_mask_outlasts_an_interruption(dataset, tmp_path, network):
    out = tmp_path / "out"
    predict(dataset, out, network)
    (out / "predict.json").rename(out / ".predict.json.under-way")  # as if it was cut off
    (out / "masks" / "00002.png").unlink()
    before = corrected(out)
    assert predict(dataset, out, network).made == 1
    assert (out / "masks" / "00001.png").read_bytes() == before
    assert (out / "predict.json").exists()


def test_overwrite_removes_files_that_it_does_not_make(dataset, tmp_path, network):
    out, fresh = tmp_path / "out", tmp_path / "fresh"
    predict(dataset, out, network, settings=PredictSettings(probabilities="png"))
    npy = PredictSettings(probabilities="npy", overlays=False)
    corrected(out)
    predict(dataset, out, network, settings=npy, flip=True, overwrite=True)
    predict(dataset, fresh, network, settings=npy, flip=True)
    assert files_of(out) == files_of(fresh)


def test_overwriting_some_leaves_the_rest_out_of_the_table(dataset, tmp_path, network, caplog):
    out = tmp_path / "out"
    predict(dataset, out, network)
    some = {"ids": parse_ids("0-1"), "overwrite": True, "flip": True}
    predict(dataset, out, network, **some)
    assert sorted(table_of(out)) == ["00000", "00001"]
    assert "results with different settings; run again for all images" in caplog.text
    assert predict(dataset, out, network, flip=True).made == 4
    assert sorted(table_of(out)) == dataset.ids
    assert not (out / ".predict.json.under-way").exists()


def test_a_table_of_another_origin_is_refused(dataset, tmp_path, network):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "wrinkles.csv").write_text("mine")
    with pytest.raises(OutputError, match=r"wrinkles\.csv was not made by this command"):
        predict(dataset, tmp_path / "out", network)


def test_overlays_show_the_regions_only_on_request(dataset, tmp_path, network):
    plain, named = tmp_path / "plain", tmp_path / "named"
    predict(dataset, plain, network, limit=1)
    predict(dataset, named, network, limit=1, settings=PredictSettings(overlay_regions=True))
    first, second = (pixels(out / "overlays" / "00000.jpg").astype(int) for out in (plain, named))
    assert np.abs(first - second)[40:100, 40:90].max() > 60
    assert np.abs(first - second)[:8, :8].max() < 20

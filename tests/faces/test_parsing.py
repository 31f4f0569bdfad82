import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

import ffhq_wrinkle
from ffhq_wrinkle.errors import ArgumentError, ParsingError, SourceError
from ffhq_wrinkle.faces.labels import SKIN, FaceParser
from ffhq_wrinkle.faces.parsing import PARSERS, ParserSpec, create_parser
from ffhq_wrinkle.faces.ready_labels import ReadyLabels

LABELS = np.random.default_rng(2).integers(0, 19, (512, 512), dtype=np.uint8)
IMAGE = np.zeros((8, 8, 3), np.uint8)


@pytest.mark.parametrize("place", ["00007.npy", "00000/00007.npy", "00007.png", "00000/00007.png"])
def test_ready_label_maps_are_found_flat_and_in_shards(tmp_path, place):
    path = tmp_path / place
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".npy":
        np.save(path, LABELS)
    else:
        Image.fromarray(LABELS).save(path)
    assert_array_equal(ReadyLabels(tmp_path)([IMAGE], ["00007"])[0], LABELS)


def test_a_missing_label_map_is_its_image_s_failure(tmp_path):
    with pytest.raises(ParsingError, match=r"has no label map 00007.npy or 00007.png"):
        ReadyLabels(tmp_path)([IMAGE], ["00007"])


def test_a_missing_folder_of_label_maps_is_refused(tmp_path):
    with pytest.raises(ArgumentError, match="does not exist"):
        ReadyLabels(tmp_path / "nowhere")


@pytest.mark.parametrize("place", ["face_parsed_labels", "etcs/face_parsed_labels"])
def test_the_released_label_maps_are_found_beside_the_images(tmp_path, place):
    images = tmp_path / "images1024x1024"
    for folder in (images, tmp_path / place):
        folder.mkdir(parents=True)
    for given in (images, tmp_path):
        parser = create_parser("labels", images=given)
        assert isinstance(parser, ReadyLabels)
        assert parser.folder == tmp_path / place


def test_without_label_maps_the_option_is_named(tmp_path):
    with pytest.raises(ArgumentError, match="--labels FOLDER"):
        create_parser("labels", images=tmp_path)


def test_settings_of_another_parser_are_refused(tmp_path):
    with pytest.raises(ArgumentError, match="weights belong to the parser bisenet"):
        create_parser("mesh", weights=tmp_path / "a.pth")
    with pytest.raises(ArgumentError, match="belongs to the parser labels"):
        create_parser("bisenet", labels=tmp_path)
    with pytest.raises(ArgumentError, match="choose one of auto, bisenet, labels, mesh"):
        create_parser("retina")


def test_without_weights_and_network_a_one_line_error_gives_advice(tmp_path, publish, site):
    address = site.url("/79999_iter.pth")
    site.server_close()
    publish("bisenet", "79999_iter.pth", address)
    with pytest.raises(SourceError) as error:
        create_parser("bisenet")
    said = str(error.value)
    assert "\n" not in said
    for part in (address, f"Put 79999_iter.pth into {tmp_path / 'cache'}", "--weights FILE"):
        assert part in said
    assert "--parser labels or --parser mesh" in said


def test_auto_is_the_face_mesh_where_bisenet_cannot_be_had(tmp_path, publish, site, caplog):
    publish("bisenet", "79999_iter.pth", site.url("/none.pth"))
    assert create_parser("auto").name == "mesh"
    (message,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert "79999_iter.pth" in message
    assert "Faces are found by the parser mesh" in message
    assert "hair, hats and glasses" in message
    assert "\n" not in message


def test_auto_tries_the_download_only_once_and_warns_each_time(publish, site, caplog):
    publish("bisenet", "79999_iter.pth", site.url("/none.pth"))
    assert create_parser("auto").name == "mesh"
    requests = len(site.requests)
    assert requests > 0
    assert create_parser("auto").name == "mesh"
    assert len(site.requests) == requests
    assert sum("parser mesh" in record.getMessage() for record in caplog.records) == 2


def test_auto_is_bisenet_where_its_weights_are(tmp_path, publish, site, caplog):
    content = b"not BiSeNet's"
    publish("bisenet", "79999_iter.pth", site.url("/weights.pth"), content)
    site.pages["/weights.pth"] = content
    with pytest.raises(SourceError, match=r"79999_iter\.pth"):
        create_parser("auto")
    assert (tmp_path / "cache" / "79999_iter.pth").read_bytes() == content
    with pytest.raises(SourceError, match=r"mine\.pth: no such file"):
        create_parser("auto", weights=tmp_path / "mine.pth")


class EverythingIsSkin(FaceParser):
    name = "skin"
    note = "skin everywhere"

    def prepare(self, image, image_id):
        return np.full((512, 512), SKIN, np.uint8)


def test_a_parser_that_is_entered_in_the_table_is_known_everywhere(tmp_path, monkeypatch):
    spec = ParserSpec(
        name="skin", description="everything", create=lambda settings: EverythingIsSkin()
    )
    monkeypatch.setitem(PARSERS, "skin", spec)
    photo = np.random.default_rng(5).integers(0, 256, (40, 48, 3), dtype=np.uint8)
    (tmp_path / "photos").mkdir()
    Image.fromarray(photo).save(tmp_path / "photos" / "a.png")

    texture = ffhq_wrinkle.texture_map(photo)
    assert_array_equal(ffhq_wrinkle.weak_mask(photo, parser="skin"), texture)
    ffhq_wrinkle.build_weak(tmp_path / "photos", tmp_path / "weak", parser="skin", jobs=1)
    assert_array_equal(np.asarray(Image.open(tmp_path / "weak" / "a.png")), texture)
    assert '"parser": "skin"' in (tmp_path / "weak" / "build.json").read_text()

    with pytest.raises(ArgumentError, match="weights belong to the parser bisenet, not to skin"):
        create_parser("skin", weights=tmp_path / "a.pth")

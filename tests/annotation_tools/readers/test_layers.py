"""Layers of Photoshop and OpenRaster: files of GIMP and Krita with their truth."""

import io
import sys
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.annotation_tools.export_files import ExportError
from tests.helpers.annotation_exports import EXPORTS, annotations_of, drawn, truth

LAYERS = EXPORTS / "layers-gimp-krita"


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["layers.psd", "layers.ora"])
def test_each_layer_but_the_photograph_is_an_annotator_s(name):
    by_person = {one.people[0]: one for one in annotations_of(LAYERS / name)}
    assert by_person.keys() == {"ann a", "ann b"}
    for person in ("a", "b"):
        assert by_person[f"ann {person}"].image_name == "layers"
        expected = truth(f"layers-gimp-krita/truth/ann_{person}_alpha128.png")
        assert_array_equal(drawn(by_person[f"ann {person}"]), expected)


@pytest.mark.real_data
def test_drawings_of_gimp_are_to_be_saved_otherwise():
    with pytest.raises(ExportError, match=r"layers\.xcf: .* not read; save it as PSD, or export"):
        annotations_of(LAYERS / "layers.xcf")


def png(alpha):
    pixels = np.zeros((*alpha.shape, 4), np.uint8)
    pixels[..., 3] = alpha
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def write(path, stack, **files):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "image/openraster")
        archive.writestr("stack.xml", f'<image w="12" h="8"><stack>{stack}</stack></image>')
        for name, content in files.items():
            archive.writestr(f"data/{name}.png", content)
    return path


def test_layers_have_places_also_within_stacks_and_may_reach_out(tmp_path):
    stack = (
        '<stack x="2" y="1"><layer name="ann" src="data/a.png" x="3" y="2"/></stack>'
        '<layer name="ben" src="data/a.png" x="-1" y="7" visibility="hidden"/>'
    )
    levels = np.array([[255, 100, 255], [0, 255, 0]], np.uint8)
    path = write(tmp_path / "00007.ora", stack, a=png(levels))
    ann, ben = annotations_of(path)
    expected = np.zeros((8, 12), bool)
    expected[3:5, 5:8] = levels >= 128
    assert_array_equal(drawn(ann), expected)
    expected = np.zeros((8, 12), bool)
    expected[7, 1] = True
    assert_array_equal(drawn(ben), expected)
    assert ben.shapes[0].remark == "a hidden layer"


@pytest.mark.parametrize(
    ("stack", "reason"),
    [
        ('<layer name="ann" src="data/b.png"/>', r"layer 'ann': there is no data/b\.png"),
        ('<layer name="a" src="data/a.png"/><layer name="a" src="data/a.png"/>', "two layers"),
        ("", "no layer but the photograph"),
        ("<layer", r"stack\.xml: damaged"),
        ('<layer name="ann" src="data/c.png"/>', "layer 'ann': not an image"),
    ],
)
def test_a_damaged_drawing_is_an_error_that_says_where(tmp_path, stack, reason):
    path = write(tmp_path / "00007.ora", stack, a=png(np.ones((1, 1))), c=b"nonsense")
    with pytest.raises(ExportError, match=rf"00007\.ora.*{reason}"):
        [drawn(one) for one in annotations_of(path)]


@pytest.mark.parametrize(
    ("head", "module", "extra", "name"),
    [
        (b"8BPS", "psd_tools", "psd", "a.psd"),
        (b"NRRD0005\n", "nrrd", "nrrd", "a.nrrd"),
        (b"\x1f\x8b", "nibabel", "nifti", "a.nii.gz"),
    ],
)
def test_a_missing_library_is_named(tmp_path, monkeypatch, head, module, extra, name):
    (tmp_path / name).write_bytes(head)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ExportError, match=rf"pip install 'ffhq-wrinkle\[{extra}\]'"):
        annotations_of(tmp_path / name)

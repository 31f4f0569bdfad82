import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.dataset.layout import ImageFile
from ffhq_wrinkle.errors import AnnotationError, ImageError
from ffhq_wrinkle.human_labels.annotations import read_annotations, read_files
from ffhq_wrinkle.human_labels.annotators import AnnotatedImage, AnnotationSettings
from tests.helpers.faces import mask

SMALL = mask("#. / .#")
LARGE = mask("##.. / ##.. / ..## / ..##")


def image_of(folders, image_id="x", region=None):
    paths = (folder / f"{image_id}.png" for folder in folders)
    masks = tuple(path if path.exists() else None for path in paths)
    return AnnotatedImage(ImageFile(image_id, f"{image_id}.png"), masks, region)


def test_masks_come_in_the_annotators_order(annotate):
    folders = annotate({"a": {"x": SMALL}, "b": {"x": ~SMALL}})
    found = read_annotations(image_of(folders), AnnotationSettings())
    assert_array_equal(found.masks, [SMALL, ~SMALL])
    assert found.region is None


def test_an_annotator_without_a_file_drew_nothing(annotate):
    folders = annotate({"a": {}, "b": {"x": SMALL}, "c": {}})
    found = read_annotations(image_of(folders), AnnotationSettings(missing="empty"))
    assert_array_equal(found.masks, [np.zeros((2, 2), bool), SMALL, np.zeros((2, 2), bool)])


def test_different_sizes_are_refused_with_both_files_and_advice(annotate):
    folders = annotate({"a": {"x": SMALL}, "b": {"x": LARGE}})
    with pytest.raises(
        AnnotationError, match=r"b/x\.png is 4x4, but .*a/x\.png is 2x2; .*--resize"
    ):
        read_annotations(image_of(folders), AnnotationSettings())


def test_different_sizes_are_resized_to_the_first_annotator_s(annotate):
    settings = AnnotationSettings(resize="nearest")
    folders = annotate({"a": {"x": SMALL}, "b": {"x": LARGE}})
    assert_array_equal(read_annotations(image_of(folders), settings).masks, [SMALL, SMALL])
    found = read_annotations(image_of(folders[::-1]), settings)
    assert_array_equal(found.masks, [LARGE, LARGE])


def test_a_threshold_is_for_annotations_not_for_face_masks(annotate):
    folders = annotate({"a": {}, "b": {}, "faces": {}})
    for folder, levels in zip(folders, ([0, 90, 200], [0, 150, 90], [0, 1, 1]), strict=True):
        Image.fromarray(np.array([levels], np.uint8)).save(folder / "x.png")
    found = read_annotations(
        image_of(folders[:2], region=folders[2] / "x.png"), AnnotationSettings(threshold=128)
    )
    assert_array_equal(found.masks, [mask("..#"), mask(".#.")])
    assert_array_equal(found.region, mask(".##"))


def test_a_face_mask_of_many_levels_takes_the_threshold(annotate):
    folders = annotate({"a": {"x": mask("#..")}, "b": {"x": mask("#..")}, "faces": {}})
    Image.fromarray(np.array([[0, 127, 128]], np.uint8)).save(folders[2] / "x.png")
    image = image_of(folders[:2], region=folders[2] / "x.png")
    found = read_annotations(image, AnnotationSettings(threshold=128))
    assert_array_equal(found.region, mask("..#"))


def test_a_resizing_that_leaves_nothing_of_a_drawing_is_refused(annotate):
    settings = AnnotationSettings(resize="nearest")
    # Of 4 columns the centres of the 2 wider pixels lie in columns 1 and 3; the line is in 2.
    thin = mask("..#. / ..#. / ..#. / ..#.")
    folders = annotate({"a": {"x": SMALL}, "b": {"x": thin}})
    with pytest.raises(AnnotationError, match=r"b/x\.png: --resize nearest leaves nothing .* 2x2"):
        read_annotations(image_of(folders), settings)
    folders = annotate({"a": {"x": SMALL}, "b": {"x": thin & False}}, under="empty")
    assert not read_annotations(image_of(folders), settings).masks[1].any()


def test_an_empty_face_mask_is_refused(annotate):
    folders = annotate({"a": {"x": SMALL}, "b": {"x": SMALL}, "faces": {"x": SMALL & False}})
    with pytest.raises(AnnotationError, match=r"faces/x\.png is empty"):
        read_annotations(image_of(folders[:2], region=folders[2] / "x.png"), AnnotationSettings())


def test_a_face_mask_of_another_size_is_refused(annotate):
    folders = annotate({"a": {"x": SMALL}, "b": {"x": SMALL}, "faces": {"x": LARGE}})
    image = image_of(folders[:2], region=folders[2] / "x.png")
    with pytest.raises(AnnotationError, match=r"faces/x\.png is 4x4"):
        read_annotations(image, AnnotationSettings())
    found = read_annotations(image, AnnotationSettings(resize="nearest"))
    assert_array_equal(found.region, SMALL)


def test_a_damaged_file_is_named(annotate):
    folders = annotate({"a": {"x": SMALL}, "b": {"x": SMALL}})
    (folders[1] / "x.png").write_bytes(b"not a mask")
    with pytest.raises(ImageError, match=r"b/x\.png: not an image"):
        read_annotations(image_of(folders), AnnotationSettings())
    image = image_of(folders)
    (folders[1] / "x.png").unlink()
    with pytest.raises(ImageError, match=r"b/x\.png: no such file"):
        read_annotations(image, AnnotationSettings())


def test_a_fingerprint_depends_on_contents_alone(annotate, tmp_path):
    one, other = annotate({"a": {"x": SMALL}, "b": {"x": ~SMALL}})
    copies = annotate({"a": {"x": SMALL}, "b": {"x": ~SMALL}}, under="copies")
    fingerprints = [
        read_files(image_of(folders)).fingerprint()
        for folders in ([one, other], copies, [other, one], [one, tmp_path], [tmp_path, one], [one])
    ]
    assert fingerprints[0] == fingerprints[1]
    assert len(set(fingerprints)) == 5
    within = read_files(image_of([one, other], region=one / "x.png")).fingerprint()
    assert within not in fingerprints

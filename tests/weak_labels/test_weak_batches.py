import numpy as np
import pytest
from numpy.testing import assert_array_equal

from ffhq_wrinkle.faces.labels import FaceParser
from ffhq_wrinkle.faces.ready_labels import ReadyLabels
from ffhq_wrinkle.weak_labels.formulas import FORMULAS
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from ffhq_wrinkle.weak_labels.weak_work import ByProducts
from tests.helpers.files import files_of
from tests.helpers.weak_masks import StaysOnGpu, build

ON_GPU = [name for name, formula in FORMULAS.items() if formula.levels_on_gpu]


class Batches(FaceParser):
    """All skin, in batches of four; remembers how large they were."""

    name = note = "batches"
    batch_size = 4

    def __init__(self):
        self.sizes = []

    def prepare(self, image, image_id):
        return image[:1, :1, 0]

    def label_maps(self, prepared):
        self.sizes.append(len(prepared))
        return [np.ones((512, 512), np.uint8) for _ in prepared]


@pytest.mark.parametrize("recipe", ON_GPU)
def test_weak_masks_computed_where_a_batch_was_parsed_are_the_same(make_dataset, tmp_path, recipe):
    dataset = make_dataset(range(6), side=128)
    np.save(dataset.labels / "00005.npy", np.zeros((512, 512), np.uint8))
    texture = TextureSettings(recipe=recipe, scale_to_image=True)
    made = {}
    for name, parser in (
        ("one by one", ReadyLabels(dataset.labels)),
        ("in batches", StaysOnGpu(dataset.labels)),
    ):
        folders = {kind: tmp_path / name / kind for kind in ("face_masks", "masked_images")}
        report = build(
            dataset,
            tmp_path / name / "weak",
            parser=parser,
            texture=texture,
            by_products=ByProducts(**folders),
            jobs=2,
        )
        assert (report.made, report.failed) == (5, 1)
        made[name] = files_of(tmp_path / name)
    assert parser.batches == [4, 2]
    assert {path for path in made["one by one"] if path.endswith(".png")} >= {
        "weak/00000/00004.png", "masked_images/00004.png", "face_masks/00004.png",
    }  # fmt: skip
    assert made["in batches"] == made["one by one"]


def test_label_maps_that_are_kept_are_those_of_the_parser(make_dataset, tmp_path):
    dataset = make_dataset(range(3), side=64)
    parser = StaysOnGpu(dataset.labels)
    build(
        dataset, tmp_path / "out", parser=parser, by_products=ByProducts(labels=tmp_path / "kept")
    )
    assert parser.batches == []
    kept = list((tmp_path / "kept").glob("*.npy"))
    assert len(kept) == 3
    for path in kept:
        assert_array_equal(np.load(path), np.load(dataset.labels / path.name))


def test_parsers_see_full_batches_even_after_failures(make_dataset, tmp_path):
    dataset = make_dataset(range(14), side=32)
    dataset.image_path("00002").write_text("not an image")
    parser = Batches()
    report = build(dataset, tmp_path / "out", parser=parser, jobs=3)
    assert report.made == 13
    assert parser.sizes == [4, 4, 4, 1]

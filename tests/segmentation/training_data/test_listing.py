import json
import logging
import os
import shutil
import time

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.errors import ArgumentError, RunInterrupted, TrainingDataError
from ffhq_wrinkle.faces.parsing import ReadyLabels
from ffhq_wrinkle.faces.template import TemplateParser
from ffhq_wrinkle.segmentation.training_data.checks import require_trainable
from ffhq_wrinkle.segmentation.training_data.listing import read_listing
from ffhq_wrinkle.segmentation.training_data.samples import load_sample
from ffhq_wrinkle.weak_labels.texture import TextureSettings
from ffhq_wrinkle.weak_labels.weak import build_weak
from ffhq_wrinkle.weak_labels.weak_work import ByProducts
from tests.helpers.faces import drawn_face, drawn_lines
from tests.helpers.files import files_of
from tests.helpers.tables import write_manifest

PAPER, RELEASED = TextureSettings(), TextureSettings(recipe="released")


def never():
    raise AssertionError("a parser was asked for")


def draw_masks(folder, ids, side=128, levels=(0, 255)):
    folder.mkdir(parents=True, exist_ok=True)
    for image_id in ids:
        drawn = drawn_lines((side, side), int(image_id), lines=9)
        Image.fromarray(np.array(levels, np.uint8)[drawn.astype(int)]).save(
            folder / f"{image_id}.png"
        )
    return folder


@pytest.fixture
def plain(dataset, tmp_path):
    """A folder with `images` and `masks`, and a function that makes the parser for it."""
    folder = tmp_path / "plain"
    (folder / "images").mkdir(parents=True)
    for image_id in dataset.ids:
        shutil.copy(dataset.image_path(image_id), folder / "images")
    draw_masks(folder / "masks", dataset.ids[:4])
    return folder


@pytest.fixture
def parser(dataset):
    return lambda: ReadyLabels(dataset.labels)


@pytest.fixture
def released(dataset, parser):
    """The released layout, with weak masks as build-weak makes them, and four human masks."""
    weak = dataset.root / "weak_wrinkle_masks"
    build_weak(dataset.images, weak, parser=parser(), texture=RELEASED)
    draw_masks(dataset.root / "manual_wrinkle_masks", dataset.ids[:4])
    return dataset.root


def times(folder):
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*.png")}


def test_the_released_layout_has_everything(released, dataset):
    found = read_listing(released, stage="finetune", parser=never)
    assert [one.image_id for one in found.samples] == dataset.ids[:4]
    first = found.samples[0]
    assert first.image == dataset.image_path("00000")
    assert first.mask == released / "manual_wrinkle_masks" / "00000.png"
    assert first.weak == released / "weak_wrinkle_masks" / "00000" / "00000.png"
    assert first.face == dataset.labels / "00000.npy"
    assert found.texture == RELEASED
    assert not found.split
    require_trainable(found.samples, stage="finetune")
    assert load_sample(first, stage="finetune").texture.any()


def test_pretraining_takes_every_photograph(released, dataset):
    found = read_listing(released, stage="pretrain", parser=never)
    assert [one.image_id for one in found.samples] == dataset.ids
    assert all(one.mask is None and one.face is None for one in found.samples)


def test_published_weak_masks_are_of_the_published_recipe(released, dataset):
    (released / "weak_wrinkle_masks" / "build.json").unlink()
    (released / "etcs").mkdir()
    dataset.labels.rename(released / "etcs" / "face_parsed_labels")
    found = read_listing(released, stage="finetune", parser=never)
    assert found.texture == RELEASED
    assert found.samples[0].face == released / "etcs" / "face_parsed_labels" / "00000.npy"
    with pytest.raises(ArgumentError, match=r"recipe released.*not with recipe paper"):
        read_listing(released, stage="finetune", parser=never, texture=PAPER)


def test_weak_masks_that_are_missing_are_made_as_the_others_were(released, dataset):
    lost = released / "weak_wrinkle_masks" / "00000" / "00001.png"
    before = lost.read_bytes()
    lost.unlink()
    found = read_listing(released, stage="finetune", parser=never)
    made = found.samples[1].weak
    assert made.is_relative_to(released / ".ffhq-wrinkle-cache")
    lost.write_bytes(before)
    assert_array_equal(np.asarray(Image.open(made)), np.asarray(Image.open(lost)))


def test_weak_masks_of_a_plain_folder_are_made_once_and_then_reused(plain, parser, caplog):
    caplog.set_level(logging.INFO)
    first = read_listing(plain, stage="finetune", parser=parser, jobs=2)
    assert "made 4 weak masks into" in caplog.text
    assert "reused" not in caplog.text
    require_trainable(first.samples, stage="finetune", jobs=2)
    made = times(plain / ".ffhq-wrinkle-cache")
    caplog.clear()
    assert read_listing(plain, stage="finetune", parser=parser) == first
    assert "4 weak masks reused from" in caplog.text
    assert "made" not in caplog.text
    assert times(plain / ".ffhq-wrinkle-cache") == made


def test_of_a_limited_number_no_more_weak_masks_are_made(plain, parser, caplog):
    caplog.set_level(logging.INFO)
    found = read_listing(plain, stage="pretrain", parser=parser, limit=2)
    assert len(found.samples) == 2
    assert "made 2 weak masks into" in caplog.text


def test_pretraining_adds_to_the_cache_of_finetuning(plain, parser, caplog):
    caplog.set_level(logging.INFO)
    read_listing(plain, stage="finetune", parser=parser)
    found = read_listing(plain, stage="pretrain", parser=parser)
    assert len(found.samples) == 6
    assert "4 weak masks reused from" in caplog.text
    assert "made 2 weak masks into" in caplog.text


def test_what_is_made_is_what_build_weak_makes(plain, dataset, parser, tmp_path):
    found = read_listing(plain, stage="finetune", parser=parser, texture=RELEASED)
    build_weak(
        dataset.images,
        tmp_path / "weak",
        parser=parser(),
        texture=RELEASED,
        by_products=ByProducts(face_masks=tmp_path / "faces"),
    )
    assert found.texture == RELEASED
    for one in found.samples[:3]:
        assert one.weak.read_bytes() == (tmp_path / "weak/00000" / one.weak.name).read_bytes()
        assert one.face.read_bytes() == (tmp_path / "faces" / one.face.name).read_bytes()


def test_without_weak_masks_none_are_made_nor_listed(plain, released, parser):
    found = read_listing(plain, stage="pretrain", parser=never, weak=False)
    assert [one.weak for one in found.samples] == [None] * 6
    require_trainable(found.samples, stage="pretrain", weak=False)
    with pytest.raises(TrainingDataError, match="6 images have no weak mask"):
        require_trainable(found.samples, stage="pretrain")
    assert not (plain / ".ffhq-wrinkle-cache").exists()
    found = read_listing(released, stage="finetune", parser=never, weak=False)
    assert all(one.weak is None and one.face for one in found.samples)
    found = read_listing(plain, stage="finetune", parser=parser, weak=False)  # faces are needed
    assert all(one.weak is None and one.face for one in found.samples)


def test_other_settings_have_another_cache(plain, parser):
    one = read_listing(plain, stage="finetune", parser=parser)
    other = read_listing(plain, stage="finetune", parser=parser, texture=RELEASED)
    again = read_listing(plain, stage="finetune", parser=TemplateParser)
    assert len({found.samples[0].weak for found in (one, other, again)}) == 3


def test_the_cache_may_be_elsewhere_and_the_data_stays_as_it_is(plain, parser, tmp_path):
    before = files_of(plain)
    found = read_listing(plain, stage="finetune", parser=parser, cache=tmp_path / "cache")
    assert files_of(plain) == before
    assert found.samples[0].weak.is_relative_to(tmp_path / "cache")


def test_a_photograph_that_changed_is_done_anew_and_said_so(plain, parser, caplog):
    caplog.set_level(logging.INFO)
    read_listing(plain, stage="finetune", parser=parser)
    changed, touched = (plain / "images" / f"{image_id}.png" for image_id in ("00001", "00002"))
    Image.fromarray(drawn_face(128, seed=9)[0]).save(changed)
    os.utime(touched, (1, 1))  # a copy of the data has other times, and the same content
    made = times(plain / ".ffhq-wrinkle-cache")
    caplog.clear()
    read_listing(plain, stage="finetune", parser=parser)
    assert "1 images are not those that" in caplog.text
    assert "such as 00001; these are made anew" in caplog.text
    assert "3 weak masks reused" in caplog.text
    later = times(plain / ".ffhq-wrinkle-cache")
    assert {path.name for path in made if made[path] != later[path]} == {"00001.png"}


def test_an_interrupted_build_goes_on_where_it_was(plain, dataset, caplog):
    caplog.set_level(logging.INFO)

    class Interrupted(ReadyLabels):
        def prepare(self, image, image_id):
            if image_id == "00002":
                for _ in range(3000):  # what has not begun at an interruption is never done
                    if list(plain.rglob(".ffhq-wrinkle-cache/**/weak/**/0*.png")):
                        break
                    time.sleep(0.01)
                raise KeyboardInterrupt
            return super().prepare(image, image_id)

    with pytest.raises(RunInterrupted):
        read_listing(plain, stage="finetune", parser=lambda: Interrupted(dataset.labels), jobs=2)
    caplog.clear()
    found = read_listing(plain, stage="finetune", parser=lambda: ReadyLabels(dataset.labels))
    assert len(found.samples) == 4
    assert "weak masks reused" in caplog.text
    assert "made 4" not in caplog.text
    assert len(list((plain / ".ffhq-wrinkle-cache").iterdir())) == 1


def test_ready_face_masks_need_no_parser(plain, dataset, parser, tmp_path):
    by_products = ByProducts(face_masks=plain / "face_masks")
    build_weak(dataset.images, tmp_path / "weak", parser=parser(), by_products=by_products)
    found = read_listing(plain, stage="finetune", parser=never)
    for one in found.samples[:3]:
        assert one.face == plain / "face_masks" / f"{one.image_id}.png"
        made = np.asarray(Image.open(one.weak))
        expected = Image.open(tmp_path / "weak" / "00000" / f"{one.image_id}.png")
        assert_array_equal(made, np.asarray(expected))


def test_images_without_a_face_are_left_out_and_named(plain, dataset, parser, caplog):
    np.save(dataset.labels / "00001.npy", np.zeros((512, 512), np.uint8))
    found = read_listing(plain, stage="finetune", parser=parser)
    assert [one.image_id for one in found.samples] == ["00000", "00002", "00999"]
    (warning,) = (one.getMessage() for one in caplog.records if one.levelname == "WARNING")
    assert warning.startswith("1 of 4 images are left out, for no face was found: 00001 (")
    for path in dataset.labels.iterdir():
        np.save(path, np.zeros((512, 512), np.uint8))
    with pytest.raises(TrainingDataError, match="none of the 4 images has a face"):
        read_listing(plain, stage="finetune", parser=parser, cache=plain / "other")


def test_a_damaged_image_is_not_left_out_but_named_by_the_checks(plain, parser):
    (plain / "images" / "00001.png").write_text("not an image")
    (plain / "masks" / "00009.png").write_bytes((plain / "masks" / "00000.png").read_bytes())
    found = read_listing(plain, stage="finetune", parser=parser)
    with pytest.raises(TrainingDataError) as caught:
        require_trainable(found.samples, stage="finetune")
    missing, damaged = str(caught.value).splitlines()[1:]
    assert missing == f"1 files are not there: {plain / 'images' / '00009.png'}"
    assert damaged.startswith(f"1 files can not be used: {plain / 'images' / '00001.png'}: not an")


def test_a_mask_of_the_released_layout_without_its_photograph_is_found_by_the_checks(released):
    shutil.copy(
        released / "manual_wrinkle_masks/00000.png", released / "manual_wrinkle_masks/7.png"
    )
    found = read_listing(released, stage="finetune", parser=never)
    with pytest.raises(TrainingDataError, match=r"1 files are not there: \S+00000/00007\.png"):
        require_trainable(found.samples, stage="finetune")


def test_a_manifest_names_files_anywhere(plain, dataset, parser, tmp_path):
    path = write_manifest(
        tmp_path / "data.csv",
        [
            {"image_id": "1", "image": "plain/images/00001.png", "mask": "plain/masks/00000.png"},
            {"image_id": "portrait", "image": str(dataset.image_path("00002")), "mask": ""},
            {"image_id": "2", "image": str(dataset.image_path("00002")), "mask": "none.png"},
        ],
    )
    found = read_listing(path, stage="finetune", parser=parser)
    assert [one.image_id for one in found.samples] == ["00001", "00002"]
    assert found.samples[0].weak.is_relative_to(tmp_path / ".ffhq-wrinkle-cache")
    with pytest.raises(TrainingDataError, match=r"1 files are not there: \S+none\.png"):
        require_trainable(found.samples, stage="finetune")
    assert read_listing(path, stage="pretrain", parser=TemplateParser).samples[2][0] == "portrait"


def test_a_manifest_may_name_everything_and_the_split(released, tmp_path):
    rows = [
        {
            "image_id": image_id,
            "image": f"data/images1024x1024/00000/{image_id}.png",
            "mask": f"data/manual_wrinkle_masks/{image_id}.png",
            "weak": f"data/weak_wrinkle_masks/00000/{image_id}.png",
            "face_mask": f"data/face_parsed_labels/{image_id}.npy",
            "split": part,
        }
        for image_id, part in (("00000", "train"), ("00001", "val"), ("00002", "test"))
    ]
    path = write_manifest(tmp_path / "data.csv", rows)
    found = read_listing(path, stage="finetune", parser=never)
    assert found.texture == RELEASED
    assert found.split == {"00000": "train", "00001": "val", "00002": "test"}
    require_trainable(found.samples, stage="finetune")
    assert not (tmp_path / ".ffhq-wrinkle-cache").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,image\n1,a.png\n", "data.csv:1: the columns are id, image; wanted are image_id and"),
        ("image_id,image,masks\n", "data.csv:1: the columns"),
        ("image_id,image\n1,a.png\n00001,b.png\n", "data.csv:3: 00001 is there twice"),
        ("image_id,image\n../1,a.png\n", "data.csv:2: '../1' is not an image id"),
        ("image_id,image\n1,\n", "data.csv:2: 00001 has no image"),
        ("image_id,image\n1\n", "data.csv:2: the line has more or fewer values"),
        ("image_id,image,split\n1,a.png,training\n", "data.csv:2: the split is 'training'"),
        ("image_id,image,split\n1,a,train\n2,b,\n", "data.csv:3: give every image a split"),
        ("image_id,image,split\n1,a,\n2,b,val\n", "data.csv:3: give every image a split"),
        ("image_id,image\n", "data.csv lists no image"),
        ("", "data.csv:1: the columns are missing"),
        ('image_id,image\n"1,a\n', "data.csv can not be read as a CSV manifest"),
    ],
)
def test_a_wrong_line_of_a_manifest_is_named(tmp_path, text, message):
    (tmp_path / "data.csv").write_text(text)
    with pytest.raises(ArgumentError) as caught:
        read_listing(tmp_path / "data.csv", stage="pretrain", parser=never)
    assert message in str(caught.value)


def test_two_manifests_beside_each_other_do_not_share_what_is_not_the_same(
    plain, dataset, parser, tmp_path
):
    listed = []
    for number, image_id in enumerate(("00001", "00002")):
        row = {"image_id": "face", "image": str(dataset.image_path(image_id))}
        path = write_manifest(tmp_path / f"{number}.csv", [row])
        (one,) = read_listing(path, stage="pretrain", parser=TemplateParser).samples
        listed.append(one.weak.read_bytes())
    assert listed[0] != listed[1]


def test_what_is_no_data_is_refused(tmp_path, plain, parser):
    with pytest.raises(ArgumentError, match="is no data to train on: neither a CSV manifest"):
        read_listing(tmp_path / "none", stage="finetune", parser=never)
    shutil.rmtree(plain / "masks")
    with pytest.raises(ArgumentError, match="has no human masks to finetune on"):
        read_listing(plain, stage="finetune", parser=never)


def test_soft_masks_are_told_by_what_fuse_labels_noted(plain, parser):
    draw_masks(plain / "masks", ["00000", "00001", "00002", "00999"], levels=(0, 85))
    assert not read_listing(plain, stage="finetune", parser=parser).samples[0].soft
    (plain / "masks" / "fusion.json").write_text(json.dumps({"settings": {"method": "soft"}}))
    found = read_listing(plain, stage="finetune", parser=parser)
    assert all(one.soft for one in found.samples)
    assert load_sample(found.samples[0], stage="finetune").target.max() == 85


def test_one_mask_of_many_levels_makes_its_folder_soft(plain, parser, caplog):
    caplog.set_level(logging.INFO)
    levels = np.array([[0, 85], [170, 255]], np.uint8).repeat(64, 0).repeat(64, 1)
    Image.fromarray(levels).save(plain / "masks" / "00002.png")
    found = read_listing(plain, stage="finetune", parser=parser)
    assert all(one.soft for one in found.samples)
    assert "are taken as soft: 00002.png has many levels" in caplog.text
    require_trainable(found.samples, stage="finetune")
    assert_array_equal(load_sample(found.samples[2], stage="finetune").target, levels)
    # But not if they are known to be the majority's: then something else is wrong.
    (plain / "masks" / "fusion.json").write_text(json.dumps({"settings": {"method": "majority"}}))
    found = read_listing(plain, stage="finetune", parser=parser)
    with pytest.raises(TrainingDataError, match=r"00002\.png: not a mask of two values"):
        require_trainable(found.samples, stage="finetune")


def test_the_hash_is_of_the_data_and_not_of_its_place(plain, dataset, parser, tmp_path):
    def digest(folder):
        return read_listing(folder, stage="finetune", parser=parser).sha256()

    before = digest(plain)
    assert before == digest(plain)
    shutil.copytree(plain, tmp_path / "copy", ignore=shutil.ignore_patterns(".ffhq*"))
    assert digest(tmp_path / "copy") == before
    seen = {before}
    draw_masks(tmp_path / "other", ["00077"])
    shutil.copy(tmp_path / "other" / "00077.png", tmp_path / "copy" / "masks" / "00001.png")
    seen.add(digest(tmp_path / "copy"))
    (tmp_path / "copy" / "masks" / "00002.png").unlink()
    seen.add(digest(tmp_path / "copy"))
    seen.add(read_listing(plain, stage="pretrain", parser=parser).sha256())
    seen.add(read_listing(plain, stage="finetune", parser=parser, texture=RELEASED).sha256())
    assert len(seen) == 5


@pytest.mark.real_data
def test_real_faces_are_listed_from_a_manifest(real_data, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    pairs = real_data / "wrinkle-pairs"
    rows = [
        {"image_id": path.stem, "image": str(path), "mask": str(pairs / "masks" / path.name)}
        for path in sorted((pairs / "images").iterdir())[:4]
    ]
    path = write_manifest(tmp_path / "data.csv", rows)
    for line in ("made 4 weak masks into", "4 weak masks reused from"):
        caplog.clear()
        found = read_listing(path, stage="finetune", parser=TemplateParser, jobs=2)
        assert line in caplog.text
    require_trainable(found.samples, stage="finetune")
    loaded = [load_sample(one, stage="finetune") for one in found.samples]
    inside = [np.mean(one.face[one.target == 255]) for one in loaded]
    assert np.median(inside) > 0.9  # what people drew is on the face; in one of these on the neck

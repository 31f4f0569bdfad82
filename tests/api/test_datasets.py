"""Data sets downloaded, described and sampled from Python."""

import pandas as pd
import pytest

import ffhq_wrinkle as fw
from ffhq_wrinkle.dataset.ids import read_ids
from ffhq_wrinkle.errors import ArgumentError, OutputError
from tests.helpers.commands import run
from tests.helpers.downloads import packed, picture, place, serve_images
from tests.helpers.files import files_of
from tests.helpers.tables import rows_of

# Of the drawn faces 0, 1, 2, 999, 1000 and 1001.
AGING = "image_number,age_group,gender\n0,20-29,male\n1,0-2,female\n2,70-120,male\n999,3-6,female\n"


@pytest.fixture
def labelled(dataset):
    """The drawn faces, with FFHQ-Aging's table of four of the six where `download` puts it."""
    (dataset.root / "ffhq_aging_labels.csv").write_text(AGING)
    return dataset.root


def faces(described, variable, name="all"):
    """How many faces each group has, by the frame; without empty groups."""
    frame = described.to_frame()
    chosen = frame[(frame.variable == variable) & (frame["set"] == name) & (frame.faces > 0)]
    return dict(zip(chosen.group, chosen.faces, strict=True))


def test_a_data_set_is_described_in_totals(labelled):
    described = fw.composition(labelled)
    assert faces(described, "sex") == {"male": 2, "female": 2, "no label": 2}
    assert faces(described, "age") == {"0-9": 2, "20-29": 1, "70+": 1, "no label": 2}
    (male,) = described.to_frame().query("group == 'male'").itertuples()
    # Wilson's interval of 2 of 4: 1/2 -+ 1.96 sqrt(0.25 / 4 + 1.96**2 / 64) / (1 + 1.96**2 / 4)
    assert (male.labelled, male.share) == (4, 0.5)
    assert (male.low, male.high) == pytest.approx((0.15, 0.85), abs=0.001)


@pytest.mark.parametrize("kind", [str, list, tuple])
def test_sets_are_given_as_text_or_lists(labelled, kind):
    ids = {str: "0-2", list: ["0-1", "2"], tuple: ("00000", "00001", "00002")}[kind]
    assert faces(fw.composition(labelled, ids=ids), "sex") == {"male": 2, "female": 1}
    two = fw.composition(labelled, sets={"few": ids, "one": "999", "weak": "0-49999"})
    assert faces(two, "sex", "few") == {"male": 2, "female": 1}
    assert faces(two, "sex", "one") == {"female": 1}
    assert dict(two.faces) == {"few": 3, "one": 1, "weak": 50_000}


def test_an_id_list_and_the_words_test_and_manual_are_meant_as_on_the_command_line(labelled):
    (labelled / "ids.txt").write_text("# mine\n00001\n00999\n")
    described = fw.composition(str(labelled), ids=str(labelled / "ids.txt"))
    assert faces(described, "sex") == {"female": 2}
    (labelled / "manual_wrinkle_masks").mkdir()
    (labelled / "manual_wrinkle_masks" / "00002.png").touch()
    assert faces(fw.composition(labelled, ids="manual"), "sex", "manual") == {"male": 1}
    assert fw.composition(labelled, sets={"t": "test", "all": "0"}).faces["t"] == 100


def test_the_command_writes_the_same_files(labelled, tmp_path):
    described = fw.composition(
        labelled,
        sets={"a": "0-2", "b": ["999-1001"]},
        age_groups="ffhq-aging",
        out=tmp_path / "one",
    )
    sets = ["--set", "a=0-2", "--set", "b=999-1001"]
    said = run(
        "demographics", labelled, *sets, "--age-groups", "ffhq-aging", "--out", tmp_path / "two"
    )
    assert said.exit_code == 0, said.output
    assert said.stdout.startswith(described.summary())
    files = files_of(tmp_path / "one")
    assert set(files) == {f"demographics.{suffix}" for suffix in ("csv", "json", "md", "png")}
    assert files == files_of(tmp_path / "two")


def test_a_description_that_is_not_possible_is_refused_in_one_line(labelled, tmp_path):
    for options, said in (
        ({"ids": "0", "sets": {"a": "1"}}, "use one of them"),
        ({"ids": "none.txt"}, "there is no file none.txt"),
        ({"ids": ["9-1"]}, "should run from a smaller id"),
        ({"race": True}, "--race requires --out"),
        ({"align": True}, "require --race"),
        ({"aging_labels": "a.csv", "features": "b.csv"}, "both give age and sex"),
        ({"out": labelled}, "overlap"),
    ):
        with pytest.raises(ArgumentError) as error:
            fw.composition(labelled, **options)
        assert said in str(error.value)
        assert "\n" not in str(error.value)
    (labelled / "ffhq_aging_labels.csv").unlink()
    with pytest.raises(ArgumentError, match=f"run `ffhq-wrinkle download aging-labels {labelled}`"):
        fw.composition(labelled)


def test_a_sample_leaves_out_what_is_labelled_or_excluded(dataset, tmp_path):
    masks = dataset.root / "manual_wrinkle_masks"
    masks.mkdir()
    (masks / "00001.png").touch()
    drawn = fw.sample(dataset.root, 4, exclude=["1000"], out=tmp_path / "next.txt")
    assert drawn.ids == ["00000", "00002", "00999", "01001"]
    assert drawn.excluded == 2
    assert list(read_ids(tmp_path / "next.txt")) == drawn.ids
    assert drawn.to_frame().image_id.tolist() == drawn.ids
    with pytest.raises(OutputError, match="already exists"):
        fw.sample(dataset.root, 1, out=tmp_path / "next.txt")
    assert len(fw.sample(dataset.root, 1, out=tmp_path / "next.txt", overwrite=True).ids) == 1


def test_a_sample_in_proportion_has_the_shares_of_its_groups(labelled):
    rows = [f"{number},20-29,{'male' if number < 60 else 'female'}" for number in range(90)]
    table = "\n".join(["image_number,age_group,gender", *rows])
    (labelled / "ffhq_aging_labels.csv").write_text(table)
    drawn = fw.sample(labelled, 9, by=["sex"], ids="0-89", seed=2)
    frame = drawn.to_frame()
    assert frame.sex.value_counts().to_dict() == {"male": 6, "female": 3}
    assert all((int(row.image_id) < 60) == (row.sex == "male") for row in frame.itertuples())
    pd.testing.assert_frame_equal(
        frame, fw.sample(labelled, 9, by=["sex"], ids="0-89", seed=2).to_frame()
    )
    listed = run("sample", labelled, "--n", 9, "--by", "sex", "--ids", "0-89", "--seed", 2)
    assert listed.stdout == drawn.id_list()


@pytest.mark.parametrize(
    ("n", "options", "said"),
    [
        (7, {}, "7 ids cannot be drawn: there are 6"),
        (1, {"by": ["height"]}, "'height' is not one of age, sex, race"),
        (1, {"by": ["race"]}, "there are no labels of race for the strata"),
        (1, {"exclude": ["none.txt"]}, "--exclude: there is no file none.txt"),
    ],
)
def test_a_sample_that_is_not_possible_is_refused_in_one_line(labelled, n, options, said):
    with pytest.raises(ArgumentError) as error:
        fw.sample(labelled, n, **options)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_images_are_downloaded_once(host, sources, tmp_path):
    files = serve_images(host, [1, 2])
    data = tmp_path / "ffhq"
    options = {"source": host.url("/{id}.png"), "ids": ["1", "2"], "jobs": 2, "timeout_s": 5}
    (report,) = fw.download("images", data, **options)
    assert (report.what, report.files, report.fetched, report.kept) == ("images", 2, 2, 0)
    for image_id, content in files.items():
        assert (data / place(image_id)).read_bytes() == content
    (report,) = fw.download("images", str(data), **options)
    assert (report.fetched, report.kept, report.failed) == (0, 2, 0)
    assert report.to_frame().to_dict("records") == [
        {"what": "images", "files": 2, "fetched": 0, "kept": 2, "failed": 0}
    ]
    assert sorted(row["file"] for row in rows_of(data / "download.csv")) == [
        place(image_id) for image_id in files
    ]


def test_a_file_that_fails_is_counted_and_the_rest_comes(host, sources, tmp_path):
    serve_images(host, [1])
    (report,) = fw.download(
        "images", tmp_path / "ffhq", source=host.url("/{id}.png"), ids="1-2", timeout_s=5
    )
    assert (report.fetched, report.failed, report.causes) == (1, 1, {"not found": 1})
    assert repr(report) == f"<DownloadReport: {report.summary()}>"


def test_kinds_of_labels_have_a_report_each(host, sources, tmp_path):
    archive = packed({"a/00001.png": picture(1)})
    sources(
        manual_masks=("m.zip", archive, "files = 1\n"), weak_masks=("w.zip", archive, "files = 1\n")
    )
    reports = fw.download("labels", tmp_path / "ffhq", only=["manual", "weak"])
    assert {report.what: report.fetched for report in reports} == {
        "manual-masks": 1, "weak-masks": 1,
    }  # fmt: skip
    assert (tmp_path / "ffhq" / "manual_wrinkle_masks" / "00001.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "options", "said"),
    [
        (["images", "ffhq"], {"source": "nowhere"}, "neither huggingface, nor drive"),
        (["images", "ffhq"], {"ids": "portrait"}, "not an FFHQ id"),
        (["images", "s3://bucket/ffhq"], {}, "must be a path on this machine"),
    ],
)
def test_a_download_that_cannot_begin_is_refused_in_one_line(
    sources, tmp_path, monkeypatch, arguments, options, said
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArgumentError) as error:
        fw.download(*arguments, **options)
    assert said in str(error.value)
    assert "\n" not in str(error.value)

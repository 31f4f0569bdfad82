import json
import re

import numpy as np
import pytest
from filelock import FileLock
from numpy.testing import assert_array_equal
from PIL import Image

from ffhq_wrinkle.errors import ArgumentError, OutputError
from ffhq_wrinkle.human_labels.agreement import measure_agreement
from ffhq_wrinkle.human_labels.annotators import AnnotationSettings, parse_annotators
from ffhq_wrinkle.human_labels.report import require_report, write_report
from ffhq_wrinkle.human_labels.tables import markdown, printed
from tests.helpers.faces import drawn_face, drawn_lines, mask
from tests.helpers.files import files_of
from tests.helpers.tables import rows_of

SHAPE = (40, 50)


def measured(folders, settings=None, **options):
    annotators = parse_annotators([str(folder) for folder in folders])
    return measure_agreement(annotators, settings, **{"resamples": 99, **options})


@pytest.fixture
def folders(annotate):
    """Twelve images by three annotators; nobody drew on the last, and B not on the first."""
    masks = {
        name: {f"{number:05d}": drawn_lines(SHAPE, [number, seed], lines=8) for number in range(12)}
        for seed, name in enumerate("ABC")
    }
    for of_images in masks.values():
        of_images["00011"] = np.zeros(SHAPE, bool)
    masks["B"]["00000"] = np.zeros(SHAPE, bool)
    return annotate(masks)


def test_table_2_is_printed_in_the_paper_s_order(folders):
    lines = printed(measured(folders)).splitlines()
    assert re.fullmatch(
        r"Three annotators agree at Jaccard 0\.\d\d \[0\.\d\d, 0\.\d\d\]\.", lines[0]
    )
    assert lines[2].startswith("12 images; 3 annotators: A, B, C. In brackets: 95 % bootstrap")
    at = lines.index("Pairs")
    assert re.split(r"\s{2,}", lines[at + 2].strip()) == [
        *("Jaccard,", "Jaccard,", "Pearson,", "Pearson,", "undefined"),
    ]
    subjects = [line.split("  ")[0] for line in lines[at + 5 : at + 9]]
    assert subjects == ["A & B", "B & C", "A & C", "average"]
    cell = r"-?0\.\d{4} \[-?0\.\d{4}, -?0\.\d{4}\]"
    assert re.fullmatch(rf"average( +{cell}){{4}} +Jaccard in 1, Pearson in 2", lines[at + 8])


def test_printed_numbers_are_those_of_the_estimates(annotate):
    folders = annotate({"A": {"u": mask("##..")}, "B": {"u": mask("#.#.")}})
    text = printed(measured(folders, tolerances_px=(1,)))
    assert text.startswith("Two annotators agree at Jaccard 0.33; at 1 px tolerance 1.00.\n")
    assert re.search(r"A & B +0\.3333 +0\.3333 +0\.0000 +0\.0000 +-", text)
    assert re.search(r"1 +A & B +1\.0000 +1\.0000 +1\.0000 +1\.0000 +-", text)
    assert "In brackets" not in text  # one image has no interval
    assert "Most disputed, by 1 - mean Jaccard of the pairs: u (0.67)." in text


@pytest.mark.parametrize(
    ("names", "title"),
    [
        ("AB", "Each with the other"),
        ("ABC", "Each with what both others drew"),
        ("ABCD", "Each with the majority of the others"),
    ],
)
def test_headings_say_with_what_of_the_others_each_is_compared(annotate, names, title):
    folders = annotate({name: {"u": mask("#.#")} for name in names})
    lines = printed(measured(folders)).splitlines()
    assert [line for line in lines if line.startswith("Each")][-2:] == [
        title, f"{title}, other measures",
    ]  # fmt: skip


def test_the_union_and_the_pairs_stand_beside_what_both_others_drew(annotate):
    """A drew half of what each other drew, and nothing that both drew."""
    folders = annotate(
        {"A": {"u": mask("#..#..")}, "B": {"u": mask("##....")}, "C": {"u": mask("...##.")}}
    )
    lines = printed(measured(folders)).splitlines()
    at = lines.index("Each with the others together and one by one, Jaccard, mean over images")
    header, _, row = lines[at + 2 : at + 5]
    assert re.split(r"\s{2,}", header.strip()) == [
        "what both others drew", "what any other drew", "each other, mean",
    ]  # fmt: skip
    # Of 2 pixels none of 0; of 4 in the union 2; one of three with B, and one of three with C.
    assert re.split(r"\s{2,}", row.strip()) == ["A", "0.0000", "0.5000", "0.3333"]


def test_a_measure_undefined_everywhere_is_reported_as_undefined(annotate):
    empty = mask("....")
    text = printed(measured(annotate({"A": {"u": empty}, "B": {"u": empty}})))
    assert "undefined" in text
    assert "nan" not in text
    assert "Most disputed" not in text
    assert text.startswith("Two annotators drew nothing that could be compared.\n")


def test_markdown_has_a_table_for_each_of_the_printed(folders):
    text = markdown(measured(folders, tolerances_px=(0, 1)))
    assert text.count("\n## ") == 6
    for line in text.splitlines():
        if line.startswith("| A & B"):
            assert line.count("|") == 7


def test_names_with_bars_do_not_break_markdown(annotate):
    folders = annotate({"A|x": {"u": mask("#.")}, "B": {"u": mask("#.")}})
    assert "| A\\|x & B |" in markdown(measured(folders))


def test_a_report_has_tables_and_pictures(folders, tmp_path):
    out = tmp_path / "deep" / "report"
    agreement = measured(folders, tolerances_px=(0, 2))
    write_report(agreement, out)
    figures = rows_of(out / "agreement.csv")
    assert len(figures) == len(agreement.estimates)
    for row, one in zip(figures, agreement.estimates, strict=True):
        assert (row["kind"], row["subject"], row["measure"]) == one.column[:3]
        assert float(row["value"]) == one.value
        assert (row["images"], row["undefined"]) == ("12", str(one.undefined))
    record = json.loads((out / "agreement.json").read_text())
    assert record["estimates"][0]["value"] == agreement.estimates[0].value
    assert record["bootstrap"] == {"confidence": 0.95, "resamples": 99, "seed": 0}
    assert record["annotators"] == [f"{one.name}={one}" for one in folders]
    for name in ("pairs.png", "distribution.png"):
        with Image.open(out / name) as image:
            assert min(image.size) > 200


def test_images_are_listed_by_disagreement(folders, tmp_path):
    write_report(measured(folders), tmp_path / "report")
    found = rows_of(tmp_path / "report" / "per_image.csv")
    assert found[0]["image_id"] == "00000"  # B drew nothing there
    assert found[-1]["image_id"] == "00011"  # nobody drew
    assert (found[-1]["disagreement"], found[-1]["jaccard A & B"]) == ("", "")
    disagreement = [float(row["disagreement"]) for row in found[:-1]]
    assert disagreement == sorted(disagreement, reverse=True)
    for row in found:
        assert row["pixels"] == str(SHAPE[0] * SHAPE[1])
        assert {
            "pixels_A",
            "votes_3",
            "pearson B & C",
            "dice C & majority",
            "fleiss_kappa",
        } <= row.keys()
    indices = [float(found[3][f"jaccard {pair}"]) for pair in ("A & B", "B & C", "A & C")]
    assert disagreement[3] == pytest.approx(1 - np.mean(indices))


def test_the_ten_most_disputed_have_an_overlay(folders, tmp_path):
    out = tmp_path / "report"
    agreement = measured(folders)
    write_report(agreement, out)
    order = [agreement.images[number].file.image_id for number in agreement.most_disputed()]
    expected = [f"{rank:02d}_{image_id}.png" for rank, image_id in enumerate(order[:10], start=1)]
    assert sorted(path.name for path in (out / "disputed").iterdir()) == expected
    with Image.open(out / "disputed" / expected[0]) as image:
        assert image.size[0] == 1000  # 50 pixels, upsampled


def test_a_photograph_is_drawn_beneath_if_given(folders, tmp_path, caplog):
    photos = tmp_path / "photos"
    photos.mkdir()
    for number in range(9):
        Image.fromarray(drawn_face(100)[0][:80]).save(photos / f"{number:05d}.png")
    Image.fromarray(drawn_face(100)[0]).save(photos / "00004.png")  # of other proportions
    (photos / "00003.png").write_bytes(b"broken")
    write_report(measured(folders), tmp_path / "plain")
    write_report(measured(folders), tmp_path / "report", photos=photos)
    shown = {path.name[3:8]: path for path in (tmp_path / "report" / "disputed").iterdir()}
    for image_id, path in shown.items():
        plain = tmp_path / "plain" / "disputed" / path.name
        has_photo = image_id in {f"{number:05d}" for number in range(9)} - {"00003", "00004"}
        assert (path.read_bytes() != plain.read_bytes()) == has_photo
    said = "\n".join(caplog.messages)
    assert "no photograph beneath 00003: not an image" in said
    assert "no photograph beneath 00004: it has other proportions" in said
    assert f"no photograph beneath 00009: {photos} has none" in said


def test_a_new_report_replaces_an_old_one_whole(folders, annotate, tmp_path):
    out = tmp_path / "report"
    write_report(measured(folders), out)
    fewer = annotate({"A": {"u": mask("#.")}, "B": {"u": mask("##")}}, under="others")
    write_report(measured(fewer), out)
    write_report(measured(fewer), tmp_path / "fresh")
    assert files_of(out) == files_of(tmp_path / "fresh")


def test_a_report_that_could_not_be_written_whole_has_no_record(
    folders, annotate, tmp_path, monkeypatch
):
    out = tmp_path / "report"
    write_report(measured(folders), out)
    fewer = measured(annotate({"A": {"u": mask("#.")}, "B": {"u": mask("##")}}, under="others"))

    def full(path, content):
        raise OutputError("disk full")

    for broken, kept in (
        ("ffhq_wrinkle.human_labels.report.per_image_csv", True),
        ("ffhq_wrinkle.reports.report_folder.write_bytes", False),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(broken, full if not kept else lambda *_: full(None, None))
            with pytest.raises(OutputError, match="disk full"):
                write_report(fewer, out)
        assert (out / "agreement.json").exists() == kept


def test_two_reports_do_not_go_into_one_folder_at_a_time(folders, tmp_path):
    out = tmp_path / "report"
    out.mkdir()
    with FileLock(out / ".agreement.json.lock"), pytest.raises(OutputError, match="another run"):
        write_report(measured(folders), out)


@pytest.mark.parametrize("kind", ["a file above", "pictures", "a folder as a picture"])
def test_a_folder_that_cannot_be_written_is_refused_before_the_work(tmp_path, kind):
    out = tmp_path / "report"
    if kind == "a file above":
        out.write_text("mine")
        out = out / "deep"
    elif kind == "pictures":
        out.mkdir()
        (out / "disputed").write_text("mine")
    else:
        (out / "disputed" / "01_x.png").mkdir(parents=True)
    with pytest.raises(OutputError):
        require_report(out)


def test_odd_names_are_drawn_as_they_are(annotate, tmp_path):
    names = ("$\\frac{$", "\u5c71\u7530")
    folders = annotate(
        {name: {"u" * 240: drawn_lines(SHAPE, seed)} for seed, name in enumerate(names)}
    )
    write_report(measured(folders), tmp_path / "report")
    (picture,) = (tmp_path / "report" / "disputed").iterdir()
    assert picture.name == f"01_{'u' * 50}.png"


@pytest.mark.parametrize("name", ["thesis.txt", "disputed/holiday.png"])
def test_a_folder_with_other_files_is_refused_and_left_as_it_is(folders, tmp_path, name):
    out = tmp_path / "report"
    (out / name).parent.mkdir(parents=True)
    (out / name).write_text("mine")
    with pytest.raises(OutputError, match=f"holds other files, such as .*{name}"):
        write_report(measured(folders), out)
    assert files_of(out) == {name: b"mine"}


def test_a_report_does_not_go_where_masks_are_read(folders):
    with pytest.raises(ArgumentError, match="overlap"):
        require_report(folders[0], folders)


def test_a_folder_of_pictures_that_leads_elsewhere_is_refused(folders, tmp_path):
    out, elsewhere = tmp_path / "report", tmp_path / "elsewhere"
    out.mkdir()
    elsewhere.mkdir()
    (elsewhere / "01_mine.png").write_text("mine")
    (out / "disputed").symlink_to(elsewhere)
    with pytest.raises(OutputError, match=r"holds other files, such as .*disputed"):
        write_report(measured(folders), out)
    assert files_of(elsewhere) == {"01_mine.png": b"mine"}


def test_missing_photographs_are_refused_before_the_work(tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(ArgumentError, match="photos has no images"):
        require_report(tmp_path / "report", photos=tmp_path / "photos")


def test_undisputed_images_have_no_overlay(annotate, tmp_path):
    same, other = mask("##. / ..."), mask("... / ..#")
    folders = annotate({"A": {"u": same, "v": same}, "B": {"u": same, "v": other}})
    write_report(measured(folders), tmp_path / "report")
    assert [path.name for path in (tmp_path / "report" / "disputed").iterdir()] == ["01_v.png"]


def test_with_very_many_pairs_only_table_2_is_complete(annotate):
    folders = annotate(
        {
            f"a{seed}": {"u": drawn_lines(SHAPE, seed), "v": drawn_lines(SHAPE, [seed])}
            for seed in range(7)
        }
    )
    lines = printed(measured(folders)).splitlines()
    assert sum(line.startswith("a0 & a1") for line in lines) == 1
    assert sum(line.startswith("average") for line in lines) == 2


def test_masks_within_faces_are_drawn_within_faces(annotate, tmp_path):
    everywhere, left = np.ones(SHAPE, bool), np.zeros(SHAPE, bool)
    left[:, :25] = True
    folders = annotate(
        {"A": {"u": everywhere}, "B": {"u": everywhere & ~left}, "faces": {"u": left}}
    )
    settings = AnnotationSettings(within=folders[2])
    write_report(measured(folders[:2], settings), tmp_path / "report")
    with Image.open(tmp_path / "report" / "disputed" / "01_u.png") as image:
        shown = np.array(image)[-800:]
    assert_array_equal(shown[:, 500:], 0)
    for at in (0, -1):  # the outline of the half inside the face
        assert shown[at, :500].max(axis=1).all()
        assert shown[:, (0, 499)[at]].max(axis=1).all()


def test_every_figure_in_the_tables_is_within_its_range(annotate, tmp_path):
    drawn = {f"{number:05d}": drawn_lines(SHAPE, number) for number in range(12)}
    opposite = {image_id: ~lines for image_id, lines in drawn.items()}
    folders = annotate({"A": drawn, "B": drawn, "C": opposite})
    write_report(measured(folders, tolerances_px=(1,)), tmp_path / "report")
    rows = rows_of(tmp_path / "report" / "agreement.csv")
    correlations = ("pearson", "cohen_kappa", "fleiss_kappa")
    seen = [
        (-1 if row["measure"] in correlations else 0, float(row[column]))
        for row in rows
        for column in ("value", "low", "high")
        if row[column]  # undefined where A or B is compared with a majority that drew nothing
    ]
    per_image = rows_of(tmp_path / "report" / "per_image.csv")
    names = [name for name in per_image[0] if name.startswith(correlations)]
    seen += [(-1, float(row[name])) for row in per_image for name in names if row[name]]
    assert len(seen) > 300
    assert all(lowest <= value <= 1 for lowest, value in seen)
    of_equals = [row for row in rows if row["subject"] == "A & B"]
    assert {row["value"] for row in of_equals if row["measure"] == "jaccard"} == {"1.0"}

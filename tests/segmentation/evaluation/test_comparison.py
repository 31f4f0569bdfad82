import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import bootstrap
from sklearn.metrics import average_precision_score, jaccard_score

from ffhq_wrinkle.errors import ArgumentError, EvaluationError
from ffhq_wrinkle.measures.estimates import MEAN, POOLED
from ffhq_wrinkle.segmentation.evaluation.comparison import Comparison, compare_folders
from ffhq_wrinkle.segmentation.evaluation.evaluation_tables import printed, verdicts
from ffhq_wrinkle.segmentation.evaluation.pairs import EvaluationSettings, Pair
from ffhq_wrinkle.segmentation.evaluation.scoring import evaluate_pairs
from tests.helpers.faces import drawn_lines, mask

SHAPE = (40, 50)
EXACT = EvaluationSettings(tolerances_px=(), centrelines=False)
IMAGES = 12


@pytest.fixture
def masks():
    """References; what differs from them a little; what differs a lot; and a little elsewhere."""
    references = {f"{n:05d}": drawn_lines(SHAPE, [n, 0], lines=8) for n in range(IMAGES)}

    def off(seed, lines):
        return {
            image_id: drawn ^ drawn_lines(SHAPE, [int(image_id), seed], lines=lines)
            for image_id, drawn in references.items()
        }

    return {"ref": references, "near": off(1, 1), "far": off(2, 6), "also": off(3, 1)}


def compared(masks, first, second, **options):
    evaluations = [
        evaluate_pairs(
            [Pair(k, drawn, masks[name][k]) for k, drawn in masks["ref"].items()],
            EXACT,
            **{"resamples": 999, **options},
        )
        for name in (first, second)
    ]
    return Comparison(*evaluations, (first, second))


def difference(comparison, measure, aggregate=MEAN):
    (figure,) = (
        one
        for one in comparison.estimates
        if one.column == (measure, None) and one.aggregate == aggregate
    )
    return figure


def jsi(masks, name):
    return [
        jaccard_score(drawn.ravel(), masks[name][k].ravel()) for k, drawn in masks["ref"].items()
    ]


def test_differences_are_paired_by_image(masks):
    comparison = compared(masks, "near", "far")
    differences = np.subtract(jsi(masks, "near"), jsi(masks, "far"))
    assert_allclose(comparison.per_image[:, 0], differences, atol=1e-12)
    figure = difference(comparison, "jsi")
    interval = bootstrap(
        (differences,), np.mean, method="percentile", n_resamples=999, rng=np.random.default_rng(0)
    ).confidence_interval
    assert_allclose([figure.value, figure.low, figure.high], [differences.mean(), *interval])
    pooled = [
        jaccard_score(*(np.stack(list(masks[one].values())).ravel() for one in ("ref", name)))
        for name in ("near", "far")
    ]
    assert difference(comparison, "jsi", POOLED).value == pytest.approx(pooled[0] - pooled[1])


def test_the_better_one_is_named_whichever_comes_first(masks):
    for first, second in (("near", "far"), ("far", "near")):
        comparison = compared(masks, first, second)
        assert comparison.better(difference(comparison, "jsi")) == "near"
        line = verdicts(comparison)[0]
        assert line.startswith("near is better by JSI: difference ")
        assert ("difference +" in line) == (first == "near")


def test_neither_is_better_if_the_interval_holds_0(masks):
    comparison = compared(masks, "near", "also")
    figure = difference(comparison, "jsi")
    assert figure.low < 0 < figure.high
    assert comparison.better(figure) is None
    assert verdicts(comparison)[0].startswith(
        "JSI of near and also: no difference that this set of images could show (difference "
    )
    assert "not shown" in printed(comparison.first, comparison)


@pytest.mark.parametrize("options", [{"resamples": 0}, {}])
def test_without_an_interval_neither_is_better(masks, options):
    if not options:  # one image has none
        masks = {name: dict([*of_images.items()][:1]) for name, of_images in masks.items()}
    comparison = compared(masks, "near", "far", **options)
    assert np.isnan(difference(comparison, "jsi").low)
    assert comparison.better(difference(comparison, "jsi")) is None


def test_images_undefined_in_either_are_left_out():
    drawn, empty = mask("##.."), mask("....")
    pairs = [("u", empty), ("v", drawn), ("w", drawn)]
    first = evaluate_pairs([Pair(k, ref, empty if k == "u" else drawn) for k, ref in pairs], EXACT)
    second = evaluate_pairs([Pair(k, ref, mask("#...")) for k, ref in pairs], EXACT)
    figure = difference(Comparison(first, second, ("A", "B")), "jsi")
    assert (figure.value, figure.undefined) == (0.5, 1)


def test_only_measures_of_both_are_compared():
    reference, random = drawn_lines(SHAPE, 0), np.random.default_rng(0).random((2, *SHAPE))
    masks = evaluate_pairs([Pair("u", reference, random[0] > 0.5)], EXACT)
    soft = [evaluate_pairs([Pair("u", reference, probability=one)], EXACT) for one in random]
    assert "average_precision" not in {
        one.column.measure for one in Comparison(masks, soft[0], ("A", "B")).estimates
    }
    both = Comparison(soft[0], soft[1], ("A", "B"))
    areas = [
        average_precision_score(reference.ravel(), np.round(one.ravel() * 65535)) for one in random
    ]
    for aggregate in (MEAN, POOLED):
        figure = difference(both, "average_precision", aggregate).value
        assert figure == pytest.approx(areas[0] - areas[1])


def test_folders_are_compared_by_name_or_by_path(annotate, masks):
    near, far, ref = annotate({name: masks[name] for name in ("near", "far", "ref")})
    (twin,) = annotate({"near": masks["also"]}, under="other")
    comparison = compare_folders(near, far, ref, EXACT, resamples=99)
    assert comparison.names == ("near", "far")
    expected = difference(compared(masks, "near", "far", resamples=99), "jsi")
    assert difference(comparison, "jsi") == expected
    assert compare_folders(near, twin, ref, EXACT).names == (str(near), str(twin))
    with pytest.raises(ArgumentError, match="are the same folder"):
        compare_folders(near, near, ref)


def test_missing_files_of_the_other_are_reported_before_any_mask_is_read(annotate, masks):
    near, far, ref = annotate({name: masks[name] for name in ("near", "far", "ref")})
    (near / "00002.png").write_bytes(b"\x89PNG broken")
    (far / "00004.png").unlink()
    with pytest.raises(EvaluationError, match=r"1 of 12 images has no prediction in .*far"):
        compare_folders(near, far, ref)


def test_other_images_are_not_compared(masks):
    one, other = (evaluate_pairs([Pair(name, mask("#."), mask("#."))]) for name in "uv")
    with pytest.raises(ArgumentError, match="the same images"):
        Comparison(one, other, ("A", "B"))

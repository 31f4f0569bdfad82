from ffhq_wrinkle.segmentation.experiments.paper_tables import ROWS, TABLES, paper_scores
from ffhq_wrinkle.segmentation.training.recipes import shipped_recipes


def test_each_row_of_the_paper_is_a_shipped_recipe():
    assert set(ROWS) <= set(shipped_recipes())
    assert [len(one.rows) for one in TABLES] == [10, 4]


def test_the_paper_s_f1_is_near_the_value_computed_from_its_jsi():
    """Per image F1 = 2J/(1+J), which is concave: means lie a little below, misprints do not."""
    for name, row in ROWS.items():
        for scores in row.scores.values():
            bound = 2 * scores.jsi / (1 + scores.jsi)
            assert bound - 0.03 < scores.f1 < bound + 1e-4, name
            assert scores.accuracy > 0.98


def test_the_paper_has_nothing_for_other_recipes_and_fractions():
    assert paper_scores("mine", 1.0) is None
    assert paper_scores("unet_none", 0.1) is None
    assert paper_scores("unet_denoising", 0.05) == (0.2840, 0.4338, 0.9898)

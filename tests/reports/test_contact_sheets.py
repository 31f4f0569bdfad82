import numpy as np
from numpy.testing import assert_array_equal

from ffhq_wrinkle.reports.contact_sheets import contact_sheet, fitted


def test_pictures_are_arranged_in_rows_with_names_below():
    pictures = [
        (f"p{number}", np.full((20, 10, 3), 50 * (number + 1), np.uint8)) for number in range(3)
    ]
    sheet = contact_sheet(pictures, columns=2, height=10)
    assert_array_equal(sheet[:10, :5], np.full((10, 5, 3), 50))
    left = sheet.shape[1] // 2
    assert_array_equal(sheet[:10, left : left + 5], np.full((10, 5, 3), 100))
    top = sheet.shape[0] // 2
    assert_array_equal(sheet[top : top + 10, :5], np.full((10, 5, 3), 150))
    assert sheet[10:top].any()  # the names
    assert not sheet[top:, left:].any()


def test_small_pictures_are_not_enlarged():
    picture = np.zeros((4, 6), np.uint8)
    assert fitted(picture, 10) is picture
    assert fitted(picture, 2).shape == (2, 3)


def test_a_sheet_of_nothing_is_black():
    assert not contact_sheet([], columns=3, height=10).any()

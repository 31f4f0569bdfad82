from ffhq_wrinkle.reports.fonts import families, spelled


def test_line_breaks_and_letters_of_many_scripts_stay():
    text = "Müller\n\u0418\u0440\u0438\u043d\u0430, \u05d0, \u0391"
    assert spelled(text) == text
    assert families(text) == ["DejaVu Sans"]


def test_characters_that_no_font_has_are_escaped():
    assert spelled("a\U000fffff") == "a\\U000fffff"  # for private use

"""What people read is plain English: none of the turns of phrase that have to be read twice."""

import pytest

from tests.helpers import ROOT
from tests.helpers.prose import Passage, awkward, passages


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Images that can not be read are listed.", ["can not"]),
        ("A tolerance may not be negative.", ["may not"]),
        ("An image of no width is no image.", ["is no (thing)"]),
        ("Only so many images.", ["so many, so long"]),
        ("It is made anew by the next run.", ["anew"]),
        ("The run was taken up again.", ["take up"]),
        ("It was made with other settings.", ["other settings"]),
        ("Images are made smaller first.", ["make small"]),
        ("ncnn gives the answer sooner.", ["sooner"]),
        ("It was tried in vain.", ["in vain"]),
        ("It ended for want of memory.", ["for want of"]),
        ("It has a first axis more.", ["a first axis more"]),
        ("Take the folders as far as they are there.", ["as far as (it is) there"]),
        ("Skip what is there.", ["what is there"]),
        ("Read the file. Else ask.", ["Else ..."]),
        ("Of a photo with three faces, each counts.", ["a sentence begins with Of"]),
        ("It failed. What failed is listed.", ["a sentence begins with What"]),
        ("Fuse masks.\n\nWho drew them is recorded.", ["a sentence begins with Who"]),
        ("Images that cannot be read are listed. The rest\nof the run goes on.", []),
        ("As many as there are cores, and so long as they last.", []),
    ],
)
def test_turns_of_phrase_are_recognised(text, names):
    assert list(awkward(Passage("here", text))) == names


def test_help_messages_docstrings_comments_and_pages_have_none_of_them():
    texts = list(passages(ROOT))
    assert len(texts) > 5000  # they were looked at
    assert [f"{text.place}: {name}" for text in texts for name in awkward(text)] == []

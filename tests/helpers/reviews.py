"""Reviews of masks that can be checked by eye, without a server."""

from ffhq_wrinkle.adjudication.adjudicated import review_folder
from ffhq_wrinkle.adjudication.review import ReviewSettings
from ffhq_wrinkle.human_labels.annotators import AnnotationSettings, parse_annotators
from tests.helpers.faces import mask

# Three annotators, three parts: a line on which two agree, a line that only A drew, and, at the
# bottom, a line on which all agree.
A = mask(
    "###...... / ......... / ......... / .......## / ......... / ......... / ......... / ####....."
)
B = mask(
    "##....... / ......... / ......... / ......... / ......... / ......... / ......... / ####....."
)
C = mask(
    "......... / ......... / ......... / ......... / ......... / ......... / ......... / ####....."
)
TOP, RIGHT, BOTTOM = 0, 1, 2  # the parts in their order
MAJORITY = mask(
    "##....... / ......... / ......... / ......... / ......... / ......... / ......... / ####....."
)


def run_review(folders, out, run, *, settings=None, **options):
    """Run a review of annotators' folders: `run` gets the review."""
    annotators = parse_annotators([str(folder) for folder in folders])
    return review_folder(
        annotators,
        out,
        run,
        settings=AnnotationSettings(**(settings or {})),
        review_settings=ReviewSettings(**options.pop("review", {})),
        **options,
    )


def part_ids(review, image_id):
    return list(review.image(image_id).parts)


def basis(review, reviewer, image_id, part_id):
    """Number of the decision that the page shows a reviewer."""
    parts = review.described(image_id, reviewer)["parts"]
    return next(part["basis"] for part in parts if part["part"] == part_id)


def decide(review, reviewer, image_id, place, choice, **options):
    """Decide on a part, given by its place in the image, as a page does that is up to date."""
    part_id = part_ids(review, image_id)[place]
    options.setdefault("basis", basis(review, reviewer, image_id, part_id))
    return review.decide(reviewer, image_id, part_id, choice, **options)

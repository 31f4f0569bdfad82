"""A stand-in for DeepFace's race model: an ONNX graph with its input and output.

It answers with the mean colour of the image, so that answers can be computed by hand. DeepFace's
own weights are not in the repository.
"""

from contextlib import contextmanager
from pathlib import Path

import numpy as np

# In DeepFace's order: asian, indian, black, white, middle eastern, latino hispanic; of the mean
# blue, green and red. A red image is 2/3 "black" and 1/3 "white", a white one 1/3 "white".
WEIGHTS = np.float32(
    [[1, 0, 0, 0.5, 0, 0], [0, 1, 0, 0.5, 0, 0], [0, 0, 1, 0.5, 0, 0]],
)
PLACE = Path(".deepface") / "weights" / "race_model_single_batch.onnx"


def write_stand_in(home: Path, *, batch: int | str = "images", groups: int = 6) -> Path:
    """Put it where DeepFace looks for its weights below a `DEEPFACE_HOME`."""
    from onnx import TensorProto, checker, helper, numpy_helper, save

    graph = helper.make_graph(
        [
            # Twice, for single precision: sums of 224 are nearer to it than one of 50,176.
            helper.make_node("ReduceMean", ["faces", "axis"], ["columns"], keepdims=0),
            helper.make_node("ReduceMean", ["columns", "axis"], ["colours"], keepdims=0),
            helper.make_node("MatMul", ["colours", "weights"], ["answers"]),
        ],
        "stand-in",
        [helper.make_tensor_value_info("faces", TensorProto.FLOAT, [batch, 224, 224, 3])],
        [helper.make_tensor_value_info("answers", TensorProto.FLOAT, [batch, groups])],
        [
            numpy_helper.from_array(np.int64([1]), "axis"),
            numpy_helper.from_array(WEIGHTS[:, :groups], "weights"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    checker.check_model(model)
    path = home / PLACE
    path.parent.mkdir(parents=True, exist_ok=True)
    save(model, path)
    return path


@contextmanager
def weights_at(*addresses: str):
    """Have DeepFace look for its weights at these addresses."""
    from deepface.models.demography.onnx.Race import WEIGHTS_URL

    published = list(WEIGHTS_URL)
    WEIGHTS_URL[:] = addresses
    try:
        yield
    finally:
        WEIGHTS_URL[:] = published

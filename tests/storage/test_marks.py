import ast
from pathlib import Path

import ffhq_wrinkle
from ffhq_wrinkle.storage.marks import RECORDS


def test_every_record_marks_a_folder_of_results():
    assigned = {
        node.value.value
        for path in Path(ffhq_wrinkle.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id.endswith("_RECORD")
    }
    assert assigned == RECORDS

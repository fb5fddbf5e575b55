"""The notebook of the API runs from top to bottom, and its kernel imports no model runtime."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import deploybench

NOTEBOOK = Path(deploybench.__path__[0]) / "bench" / "api" / "example.ipynb"
ASK = "import sys\n[name for name in ('torch', 'onnxruntime', 'openvino', 'transformers', 'memray') if name in sys.modules]"


def by_id(notebook):
    return {cell["id"]: cell for cell in notebook.cells}


@pytest.fixture(scope="module")
def executed(checkpoint_folder, labelled_file, tmp_path_factory):
    """The cells by id, run on a tiny checkpoint."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    by_id(notebook)["parameters"].source = (
        f"checkpoint, sets = {str(checkpoint_folder)!r}, {{'small': {str(labelled_file)!r}}}\n"
        "variants = ['onnx-fp32']\n"
        "options = {'budget': 900, 'target_width': 9, 'batch_sizes': [1], 'sequence_lengths': [32]}"
    )
    notebook.cells.append(nbformat.v4.new_code_cell(ASK, id="modules"))
    folder = tmp_path_factory.mktemp("notebook")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTEST_CURRENT_TEST")  # with it, a kernel leaves standard error to pytest
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}}).execute()
    nbformat.write(notebook, folder / "executed.ipynb")
    return by_id(notebook)


def shown(cell, kind):
    return "".join(output.data[kind] for output in cell.outputs if "data" in output and kind in output.data)


def test_the_kernel_stays_without_a_model_runtime(executed):
    assert shown(executed["modules"], "text/plain") == "[]"


def test_progress_is_shown_below_the_cell(executed):
    said = "".join(output.text for output in executed["run"].outputs if output.output_type == "stream")

    assert "plan: export and check 2 variants" in said


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("run", "take "),
        ("frame", "<td>onnx-fp32</td>"),
        ("recommend", "take "),
        ("load", "<th>probability_1</th>"),
        ("score", "<th>logit_0</th>"),
        ("compare", "contender"),
    ],
)
def test_an_answer_is_a_table(executed, cell, text):
    html = shown(executed[cell], "text/html")

    assert "<table" in html
    assert text in html


@pytest.mark.parametrize("cell", ["pareto", "batch", "memory"])
def test_a_plot_is_shown(executed, cell):
    assert len(shown(executed[cell], "image/png")) > 10_000


def test_other_answers_are_as_promised(executed):
    assert shown(executed["read"], "text/plain") == "True"
    assert shown(executed["duel"], "text/plain").endswith((", 0)", ", 1)"))
    assert "did you mean 'onnx-fp32'?" in executed["mistake"].outputs[0].text


def test_it_shows_every_function_and_holds_no_outputs():
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    source = "\n".join(cell.source for cell in notebook.cells)

    assert [name for name in deploybench.__all__ if name.islower() and f"deploybench.{name}(" not in source] == []
    assert [cell["id"] for cell in notebook.cells if cell.get("outputs") or cell.get("execution_count")] == []

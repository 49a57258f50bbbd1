"""tools/execute.py: stable outputs, nothing half-written, failures that say where."""

import os
import re
import subprocess
import sys
from pathlib import Path

import execute
import pytest
from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from notebooks import METADATA, ROOT, kernel_environment, read, write

NOT_COMPARED = {"tags": ["nbval-ignore-output"]}


def chapter(path: Path, *sources: str, **metadata) -> Path:
    """Write a chapter whose last cell has the given metadata."""
    cells = [new_code_cell(source) for source in sources]
    cells[-1].metadata = from_dict(metadata)
    write(new_notebook(cells=[new_markdown_cell("# Toy"), *cells]), path)
    return path


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One chapter with much in it: kernels take a second to start."""
    path = tmp_path_factory.mktemp("book") / "mixed.ipynb"
    sources = (
        "import os, sys, time, json",
        "hash('a'), {'kernel', 'depth', 'width'}",
        "os.get_terminal_size if 'COLUMNS' in os.environ else 'no terminal'",
        "from pathlib import Path\nsorted(p.name for p in Path().glob('*.ipynb'))",
        "for n in range(3):\n    print(n, flush=True)",
        "'quiet';",
        "json.loads('{')",
        "time.perf_counter_ns()",
    )
    chapter(path, *sources, **NOT_COMPARED)
    notebook = read(path)
    notebook.cells[7].metadata = from_dict({"tags": ["raises-exception"], "collapsed": False})
    notebook.metadata["toc"] = {"base_numbering": 1}
    write(notebook, path)
    assert execute.main([os.fspath(path)]) == 0
    return path


def test_what_is_stored(mixed: Path):
    notebook = read(mixed)
    assert notebook.metadata == METADATA
    assert [cell.id for cell in notebook.cells] == [f"mixed-{n:02d}" for n in range(1, 10)]
    assert [cell.get("execution_count") for cell in notebook.cells] == [None, *range(1, 9)]
    assert notebook.cells[7].metadata == {"tags": ["raises-exception"]}
    assert notebook.cells[3].outputs[0].data["text/plain"] == "'no terminal'"
    assert notebook.cells[4].outputs[0].data["text/plain"] == "['mixed.ipynb']"
    assert notebook.cells[5].outputs == [new_output("stream", name="stdout", text="0\n1\n2\n")]
    assert notebook.cells[6].outputs == []
    traceback = "\n".join(notebook.cells[7].outputs[0].traceback)
    assert re.search(r"python3\.\d+/json/decoder\.py", traceback)
    assert "/lib/" not in traceback
    assert not [path for path in mixed.parent.iterdir() if path != mixed]


def test_a_second_run_changes_nothing_whatever_the_terminal(mixed: Path):
    before = mixed.read_bytes()
    unfriendly = {"COLUMNS": "20", "PYTHONHASHSEED": "3", "MPLBACKEND": "agg", "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, ROOT / "tools" / "execute.py", mixed],
        env=os.environ | unfriendly,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r".*mixed\.ipynb: 8 cells in \d+\.\d s, unchanged\n", done.stdout)
    assert mixed.read_bytes() == before


@pytest.mark.parametrize(
    ("source", "metadata", "message"),
    [
        ("1 / 0", {}, "ZeroDivisionError: division by zero"),
        ("import sys\nprint('oh', file=sys.stderr)", {}, "wrote to stderr"),
        ("'calm'", {"tags": ["raises-exception"]}, "is tagged raises-exception and raised nothing"),
        ("import os\nos._exit(1)", {}, "the kernel died"),
    ],
    ids=["raises", "stderr", "calm", "dies"],
)
def test_a_chapter_that_fails_is_left_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture, source: str, metadata: dict, message: str
):
    path = chapter(tmp_path / "toy.ipynb", "x = 1", source, **metadata)
    before = path.read_bytes()
    assert execute.main([os.fspath(path)]) == 1
    said = capsys.readouterr().err
    assert "toy.ipynb, cell 3 (toy-03): " in said
    assert message in said
    assert source.splitlines()[-1] in said
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_check_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture):
    path = chapter(tmp_path / "toy.ipynb", "1 + 1")
    before = path.read_bytes()
    assert execute.main(["--check", os.fspath(path)]) == 1
    assert "would change" in capsys.readouterr().out
    assert path.read_bytes() == before


def test_a_chapter_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit) as stopped:
        execute.main([os.fspath(tmp_path / "none.ipynb")])
    assert stopped.value.code == 2
    assert "no such chapter" in capsys.readouterr().err


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = chapter(tmp_path / "toy.ipynb", "1")
    before = path.read_bytes()

    def full(self: Path, text: str, encoding: str) -> None:
        self.write_bytes(text.encode(encoding)[:10])
        message = "No space left on device"
        raise OSError(message)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left"):
        write(new_notebook(), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def times(*values: str) -> NotebookNode:
    """Return a run chapter whose cells are not compared."""
    return new_notebook(
        cells=[
            new_code_cell(
                "clock()",
                metadata=NOT_COMPARED,
                execution_count=count,
                outputs=[new_output("execute_result", {"text/plain": v}, execution_count=count)],
            )
            for count, v in enumerate(values, 1)
        ]
    )


def shown(notebook: NotebookNode) -> list[str]:
    return [out.data["text/plain"] for cell in notebook.cells for out in cell.outputs]


def test_times_are_kept_together():
    new = times("3 s", "4 s")
    execute.keep_old_outputs(times("1 s", "2 s"), new)
    assert shown(new) == ["1 s", "2 s"]


def test_times_are_renewed_together_when_one_of_them_is_missing_or_another_kind():
    old = times("1 s", "2 s")
    old.cells[1].outputs = []
    new = times("3 s", "4 s")
    execute.keep_old_outputs(old, new)
    assert shown(new) == ["3 s", "4 s"]


def test_kept_outputs_take_the_new_count():
    old, new = times("1 s"), times("0 s", "3 s")
    old.cells.insert(0, new_code_cell("import time"))
    new.cells[0] = new_code_cell("import time")
    execute.keep_old_outputs(old, new)
    assert new.cells[1].outputs[0].execution_count == 2


def test_ids_stay_with_their_cells():
    ids = ["toy-01", "toy-07", "0a1b2c3d", "conv", "toy-01", ""]
    notebook = new_notebook(cells=[new_code_cell("1") for _ in ids])
    for cell, name in zip(notebook.cells, ids, strict=True):
        cell.id = name
    expected = ["toy-01", "toy-07", "toy-08", "conv", "toy-09", "toy-10"]
    assert execute.stable_ids(notebook, "toy") == expected


def test_paths_in_tracebacks():
    home = os.fspath(Path.home())
    lines = {
        f"File {ROOT}/dsconv/geometry.py:34, in f": "File dsconv/geometry.py:34, in f",
        f"File {home}/lib/python3.11/site-packages/a.py:3": "File site-packages/a.py:3",
        "File ~/v/lib/python3.12/site-packages/torch/b.py:3": "File site-packages/torch/b.py:3",
        "File /usr/lib/python3.11/json/decoder.py:1": "File python3.11/json/decoder.py:1",
        "ValueError: 1/2 of the input": "ValueError: 1/2 of the input",
    }
    for line, expected in lines.items():
        assert execute.without_machine(line) == expected


def test_the_environment_of_a_kernel():
    base = {
        "PATH": "/bin",
        "COLUMNS": "80",
        "LC_NUMERIC": "de_DE",
        "MPLBACKEND": "tk",
        "HOME": "/h",
    }
    kernel = kernel_environment(base, "profile")
    assert kernel["PATH"] == "/bin"
    assert kernel["PYTHONHASHSEED"] == "0"
    assert kernel["MPLBACKEND"] == "module://matplotlib_inline.backend_inline"
    assert kernel["IPYTHONDIR"] == "profile"
    assert Path(kernel["MATPLOTLIBRC"]).is_file()
    assert not {"COLUMNS", "LC_NUMERIC"} & kernel.keys()

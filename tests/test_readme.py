"""The README's picture is what the package draws now, its code runs, and its files exist."""

import re
from pathlib import Path

import readme_picture

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def test_the_picture_is_drawn_by_the_package_as_it_is():
    assert readme_picture.PICTURE.read_text() == readme_picture.picture()


def test_the_ten_lines_run_and_print_what_they_say(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    exec(compile(code, "README.md", "exec"), {})
    printed = capsys.readouterr().out.strip()
    assert printed == re.search(r"print\(.*# (.+)$", code, re.MULTILINE)[1]


def test_every_local_link_leads_to_a_file():
    links = re.findall(r"\]\((?!http)([^)]+)\)", README)
    assert len(links) > 3
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_layout_names_what_is_there():
    (block,) = re.findall(r"## Layout\n\n```\n(.*?)```", README, re.DOTALL)
    names = [n.strip() for line in block.splitlines() for n in line.split("  ")[0].split(",")]
    assert [name for name in names if not (ROOT / name).exists()] == []

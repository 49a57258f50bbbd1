"""The planted bugs still fit the source, and the tool that plants them can tell."""

from __future__ import annotations

import ast
from collections import Counter

import mutants
import pytest
from mutants import MUTANTS, ROOT, Mutant, planted, try_all


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_text_to_replace_is_there_once_and_the_bug_is_python(mutant):
    source = (ROOT / "dsconv" / mutant.file).read_text(encoding="utf-8")
    changed = planted(source, mutant)
    assert ast.dump(ast.parse(changed)) != ast.dump(ast.parse(source))
    assert all((ROOT / "tests" / test).is_file() for test in mutant.tests)


def test_there_are_enough_and_each_has_a_name_of_its_own():
    names = Counter(mutant.name for mutant in MUTANTS)
    assert max(names.values()) == 1
    by_file = Counter(mutant.file for mutant in MUTANTS)
    for file in ("_backends/_numpy.py", "_backends/_torch.py", "geometry.py"):
        assert by_file[file] >= 7


def test_a_text_that_is_gone_or_doubled_is_an_error():
    for source in ("x = 1\n", "x = 2\nx = 2\n"):
        with pytest.raises(LookupError, match=r"name: dsconv/file.py holds \d times, not once"):
            planted(source, Mutant("name", "file.py", "= 2", "= 3"))


def test_a_bug_is_caught_a_harmless_change_survives_and_the_source_stays():
    source = ROOT / "dsconv" / "testing.py"
    before = source.read_bytes()
    bug = next(mutant for mutant in MUTANTS if mutant.name == "dtype-not-compared")
    caught, harmless, typo, gone = try_all(
        [
            bug,
            bug._replace(name="harmless", new='("shape", "device", "dtype")'),
            bug._replace(name="typo", new=")("),
            bug._replace(name="gone", old="no such text"),
        ]
    )
    assert (caught.verdict, caught.by.split("[")[0]) == ("caught", "test_testing.py::test_dtypes")
    verdicts = [outcome.verdict for outcome in (harmless, typo, gone)]
    assert verdicts == ["SURVIVED", "BROKEN", "NOT FOUND"]
    assert source.read_bytes() == before


def test_the_command_knows_its_names(capsys):
    assert mutants.main(["--list", "same-lower", "flops-are-macs"]) == 0
    printed = capsys.readouterr().out
    assert printed == "same-lower  (dsconv/geometry.py)\nflops-are-macs  (dsconv/cost/layer.py)\n"
    with pytest.raises(SystemExit):
        mutants.main(["no-such-mutant"])
    assert "no such mutant: no-such-mutant" in capsys.readouterr().err

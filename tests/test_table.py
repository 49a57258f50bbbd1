"""Tables are written whole or not at all, and refused unless they are whole."""

from __future__ import annotations

import pytest

from dsconv import _table, measured

HEAD = "family,width,macs,batch,milliseconds,ratio,low,high,reference"


def test_what_is_written_is_read(tmp_path):
    line = measured.Latency("light", 4, 9, 1, 0.5, 1.0, 0.9, 1.1, "light, 4")
    path = tmp_path / "made.csv"
    for _ in range(2):  # the second time in the place of the first
        _table.write(path, "by hand", HEAD.split(","), [vars(line).values()])
        assert _table.parsed(path.read_text(), measured.Latency, "a") == ("by hand", [line])
    assert list(tmp_path.iterdir()) == [path]


def test_an_interruption_leaves_the_old_table(tmp_path):
    path = tmp_path / "made.csv"
    path.write_text("old")

    def lines():
        yield 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _table.write(path, "by hand", ["a"], [[1], lines()])
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_written_where_no_table_can_be(tmp_path):
    with pytest.raises(ValueError, match=r"folder must be there\. Received: .*none"):
        _table.check_place(tmp_path / "none" / "made.csv")
    with pytest.raises(ValueError, match=r"must be a file\. Received"):
        _table.write(tmp_path, "by hand", ["a"], [[1]])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"t: the first line must say what made the table, .* Received: ''"),
        (f"{HEAD}\n", r"the first line must say .* Received: 'family,"),
        ("# by hand\n", r"t: the columns must be family, .*, reference\. Received: $"),
        ("# by hand\nfamily,width\na,1\n", r"columns must be .* Received: family, width"),
        (f"# by hand\n{HEAD}\na,1,2\n", r"t, line 3: a line must fit .* Received: a,1,2"),
        (f"# by hand\n{HEAD}\na,4,9,1,0.5,1,1,1,r,more\n", r"line 3: .* Received: a,4,.*more"),
        (f"# by hand\n{HEAD}\na,b,2,1,1,1,1,1,r\n", r"line 3: .* Received: a,b,2"),
    ],
)
def test_a_table_that_is_not_whole_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        _table.parsed(text, measured.Latency, "t")

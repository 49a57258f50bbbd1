"""The reach of a channel, read back: what is filled is what the layers let through."""

from __future__ import annotations

import re

import numpy as np
import pytest
from test_viz import box, groups, inside, label, near, svgs, words

from dsconv import ConvSpec, conv1d
from dsconv.viz import reach

HALVES, THIRDS = (ConvSpec(6, 6, (1,), groups=G) for G in (2, 3))
SHUFFLE = [0, 3, 1, 4, 2, 5]
CHAINS = {
    "one": (HALVES,),
    "two": (HALVES, THIRDS),
    "three": (HALVES, THIRDS, HALVES),
    "shuffled": (HALVES, SHUFFLE, HALVES),
    "uneven": (ConvSpec(4, 8, (3,), groups=4), ConvSpec(8, 6, (1,), groups=2)),
    "planar": (ConvSpec.depthwise(3, 3, depth_multiplier=2), ConvSpec(6, 9, 1, groups=3)),
}


def as_matrix(link):
    """Which outputs (rows) read which inputs, by asking the layer itself."""
    if not isinstance(link, ConvSpec):
        return np.eye(len(link), dtype=int)[link]
    shape = (*link.weight_shape[:2], 1)
    alone = np.eye(link.in_channels, dtype=int)[:, :, None]
    return conv1d(alone, np.ones(shape, int), groups=link.groups)[:, :, 0].T


def columns(svg):
    """For each column of nodes their heights, and which are filled."""
    found = {}
    for role in ("input", "middle", "output"):
        for g in groups(svg, role):
            for x, y, width, height in map(box, g.iter("rect")):
                filled = "empty" not in g.get("class")
                found.setdefault(round(x + width / 2), []).append((y + height / 2, filled))
    return [sorted(found[x]) for x in sorted(found)]


def strong(svg):
    """The strongly drawn wires that carry weights, as start and end height by column."""
    paths = inside(svg, "wires", "path") + inside(svg, "moved", "path")
    found = {}
    for path in paths:
        x, start, *_, end = map(float, re.findall(r"[\d.]+", path.get("d")))
        found.setdefault(x, []).append((start, end))
    return [found[x] for x in sorted(found)]


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("channel", [0, 2])
def test_filled_is_what_the_layers_let_through(name, channel):
    chain = CHAINS[name]
    (svg,) = svgs(reach(chain, channel=channel))
    known = columns(svg)
    expected = np.arange(len(known[0])) == channel
    assert [filled for _, filled in known[0]] == expected.tolist()
    for link, column in zip(chain, known[1:], strict=True):
        expected = as_matrix(link) @ expected > 0
        assert [filled for _, filled in column] == expected.tolist()
    reached, outputs = int(expected.sum()), len(expected)
    assert f"{reached} of {outputs} outputs" in label(svg)
    assert words(reach(chain, channel=channel), "sum") == [
        f"channel {channel} reaches {reached} of {outputs}"
    ]


@pytest.mark.parametrize("name", CHAINS)
def test_strong_wires_start_at_what_is_reached_and_none_is_missing(name):
    chain = CHAINS[name]
    (svg,) = svgs(reach(chain))
    known, drawn = columns(svg), strong(svg)
    for index, link in enumerate(chain):
        left, right = known[index], known[index + 1]
        joined = set()
        for start, end in drawn[index]:
            (m,) = [m for m, (y, _) in enumerate(left) if near(y, start)]
            (n,) = [n for n, (y, _) in enumerate(right) if near(y, end)]
            joined.add((n, m))
        matrix = as_matrix(link) * [filled for _, filled in left]
        assert joined == set(map(tuple, np.argwhere(matrix).tolist()))
    faint = list(svg.iter("path"))
    assert len(faint) == sum(int(as_matrix(link).sum()) for link in chain)


def test_it_says_what_it_draws():
    drawing = reach((HALVES, THIRDS), (HALVES, SHUFFLE, HALVES), ConvSpec(2, 3, (1,)))
    assert words(drawing, "title") == [
        "2 groups, then 3 groups",
        "2 groups, then shuffle, then 2 groups",
        "No groups",
    ]
    assert label(svgs(drawing)[0]) == (
        "Reach, 2 groups, then 3 groups: 6 channels on the left, followed from channel 0. Reached "
        "are behind layer 1 (2 groups) channels 0, 1 and 2; behind layer 2 (3 groups) channels 0, "
        "1, 2 and 3: 4 of 6 outputs."
    )
    named = reach(HALVES, titles=["Halves"], alt="One layer.")
    assert (words(named, "title"), label(svgs(named)[0])) == (["Halves"], "One layer.")


REFUSED = {
    "nothing": (lambda: reach(), ValueError, "reach must have at least one layer"),
    "empty": (lambda: reach(()), TypeError, r"chains\[0\] must be a ConvSpec or a tuple"),
    "word": (lambda: reach((HALVES, "shuffle")), TypeError, r"chains\[0\]\[1\] must be a ConvSpec"),
    "twice": (lambda: reach((HALVES, [0] * 6)), ValueError, "must hold every channel once"),
    "no channel": (lambda: reach((HALVES, [])), ValueError, "must hold every channel once"),
    "half": (lambda: reach(([0.5],)), TypeError, r"chains\[0\]\[0\]\[0\] must be an integer"),
    "broken": (
        lambda: reach((HALVES, ConvSpec(4, 4, (1,)))),
        ValueError,
        r"chains\[0\]\[0\] must pass on as many channels .* Received: 6 and 4",
    ),
    "many": (lambda: reach(ConvSpec(17, 1, (1,))), ValueError, "at most 16 channels. Received: 17"),
    "channel": (
        lambda: reach(HALVES, channel=6),
        ValueError,
        r"channel must be below the input channels \(6\). Received: channel=6",
    ),
    "titles": (lambda: reach(HALVES, titles=[]), ValueError, "titles must have one text for each"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_refuses_with_the_rule_and_the_value(case):
    call, kind, message = REFUSED[case]
    with pytest.raises(kind, match=message):
        call()

"""The study's machinery: data, ids, the grid, tables, runs, resuming, repeating."""
# ruff: noqa: NPY002  # mnist1d uses NumPy's global generator, and a test plays its part

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from dataclasses import replace
from math import prod
from pathlib import Path

import numpy as np
import pytest
import torch

from experiments import __main__ as command
from experiments import config, data, latency, repeat, results, runner, train
from experiments.config import Config, Task, parse, tasks, trial_tasks, tuning_tasks
from experiments.data import DataError
from experiments.families import FAMILIES, cost
from experiments.results import Row, TableError, Writer

ROOT = Path(__file__).parent.parent
TINY = replace(trial_tasks()[0].config, epochs=1)

# --- Data -----------------------------------------------------------------------------


def idx(values):
    return struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes()


@pytest.fixture
def fashion(tmp_path, monkeypatch):
    """Return a folder with four small files, which `data` takes for the published ones."""
    rng = np.random.default_rng(0)
    files = {}
    for name, file in data.FILES.items():
        count = 30 if "train" in name else 8
        values = rng.integers(
            0, 10 if "labels" in name else 256, (count, *file.shape[1:]), np.uint8
        )
        content = idx(values)
        (tmp_path / file.name).write_bytes(gzip.compress(content))
        files[name] = data.File(file.name, values.shape, hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(data, "FILES", files)
    monkeypatch.setattr(data, "VALIDATION", 10)
    monkeypatch.setenv(data.FOLDER_VARIABLE, str(tmp_path))
    return tmp_path


def test_the_split_is_fixed_whole_and_standardised(fashion):
    first, second = data.fashion(28), data.fashion(28)
    assert [len(part[1]) for part in (first.train, first.validation, first.test)] == [20, 10, 8]
    assert torch.equal(first.train[0], second.train[0])
    x = first.train[0].double()
    assert x.shape == (20, 1, 28, 28)
    assert float(x.mean()) == pytest.approx(0, abs=1e-6)
    assert float(x.std(correction=0)) == pytest.approx(1, abs=1e-6)
    # Every training picture is in one of the two parts, with its own label.
    images = data.read_idx(fashion / data.FILES["train_images"].name, data.FILES["train_images"])
    labels = data.read_idx(fashion / data.FILES["train_labels"].name, data.FILES["train_labels"])
    got = torch.cat([first.train[0], first.validation[0]])[:, 0].numpy()
    order = np.cov(got.reshape(30, -1), images.reshape(30, -1))[:30, 30:].argmax(1)
    assert sorted(order) == list(range(30))
    joined = torch.cat([first.train[1], first.validation[1]]).numpy()
    np.testing.assert_array_equal(joined, labels[order])


def test_half_the_resolution_is_the_mean_of_four(fashion):
    images = np.arange(2 * 28 * 28, dtype=np.float64).reshape(2, 28, 28) ** 1.5
    pooled = data._pooled(images, 14)
    np.testing.assert_allclose(pooled[1, 3, 5], images[1, 6:8, 10:12].mean(), rtol=1e-6)
    assert data.fashion(14).test[0].shape == (8, 1, 14, 14)
    np.testing.assert_array_equal(data._pooled(images, 28), images.astype(np.float32))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda packed, _: packed[: len(packed) // 2], "must be a whole gzip file"),
        (lambda _, content: gzip.compress(content[:-1]), r"bytes in all\. Received: 37 bytes"),
        (lambda _, content: gzip.compress(content + b"x"), "Received: 39 bytes"),
        (lambda _, content: gzip.compress(b"\1" + content[1:]), "that begin with 010008"),
        (lambda _, content: gzip.compress(content[:-1] + b"\xff"), "must have the SHA-256"),
        (lambda *_: b"no gzip", "must be a whole gzip file"),
    ],
)
def test_no_training_on_a_partial_or_altered_file(fashion, spoil, message):
    path = fashion / data.FILES["train_labels"].name
    packed = path.read_bytes()
    path.write_bytes(spoil(packed, gzip.decompress(packed)))
    with pytest.raises(DataError, match=message):
        data.fashion(14)


def test_missing_data_say_how_to_get_them(tmp_path, monkeypatch):
    monkeypatch.setenv(data.FOLDER_VARIABLE, str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"apt install dataset-fashion-mnist.*download FOLDER"):
        data.folder()
    monkeypatch.delenv(data.FOLDER_VARIABLE)
    monkeypatch.setattr(data, "DEBIAN", tmp_path / "here")
    with pytest.raises(DataError, match=r"not found in .*here"):
        data.folder()


def test_a_download_is_checked_and_resumed(fashion, tmp_path):
    target = tmp_path / "copy"
    source = fashion.as_uri() + "/"
    data.download(target, source)
    names = sorted(file.name for file in data.FILES.values())
    assert sorted(path.name for path in target.iterdir()) == names
    for name in names:  # what is there is not fetched again
        (fashion / name).unlink()
    data.download(target, source)
    (target / names[0]).unlink()
    with pytest.raises(DataError, match=f"{names[0]} could not be fetched"):
        data.download(target, source)
    shutil.copy(target / names[1], fashion / names[0])  # another file under its name
    with pytest.raises(DataError, match="Received"):
        data.download(target, source)
    assert sorted(path.name for path in target.iterdir()) == names[1:]  # no wrong or partial file


def test_the_published_files_are_what_their_sizes_say():
    """Upstream names 60,000 and 10,000 pictures of 28×28; hashes are of 32 bytes."""
    assert {file.shape for file in data.FILES.values()} == {
        *[(60_000, 28, 28), (60_000,), (10_000, 28, 28), (10_000,)]
    }
    assert {len(bytes.fromhex(file.sha256)) for file in data.FILES.values()} == {32}
    if data.DEBIAN.is_dir():
        file = data.FILES["test_labels"]
        labels = data.read_idx(data.DEBIAN / file.name, file)
        assert np.bincount(labels).tolist() == [1000] * 10


def test_sequences_leave_the_global_generator_alone(monkeypatch):
    import mnist1d.data as source

    asked = []

    def made(arguments):
        np.random.seed(arguments.seed)
        asked.append((arguments.seed, arguments.num_samples, arguments.train_split))
        count = arguments.num_samples // 1000
        cut = round(count * arguments.train_split)
        x, y = np.random.rand(count, arguments.final_seq_length), np.arange(count) % 10
        return {"x": x[:cut], "y": y[:cut], "x_test": x[cut:], "y_test": y[cut:]}

    monkeypatch.setattr(source, "make_dataset", made)
    np.random.seed(5)
    wanted = np.random.rand()
    np.random.seed(5)
    split = data.mnist1d()
    assert np.random.rand() == wanted
    assert asked == [(42, 5000, 0.8), (43, 20_000, 0.0)]
    assert [tuple(part[0].shape) for part in (split.train, split.validation, split.test)] == [
        (4, 1, 40),
        (1, 1, 40),
        (20, 1, 40),
    ]


# --- Configurations and the grid ------------------------------------------------------

CHOSEN = {
    (kind, name): (0.01, 0.1)
    for kind in ("fashion", "mnist1d")
    for name, family in FAMILIES.items()
    if kind == "fashion" or family.primary
}


def test_ids_name_every_run_of_the_grid_once_and_can_be_read():
    grid = tasks(CHOSEN)
    assert len({(str(task.config), task.seed) for task in grid}) == len(grid)
    for task in [*grid, *tuning_tasks(), *trial_tasks()]:
        assert parse(str(task.config)) == task.config


def test_the_grid_is_the_protocol_s():
    grid = tasks(CHOSEN)
    primary = [task for task in grid if task.group == "primary"]
    assert len(primary) == 2 * 5 * 5
    assert {task.seed for task in primary} == {0, 1, 2, 3, 4}
    others = [task for task in grid if task.group == "others"]
    assert len(others) == (len(FAMILIES) - 2 - len(config.MORE)) * 3 * 3
    assert len([task for task in grid if task.group == "more"]) == len(config.MORE) * 3 * 3
    assert {task.config.family for task in grid if task.config.data == "mnist1d"} == {
        "standard",
        "separable",
    }
    groups = {task.group for task in [*grid, *tuning_tasks()]}
    assert groups | {"swapped"} == set(config.GROUPS)
    for task in tuning_tasks():
        assert task.tuning
        assert task.seed not in {other.seed for other in grid}
        assert task.config.width == FAMILIES[task.config.family].middle
    assert len(tuning_tasks()) == 4 * (len(FAMILIES) + 2)


def test_the_settings_that_tuning_chose_are_used_and_nothing_runs_before():
    assert tasks({}) == []
    some = tasks({("fashion", "separable"): (0.03, 0.01)})
    assert {task.config.family for task in some} == {"separable"}
    assert {(t.config.learning_rate, t.config.weight_decay) for t in some} == {(0.03, 0.01)}


def test_each_primary_family_is_also_trained_with_the_other_s_setting():
    assert [task for task in tasks(CHOSEN) if task.group == "swapped"] == []  # they are the same
    chosen = {("fashion", "standard"): (0.1, 0.01), ("fashion", "separable"): (0.03, 0.01)}
    grid = tasks(chosen)
    rates = {
        (t.group, t.config.family): t.config.learning_rate
        for t in grid
        if t.group in ("primary", "swapped")
    }
    assert rates == {
        ("primary", "standard"): 0.1,
        ("primary", "separable"): 0.03,
        ("swapped", "standard"): 0.03,
        ("swapped", "separable"): 0.1,
    }
    assert len([t for t in grid if t.group == "swapped"]) == 2 * 5 * 2
    assert [t for t in tasks({("fashion", "standard"): (0.1, 0.01)}) if t.group == "swapped"] == []


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"data": "cifar"}, "data must be one of fashion, mnist1d, digits"),
        ({"family": "dense"}, "family must be one of"),
        ({"resolution": 15}, r"resolution of fashion must be one of 14, 28\. .*=15"),
        ({"width": 0}, "width must be a whole number, at least 1"),
        ({"epochs": 1.5}, "epochs must be a whole number"),
        ({"learning_rate": 0.0}, "learning_rate must be finite and positive"),
        ({"weight_decay": float("nan")}, "weight_decay must be finite and positive"),
    ],
)
def test_configurations_that_are_none(changed, message):
    with pytest.raises(ValueError, match=message):
        replace(config.FASHION, **changed)


@pytest.mark.parametrize(
    "text",
    ["", "fashion-14/standard", "fashion-14/standard/w012/e6/b128/lr0.01/wd0.01"],
)
def test_ids_that_are_none(text):
    with pytest.raises(ValueError, match="an id "):
        parse(text)


# --- One run --------------------------------------------------------------------------


def test_a_run_repeats_to_the_bit_and_seeds_differ():
    task = Task("trial", TINY, 3)
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    first, second = train.run(task), train.run(task)
    assert replace(first, seconds=0) == replace(second, seconds=0)
    assert train.run(replace(task, seed=4)).right != first.right
    assert first.test_count == 400
    assert first.right is not None
    assert first.test_accuracy == np.unpackbits(np.frombuffer(first.right, np.uint8)).sum() / 400
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not torch.are_deterministic_algorithms_enabled()


def test_the_configuration_and_the_seed_reach_the_training(monkeypatch):
    asked = []
    monkeypatch.setattr(train.training, "fit", lambda *_data, **options: asked.append(options))
    task = Task("trial", replace(TINY, epochs=3, learning_rate=0.5, weight_decay=0.25), 7)
    train.run(task)
    assert asked == [
        {"epochs": 3, "learning_rate": 0.5, "weight_decay": 0.25, "batch_size": 128, "seed": 7}
    ]


def test_the_bits_say_which_test_pictures_were_right(monkeypatch):
    """With a network that knows the answers to the first pictures only."""
    split = data.load(TINY)
    labels = split.test[1].clone()
    labels[7:] = (labels[7:] + 1) % 10

    class Knows(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, x):
            known = labels if len(x) == len(labels) else torch.zeros(len(x), dtype=torch.long)
            return torch.nn.functional.one_hot(known, 10) + self.weight

    monkeypatch.setattr(train, "to_module", lambda _layers: Knows())
    outcome = train.run(Task("trial", TINY, 0))
    row = Row("trial", TINY, 0, outcome, {})
    assert row.right.tolist() == [True] * 7 + [False] * 393
    assert outcome.test_accuracy == 7 / 400


def test_tuning_does_not_look_at_test_data(monkeypatch):
    split = data.load(TINY)
    without = replace(split, test=None)
    monkeypatch.setattr(train, "load", lambda _config: without)
    outcome = train.run(Task("tuning_primary", TINY, 100))
    assert (outcome.right, outcome.test_accuracy, outcome.test_count) == (None, None, 0)
    assert 0 <= outcome.validation_accuracy <= 1


def test_more_training_fits_better():
    longer = replace(TINY, family="separable", width=8, epochs=6)
    few, many = (train.run(Task("trial", replace(longer, epochs=n), 0)) for n in (1, 6))
    assert many.train_accuracy > few.train_accuracy + 0.1
    assert many.test_accuracy == pytest.approx(many.train_accuracy, abs=0.15)


# --- Tables ---------------------------------------------------------------------------


def a_row(seed=0, **changed):
    right = np.random.default_rng(seed).random(11) < 0.7
    outcome = train.Outcome(0.75, 0.5, np.packbits(right).tobytes(), 11, 1.25)
    machine = dict(zip(results.ENVIRONMENT, ("cpu", "a, b", "1", "3", "2", "2"), strict=True))
    return replace(Row("primary", config.FASHION, seed, outcome, machine), **changed)


def written(path, *rows):
    with Writer(path) as writer:
        for row in rows:
            writer.add(row)
    return path


def test_rows_come_back_as_they_were_written(tmp_path):
    untested = replace(a_row().outcome, right=None, test_count=0)
    rows = [a_row(0), a_row(1), a_row(2, outcome=untested)]
    path = written(tmp_path / "new" / "runs.csv", *rows)
    assert results.read(path) == rows
    assert results.read(path)[0].right.tolist() == a_row(0).right.tolist()
    header, first = path.read_text().splitlines()[:2]
    assert header.split(",") == list(results.COLUMNS)
    total = cost("standard", 12, (14, 14))
    assert f",{total.parameters},{total.weights},{total.macs}," in first


def test_what_a_writer_left_unfinished_is_cut_off_and_said(tmp_path):
    path = written(tmp_path / "runs.csv", a_row(0), a_row(1))
    whole = path.read_bytes()
    third = results.line(a_row(2)).encode()
    for cut in (1, len(third) // 2, len(third) - 1):
        path.write_bytes(whole + third[:cut])
        said = []
        assert results.read(path, said.append) == [a_row(0), a_row(1)]
        assert said == [f"runs.csv: the last line is unfinished ({cut} bytes) and does not count"]
        assert path.read_bytes() == whole + third[:cut]  # reading changes nothing
        said.clear()
        with Writer(path, said.append) as writer:
            writer.add(a_row(3))
        assert said == [f"runs.csv: cut off an unfinished last line of {cut} bytes"]
        assert path.read_bytes() == whole + results.line(a_row(3)).encode()


def test_a_header_that_was_cut_off_is_written_again(tmp_path):
    path = tmp_path / "runs.csv"
    path.write_text("group,conf")
    assert results.read(written(path, a_row())) == [a_row()]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (",0.750000,", ",1.750000,", "train_accuracy must lie between 0 and 1"),
        (",0.500000,", ",half,", "could not convert"),
        (",cpu,", ",", "zip"),
        (",14,standard,", ",28,standard,", "resolution must be '14' by the other columns"),
        ("w12", "w13", "width must be '13' by the other columns"),
        (",15522,", ",15523,", "parameters must be '15522' by the other columns"),
        (",11,", ",12,", "test_accuracy must be"),
        (",11,", ",90,", "right must hold 90 bits"),
        ("primary", "primary\n", "zip"),
    ],
)
def test_tables_that_were_changed_are_refused_with_the_line(tmp_path, old, new, message):
    path = written(tmp_path / "runs.csv", a_row(0), a_row(1))
    head, first, second = path.read_text().splitlines()
    assert old in second
    path.write_text("\n".join([head, first, second.replace(old, new, 1), ""]))
    with pytest.raises(TableError, match=f"runs.csv, line 3: .*{message}"):
        results.read(path)


def test_bits_that_do_not_fit_the_accuracy_are_refused(tmp_path):
    path = written(tmp_path / "runs.csv", a_row(0))
    text = path.read_text()
    start = text.rstrip().rindex(",") + 1
    other = results.line(a_row(1)).rstrip().rpartition(",")[2]
    path.write_text(text[:start] + other + "\n")
    with pytest.raises(TableError, match="line 2: test_accuracy must be"):
        results.read(path)
    path.write_text(text[:start] + "!!\n")
    with pytest.raises(TableError, match="right must be base64"):
        results.read(path)


def test_no_run_stands_there_twice_and_other_columns_are_refused(tmp_path):
    path = written(tmp_path / "runs.csv", a_row(0), a_row(0))
    with pytest.raises(TableError, match="line 3: a run stands in the table once"):
        results.read(path)
    path.write_text("a,b\n1,2\n")
    with pytest.raises(TableError, match="the columns must be group, config"):
        results.read(path)


def test_two_writers_at_a_time_are_refused(tmp_path):
    path = tmp_path / "runs.csv"
    with Writer(path) as writer:
        with pytest.raises(TableError, match="one writer at a time"), Writer(path):
            pass
        writer.add(a_row())
    assert results.read(path) == [a_row()]
    with pytest.raises(TableError, match="inside its `with` statement"):
        Writer(path).add(a_row())


def test_the_best_on_validation_data_is_chosen_the_first_of_equals():
    def tuned(setting, validation, family="standard"):
        rate, decay = setting
        made = replace(config.FASHION, family=family, learning_rate=rate, weight_decay=decay)
        # The worst choice fits the training data best.
        outcome = train.Outcome(1 - validation / 2, validation, None, 0, 1.0)
        return a_row(100, group="tuning_primary", config=made, outcome=outcome)

    rows = [tuned(s, v) for s, v in zip(config.SETTINGS, (0.5, 0.8, 0.8, 0.7), strict=True)]
    assert results.choice(rows) == {("fashion", "standard"): config.SETTINGS[1]}
    rows += [tuned(s, 0.5, "separable") for s in config.SETTINGS[:3]]  # one is missing
    assert set(results.choice(rows)) == {("fashion", "standard")}


# --- Running, resuming, repeating -----------------------------------------------------


def two_tasks():
    return [replace(task, config=replace(task.config, epochs=1)) for task in trial_tasks()[:2]]


def keys(folder):
    return [row.key for row in results.read(folder / results.TRIAL)]


def test_killed_and_started_again_it_loses_only_the_run_in_hand(tmp_path):
    """A real process, killed without warning after its first row; then a row half written."""
    path = tmp_path / results.TRIAL
    arguments = ["run", "--only", "trial", "--workers", "1", "--results", str(tmp_path)]
    process = subprocess.Popen(
        [sys.executable, "-m", "experiments", *arguments],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 120
        while not path.exists() or path.read_bytes().count(b"\n") < 2:
            assert process.poll() is None, "it ended before it was killed"
            assert time.monotonic() < deadline
            time.sleep(0.005)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    before = path.read_bytes()
    assert 1 <= len(keys(tmp_path)) < 4
    path.write_bytes(before + b"trial,digits-8/standard/w2/e2")
    assert command.main(arguments) == 0
    assert path.read_bytes().startswith(before)
    assert sorted(keys(tmp_path)) == sorted((str(t.config), t.seed) for t in trial_tasks())
    assert command.main(arguments) == 0  # nothing is left
    assert len(keys(tmp_path)) == 4


def test_a_dry_run_says_what_is_left_and_writes_nothing(tmp_path, capsys):
    assert command.main(["run", "--dry-run", "--results", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "tuning_others" in said
    assert "waits for tuning" in said
    assert list(tmp_path.iterdir()) == []


def test_an_error_in_a_run_keeps_the_rows_before_it(tmp_path, monkeypatch):
    real = runner.attempt

    def attempt(task, device):
        if task.config.width == 4:
            msg = "as planned"
            raise RuntimeError(msg)
        return real(task, device)

    monkeypatch.setattr(runner, "attempt", attempt)
    monkeypatch.setattr(runner, "trial_tasks", two_tasks)
    with pytest.raises(RuntimeError, match="as planned"):
        runner.run_group(tmp_path, "trial")
    assert [key[0].split("/")[2] for key in keys(tmp_path)] == ["w2"]


@pytest.mark.filterwarnings("ignore")  # of Dask's own, about ports and event loops
@pytest.mark.parametrize("where", ["local", "address"])
def test_the_same_command_on_dask_gives_the_same_rows(tmp_path, monkeypatch, where):
    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(runner, "trial_tasks", two_tasks)
    arguments = ["run", "--only", "trial", "--backend", "dask", "--workers", "1"]
    arguments += ["--results", str(tmp_path)]
    if where == "local":
        assert command.main(arguments) == 0
    else:
        with distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster:
            assert command.main([*arguments, "--address", cluster.scheduler_address]) == 0
    rows = results.read(tmp_path / results.TRIAL)
    assert sorted(row.key for row in rows) == sorted((str(t.config), t.seed) for t in two_tasks())
    again = train.run(two_tasks()[0])
    assert next(row for row in rows if row.config.width == 2).outcome.right == again.right


def test_time_is_told_from_runs_that_are_done():
    rows = [a_row(0), a_row(1)]  # 1.25 s each
    same = Task("primary", config.FASHION, 2)
    assert runner.expected_seconds([same, same], rows) == pytest.approx(2.5)
    longer = replace(same, config=replace(config.FASHION, epochs=12))
    assert runner.expected_seconds([longer], rows) == pytest.approx(2.5)
    assert runner.expected_seconds([same], []) is None


def test_one_repeats_a_row_and_demands_equality_on_the_same_machine(tmp_path, capsys):
    task = two_tasks()[0]
    row = runner.attempt(task, "cpu")
    arguments = ["one", str(task.config), "--seed", "0", "--results", str(tmp_path)]
    written(tmp_path / results.TRIAL, row)
    assert command.main(arguments) == 0
    assert "the same, picture for picture" in capsys.readouterr().out

    swapped = row.right  # the same accuracy, other pictures
    yes, no = np.flatnonzero(swapped)[0], np.flatnonzero(~swapped)[0]
    swapped[[yes, no]] = swapped[[no, yes]]
    outcome = replace(row.outcome, right=np.packbits(swapped).tobytes())
    (tmp_path / results.TRIAL).unlink()
    written(tmp_path / results.TRIAL, replace(row, outcome=outcome))
    assert command.main(arguments) == 1
    assert "2 test pictures answered otherwise" in capsys.readouterr().out

    (tmp_path / results.TRIAL).unlink()
    elsewhere = row.environment | {"processor": "another"}
    written(tmp_path / results.TRIAL, replace(row, outcome=outcome, environment=elsewhere))
    assert command.main(arguments) == 0  # within the interval
    said = capsys.readouterr().out
    assert "in the table another" in said
    assert "inside" in said

    (tmp_path / results.TRIAL).unlink()
    right = np.packbits(~row.right).tobytes()
    wrong = replace(row.outcome, right=right)
    written(tmp_path / results.TRIAL, replace(row, outcome=wrong, environment=elsewhere))
    assert command.main(arguments) == 1
    assert "outside" in capsys.readouterr().out


def test_the_interval_reaches_as_far_again_as_the_seeds_do():
    def row(seed, hits):
        right = np.packbits(np.arange(100) < hits).tobytes()
        return a_row(seed, outcome=train.Outcome(1, 1, right, 100, 1.0))

    assert repeat.interval([row(0, 80), row(1, 84)]) == pytest.approx((0.76, 0.88))
    assert repeat.interval([row(0, 80)]) == pytest.approx((0.79, 0.81))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["one", "nothing", "--seed", "0"], "an id looks like fashion-14"),
        (["one", str(TINY), "--seed", "7"], "a run to repeat must be in the tables"),
        (["run", "--only", "all"], "a group is one of tuning_primary"),
        (["run", "--workers", "0"], "--workers must be at least 1"),
        (["analyse"], "there must be runs to compare"),
    ],
)
def test_refusals_are_one_line_and_status_2(tmp_path, capsys, arguments, message):
    assert command.main([*arguments, "--results", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


def test_an_unfinished_grid_is_compared_with_a_warning(tmp_path, capsys):
    written(tmp_path / results.RUNS, a_row(0), a_row(1))
    folders = ["--results", str(tmp_path), "--tables", str(tmp_path)]
    assert command.main(["analyse", *folders]) == 0
    assert "decides nothing" in capsys.readouterr().err
    assert len((tmp_path / "study_networks.csv").read_text().splitlines()) == 3


@pytest.mark.parametrize("name", ["analyse", "latency"])
def test_a_folder_that_is_not_there_is_said_before_the_work(tmp_path, capsys, name):
    written(tmp_path / results.RUNS, a_row(0))
    given = ["--tables", str(tmp_path / "none")]
    more = ["--results", str(tmp_path)] if name == "analyse" else ["--anyway"]
    assert command.main([name, *given, *more]) == 2
    assert "folder must be there. Received: " in capsys.readouterr().err


def test_runs_from_elsewhere_do_not_replace_the_book_s_tables(tmp_path, capsys):
    written(tmp_path / results.RUNS, a_row(0), a_row(1))
    assert command.main(["analyse", "--results", str(tmp_path)]) == 2
    assert "must not replace the book's tables: say --tables" in capsys.readouterr().err


def test_an_interruption_is_no_traceback(tmp_path, monkeypatch, capsys):
    def interrupted(*_given, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "run_group", interrupted)
    assert command.main(["run", "--only", "trial", "--results", str(tmp_path)]) == 130
    assert "what is in the tables stays" in capsys.readouterr().err


# --- Latency --------------------------------------------------------------------------


def test_times_are_ratios_of_turns_and_the_reference_is_one(tmp_path):
    which = [("standard", 64), ("standard", 4)]
    took = latency.measure(which, 2, rounds=3, at_least=1e-4)
    first, second = took.values()
    assert (first.ratio, first.low, first.high) == (1, 1, 1)
    assert 0 < second.low <= second.ratio <= second.high
    assert second.milliseconds > 0
    latency.write(tmp_path / "latency.csv", {2: took}, 0.1)
    lines = (tmp_path / "latency.csv").read_text().splitlines()
    assert lines[0].startswith("# command: python -m experiments latency | Python 3.")
    assert lines[0].endswith("load before 0.10")
    assert lines[3].startswith(f"standard,4,{cost('standard', 4, (14, 14)).macs},2,")
    assert len(latency.networks()) == sum(len(kind.widths) for kind in FAMILIES.values())


def test_nothing_is_timed_on_a_busy_machine(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(os, "getloadavg", lambda: (1.5, 0.0, 0.0), raising=False)
    assert command.main(["latency", "--tables", str(tmp_path)]) == 2
    assert "does nothing else" in capsys.readouterr().err


# --- The committed table --------------------------------------------------------------


@pytest.mark.parametrize("name", [results.RUNS, results.TUNING])
def test_the_committed_tables_are_valid_and_of_the_grid(name):
    rows = results.read(results.FOLDER / name)
    groups = {"tuning_primary", "tuning_mnist1d", "tuning_others", "tuning_more"}
    for row in rows:
        assert (row.group in groups) == (name == results.TUNING) == (row.outcome.right is None)
        size = {"fashion": 10_000, "mnist1d": 20_000}[row.config.data]
        assert row.outcome.test_count == (0 if name == results.TUNING else size)
    tuned = results.choice(results.read(results.FOLDER / results.TUNING))
    allowed = {(str(t.config), t.seed) for t in [*tasks(tuned), *tuning_tasks()]}
    for task in tuning_tasks():  # the primary families tried others first
        if task.group == "tuning_primary":
            for rate, decay in config.ABANDONED:
                tried = replace(task.config, learning_rate=rate, weight_decay=decay)
                allowed.add((str(tried), task.seed))
    assert {row.key for row in rows} <= allowed


def test_the_protocol_names_what_the_code_does():
    text = (ROOT / "experiments" / "PROTOCOL.md").read_text()
    for name in FAMILIES:
        assert f"`{name}`" in text
    from experiments import analyse

    assert "0.25, 1 and 4 million MACs" in text
    assert analyse.MAC_POINTS == (250_000, 1_000_000, 4_000_000)
    assert f"{analyse.DRAWS:,} draws" in text
    said = (
        "learning rates 0.01, 0.03 and 0.1 with weight decay 0.01, and 0.03 with weight decay 0.1"
    )
    assert said in text
    wanted = {(0.01, 0.01), (0.03, 0.01), (0.1, 0.01), (0.03, 0.1)}
    assert set(config.SETTINGS) == wanted
    assert not wanted & set(config.ABANDONED)
    assert f"One seed, {config.TUNING_SEED}," in text
    assert prod((5, 5, 2)) == len([t for t in tasks(CHOSEN) if t.group == "primary"])


def test_a_config_is_frozen_and_hashable():
    assert len({Config(**vars(config.FASHION)), config.FASHION}) == 1

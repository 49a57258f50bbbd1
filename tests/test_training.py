"""Training: what it learns, what it leaves alone, and what it refuses."""

from __future__ import annotations

import copy
import csv
from importlib import resources

import pytest
import torch
from torch import nn

import dsconv
from dsconv import training


def samples(count: int = 90) -> tuple[torch.Tensor, torch.Tensor]:
    """Return points in a plane, and which of three directions they lie in."""
    x = torch.randn(count, 2, generator=torch.manual_seed(3))
    angle = torch.atan2(x[:, 1], x[:, 0])
    return x, ((angle + torch.pi) / (2 * torch.pi) * 3).long().clamp(max=2)


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 3))


def test_it_learns_and_says_how_the_loss_fell():
    x, y = samples()
    module = network()
    before = training.accuracy(module, x, y)
    losses = training.fit(module, x, y, epochs=60, batch_size=20)
    assert len(losses) == 60
    assert losses[-1] < losses[0] / 2
    assert training.accuracy(module, x, y) > max(before, 0.9)


def test_the_first_loss_is_the_mean_over_all_samples_even_if_the_last_batch_is_short():
    x, y = samples(25)
    module = network()
    wanted = float(nn.functional.cross_entropy(module(x), y).detach())
    for size in (25, 10, 100):
        (loss,) = training.fit(
            copy.deepcopy(module), x, y, epochs=1, batch_size=size, learning_rate=1e-12
        )
        assert loss == pytest.approx(wanted, rel=1e-6)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others():
    x, y = samples()
    weights = []
    for seed in (1, 1, 2):
        module = network()
        training.fit(module, x, y, epochs=2, batch_size=20, seed=seed)
        weights.append(torch.cat([p.detach().ravel() for p in module.parameters()]))
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_it_leaves_the_generator_and_the_threads_alone():
    x, y = samples()
    module = network()
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    training.fit(module, x, y, epochs=1)
    training.accuracy(module, x, y)
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_threads_come_back_even_after_an_error():
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(RuntimeError):
            training.fit(nn.Linear(5, 2), torch.zeros(4, 3), torch.zeros(4).long(), epochs=1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


def test_it_trains_in_training_mode_and_is_asked_in_evaluation_mode():
    x, y = samples()
    module, modes = nn.Linear(2, 3), []
    module.register_forward_hook(lambda *_: modes.append(module.training))
    training.fit(module, x, y, epochs=1, batch_size=len(x))
    assert modes == [True]
    assert not module.training
    module.train()
    training.accuracy(module, x, y)
    assert modes == [True, False]
    assert module.training


def test_what_needs_no_gradient_stays():
    x, y = samples()
    module = network()
    module[0].requires_grad_(False)
    first, last = module[0].weight.clone(), module[2].weight.detach().clone()
    training.fit(module, x, y, epochs=1)
    assert torch.equal(module[0].weight, first)
    assert not torch.equal(module[2].weight, last)


def test_weight_decay_shrinks_what_the_loss_does_not_need():
    x, y = torch.zeros(10, 2), torch.zeros(10).long()  # the weights play no part
    sizes = []
    for decay in (0.0, 1.0):
        module = network().append(nn.Linear(3, 3))
        start = float(module[0].weight.detach().norm())
        training.fit(module, x, y, epochs=20, weight_decay=decay)
        sizes.append(float(module[0].weight.detach().norm()) / start)
    assert sizes[0] == pytest.approx(1)
    assert sizes[1] < 0.98


def test_accuracy_counts_over_more_samples_than_one_pass_takes():
    x = torch.eye(2).repeat(1200, 1)
    y = torch.tensor([0, 1]).repeat(1200)
    y[:600] = 1 - y[:600]
    assert training.accuracy(nn.Identity(), x, y) == 0.75


@pytest.mark.parametrize(
    ("words", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs"),
        ({"epochs": 1.5}, TypeError, "epochs"),
        ({"batch_size": 0}, ValueError, "batch_size"),
        ({"seed": -1}, ValueError, "seed"),
        ({"learning_rate": 0.0}, ValueError, "learning_rate must be positive and finite"),
        ({"learning_rate": float("nan")}, ValueError, "learning_rate must be positive and finite"),
        ({"weight_decay": -0.1}, ValueError, "weight_decay must be at least 0"),
    ],
)
def test_wrong_numbers_are_refused(words, error, message):
    x, y = samples()
    with pytest.raises(error, match=message):
        training.fit(network(), x, y, **{"epochs": 1} | words)


@pytest.mark.parametrize(("first", "second"), [(3, 4), (0, 0)])
def test_samples_and_classes_must_be_as_many(first, second):
    x, y = torch.zeros(first, 2), torch.zeros(second).long()
    with pytest.raises(ValueError, match="the same number of samples"):
        training.fit(network(), x, y, epochs=1)
    with pytest.raises(ValueError, match="the same number of samples"):
        training.accuracy(network(), x, y)


def test_it_is_a_module_of_the_package_that_loads_when_asked_for():
    assert dsconv.training is training
    assert "training" in dir(dsconv)


def test_the_table_of_runs_holds_what_the_chapter_says_of_it():
    table = resources.files("dsconv") / "data" / "digits_runs.csv"
    first, *lines = table.read_text(encoding="utf-8").splitlines()
    assert first.startswith("# command: python tools/digits_runs.py")
    runs = [{k: float(v) for k, v in run.items()} for run in csv.DictReader(lines)]
    assert [run["seed"] for run in runs] == list(range(12))
    for run in runs:
        assert run["accuracy 1"] < 0.5 < 0.8 < run["separable twin"]
        assert run["accuracy 1"] + 0.3 < run["one term, trained on"]
        assert run["accuracy 9"] == pytest.approx(run["standard"], abs=0.002)
        assert run["accuracy 5"] > run["standard"] - 0.03
        assert run["distance of the twin"] > 1.2
        assert all(run[f"error {t} trained"] < run[f"error {t} untrained"] for t in range(1, 9))


def test_parts_keep_their_own_modes():
    module = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    module[1].eval()
    training.accuracy(module, torch.ones(3, 2), torch.zeros(3, dtype=torch.long))
    assert [part.training for part in module] == [True, False]


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (torch.ones(3, 2), torch.zeros(3, 1, dtype=torch.long), r"one axis.*\(3, 1\)"),
        (torch.ones(3, 2), torch.zeros(3), "whole numbers along one axis"),
        (torch.ones(3, 2).numpy(), torch.zeros(3, dtype=torch.long), "x must be a PyTorch tensor"),
    ],
)
def test_labels_are_whole_numbers_along_one_axis(x, y, message):
    with pytest.raises((TypeError, ValueError), match=message):
        training.accuracy(nn.Linear(2, 2), x, y)

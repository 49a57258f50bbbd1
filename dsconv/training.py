"""Training a small classifier in a few lines that give the same start and order each time.

The chapters train small networks while they are read. What they have in common stands here: the
optimiser, the schedule, the batches, and one thread, so that another number of cores does not
change the order in which numbers are added.
"""

from __future__ import annotations

import torch
from torch import nn

from dsconv._evaluating import evaluating
from dsconv.geometry import array_kind, positive, whole_number
from dsconv.timing import one_thread

_AT_ONCE = 1000  # samples in one forward pass of `accuracy`, for the memory's sake


def fit(
    module: nn.Module,
    x: torch.Tensor,
    y: torch.Tensor,
    *,
    epochs: int,
    learning_rate: float = 0.01,
    batch_size: int = 100,
    weight_decay: float = 0.01,
    seed: int = 0,
) -> list[float]:
    """Train a classifier in place, on one thread.

    Parameters
    ----------
    module : torch.nn.Module
        Gives one number for each class, (B, classes). Parameters that need no gradient stay as
        they are; batch norms keep means and variances as in any training.
    x : Tensor, shape (samples, ...)
        What it reads.
    y : Tensor, shape (samples,), int64
        The right classes, from 0.
    epochs : int
        How often it sees every sample.
    learning_rate : float, optional
        The largest; the rate rises to it over the first three tenths of the steps and then falls
        to nearly nothing.
    batch_size : int, optional
        Samples in a step; the last step of an epoch may have fewer.
    weight_decay : float, optional
        AdamW's.
    seed : int, optional
        Of the order of the samples. It does not touch PyTorch's own generator: call
        `torch.manual_seed` before you make the module.

    Returns
    -------
    list of float
        The mean loss (cross-entropy) of each epoch.

    Raises
    ------
    TypeError
        If `x` or `y` is no tensor, or a number is none.
    ValueError
        If there is no sample, `x` and `y` are not as long, `y` holds no whole numbers along one
        axis, or a number is out of range.

    Notes
    -----
    AdamW with its defaults (Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019)
    and one cycle of the learning rate, which takes ten steps or more (Smith and Topin,
    "Super-Convergence", 2017). The module is left in evaluation mode. Two machines may still round
    differently, and after some hundred steps that shows in the third digit: compare what you
    print over several seeds.

    Examples
    --------
    >>> x = torch.tensor([[-1.0], [1.0]] * 50)
    >>> module = nn.Linear(1, 2)
    >>> losses = fit(module, x, (x[:, 0] > 0).long(), epochs=20, learning_rate=0.3)
    >>> len(losses), accuracy(module, x, (x[:, 0] > 0).long())
    (20, 1.0)
    """
    _as_long(x, y)
    epochs = whole_number("epochs", epochs, minimum=1)
    batch_size = whole_number("batch_size", batch_size, minimum=1)
    seed = whole_number("seed", seed, minimum=0)
    learning_rate = positive("learning_rate", learning_rate)
    if not weight_decay >= 0:
        msg = f"weight_decay must be at least 0. Received: weight_decay={weight_decay!r}"
        raise ValueError(msg)
    learnt = [parameter for parameter in module.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(learnt, lr=learning_rate, weight_decay=weight_decay)
    steps = epochs * -(-len(x) // batch_size)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=steps)
    order = torch.Generator().manual_seed(seed)
    losses = []
    module.train()
    with one_thread():
        for _ in range(epochs):
            total = 0.0
            for batch in torch.split(torch.randperm(len(x), generator=order), batch_size):
                optimizer.zero_grad()
                loss = nn.functional.cross_entropy(module(x[batch]), y[batch])
                loss.backward()  # type: ignore[no-untyped-call]
                optimizer.step()
                schedule.step()
                total += float(loss.detach()) * len(batch)
            losses.append(total / len(x))
    module.eval()
    return losses


def accuracy(module: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """Return the share of samples whose class gets the largest number.

    Parameters
    ----------
    module : torch.nn.Module
        As for `fit`. It is asked in evaluation mode and left as it was.
    x : Tensor, shape (samples, ...)
        What it reads.
    y : Tensor, shape (samples,), int64
        The right classes.

    Returns
    -------
    float
        Between 0 and 1.

    Raises
    ------
    TypeError
        If `x` or `y` is no tensor.
    ValueError
        If there is no sample, `x` and `y` are not as long, or `y` holds no whole numbers along
        one axis.

    Examples
    --------
    >>> accuracy(nn.Identity(), torch.eye(4), torch.tensor([0, 1, 2, 0]))
    0.75
    """
    _as_long(x, y)
    with evaluating(module), torch.no_grad(), one_thread():
        answers = torch.cat([module(part).argmax(1) for part in torch.split(x, _AT_ONCE)])
    return float((answers == y).double().mean())


def _as_long(x: torch.Tensor, y: torch.Tensor) -> None:
    for name, tensor in (("x", x), ("y", y)):
        if array_kind(name, tensor) != "torch":
            msg = f"{name} must be a PyTorch tensor. Received: {type(tensor).__name__}"
            raise TypeError(msg)
    if y.ndim != 1 or y.is_floating_point() or y.dtype == torch.bool:
        msg = (
            "y must hold whole numbers along one axis, one for each sample. "
            f"Received: shape {tuple(y.shape)}, {y.dtype}"
        )
        raise ValueError(msg)
    if len(x) != len(y) or not len(x):
        msg = (
            "x and y must hold the same number of samples, at least one. "
            f"Received: {len(x)} and {len(y)}"
        )
        raise ValueError(msg)


__all__ = ["accuracy", "fit"]

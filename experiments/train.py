"""One run: a network made, trained and asked."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from torch import nn

from dsconv import training
from dsconv.architectures import to_module
from dsconv.timing import processor
from experiments.config import Task
from experiments.data import Split, load
from experiments.families import layers

THREADS = 1
_AT_ONCE = 1000


@dataclass(frozen=True)
class Outcome:
    """What a run gives.

    Attributes
    ----------
    train_accuracy, validation_accuracy : float
    right : bytes or None
        One bit for each test picture, packed by `numpy.packbits`: 1 where the answer was right.
        None where test data were not looked at.
    test_count : int
        The number of test pictures, 0 where they were not looked at.
    seconds : float
        Training only.
    """

    train_accuracy: float
    validation_accuracy: float
    right: bytes | None
    test_count: int
    seconds: float

    @property
    def test_accuracy(self) -> float | None:
        """The share of test pictures that were right."""
        if self.right is None:
            return None
        return int(np.unpackbits(np.frombuffer(self.right, np.uint8)).sum()) / self.test_count


def run(task: Task, device: str = "cpu") -> Outcome:
    """Train one network on one thread and ask it; test data once, and not while tuning.

    Parameters
    ----------
    task : Task
    device : str, optional
        "cpu" or "cuda".

    Returns
    -------
    Outcome

    Notes
    -----
    The seed decides the first weights and the order of the batches. AdamW, one cycle of the
    learning rate (`dsconv.training.fit`), no augmentation. The network of the last epoch is asked.
    """
    config = task.config
    data = _on(device, load(config))
    with _as_it_should(device):
        torch.manual_seed(task.seed)
        module = to_module(layers(config.family, config.width, config.sides)).to(device)
        if len(config.sides) == 2:  # the channels of a pixel side by side: a third faster
            module = module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        start = time.perf_counter()
        training.fit(
            module,
            *data.train,
            epochs=config.epochs,
            learning_rate=config.learning_rate,
            weight_decay=config.weight_decay,
            batch_size=config.batch_size,
            seed=task.seed,
        )
        seconds = time.perf_counter() - start
        right = None if task.tuning else _right(module, *data.test)
        return Outcome(
            train_accuracy=training.accuracy(module, *data.train),
            validation_accuracy=training.accuracy(module, *data.validation),
            right=None if right is None else np.packbits(right).tobytes(),
            test_count=0 if right is None else len(right),
            seconds=seconds,
        )


def _right(module: nn.Module, x: torch.Tensor, y: torch.Tensor) -> np.ndarray[Any, Any]:
    module.eval()
    with torch.no_grad():
        answers = torch.cat([module(part).argmax(1) for part in torch.split(x, _AT_ONCE)])
    return (answers == y).cpu().numpy()


def _on(device: str, data: Split) -> Split:
    if device == "cpu":
        return data
    parts = ((x.to(device), y.to(device)) for x, y in (data.train, data.validation, data.test))
    return Split(*parts)


@contextmanager
def _as_it_should(device: str) -> Iterator[None]:
    """Compute on one thread, without operations whose results depend on chance."""
    threads, state = torch.get_num_threads(), torch.random.get_rng_state()
    strict = torch.are_deterministic_algorithms_enabled()
    if device != "cpu":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.set_num_threads(THREADS)
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(strict)
        torch.set_num_threads(threads)
        torch.random.set_rng_state(state)


# --- The machine ----------------------------------------------------------------------


def environment(device: str = "cpu") -> dict[str, str]:
    """Return what has to be the same for a run to give the same numbers."""
    return {
        "device": device if device == "cpu" else torch.cuda.get_device_name(),
        "processor": processor(),
        "threads": str(THREADS),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": version("numpy"),
    }


__all__ = ["Outcome", "environment", "run"]

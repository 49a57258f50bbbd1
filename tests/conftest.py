"""What the package's tests share: two backends, and Hypothesis with the same cases everywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, settings

# Derandomised, so that a red test here is red there; print_blob says how to run one case again.
settings.register_profile(
    "dsconv",
    derandomize=True,
    database=None,
    deadline=None,
    print_blob=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
# For tools/mutants.py, which wants to know that a test fails and not the simplest reason.
settings.register_profile("mutants", settings.get_profile("dsconv"), phases=[Phase.generate])
settings.load_profile("dsconv")

# Threads wait for each other at every small operation; where others work on the same cores,
# that takes ten times as long as the work.
torch.set_num_threads(1)


@dataclass(frozen=True)
class Backend:
    """Takes NumPy arrays to a backend and its results back."""

    name: str

    def array(self, values: Any) -> Any:
        """Return the same numbers as this backend's array; None stays None."""
        if values is None or self.name == "numpy":
            return values
        # from_numpy knows neither negative strides nor 0-d subclasses; a copy has neither.
        return torch.from_numpy(np.array(values))

    def numpy(self, result: Any) -> Any:
        """Return a result as a NumPy array, after checking that it is of this backend."""
        kind = torch.Tensor if self.name == "torch" else np.ndarray
        assert type(result) is kind
        return result.detach().numpy() if self.name == "torch" else result

    def __repr__(self) -> str:
        return self.name


@pytest.fixture(scope="session", params=["numpy", "torch"])
def backend(request: pytest.FixtureRequest) -> Backend:
    """One of the two backends; a test that asks for it runs on both."""
    return Backend(request.param)


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Random numbers that differ from test to test and are the same in every run."""
    return np.random.default_rng(list(request.node.nodeid.encode()))

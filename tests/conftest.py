"""What the tests share: settings of the session, and the two implementations."""

import os

import pytest
import torch
from hypothesis import settings

from weight_decay import concise, scratch, synthetic_data

# No test may open a window, whatever display there is.
os.environ.setdefault("MPLBACKEND", "Agg")

# The number of threads changes the last digits; one is also the fastest here.
torch.set_num_threads(1)

# A law that fails in CI must fail again for whoever looks into it.
settings.register_profile(
    "weight_decay",
    deadline=None,
    max_examples=25,
    derandomize="CI" in os.environ,
    print_blob=True,
)
settings.load_profile("weight_decay")


@pytest.fixture(scope="session")
def problem():
    """The chapter's problem: 20 examples, 200 inputs, float32."""
    return synthetic_data()


@pytest.fixture(scope="session")
def small():
    """A problem of 7 examples and 10 inputs, float64: quick and exact."""
    return synthetic_data(7, 4, 10, noise_std=0.5, dtype=torch.float64)


@pytest.fixture(params=[scratch, concise], ids=["scratch", "concise"], scope="session")
def implementation(request):
    """Each of the two modules that have a `train`."""
    return request.param

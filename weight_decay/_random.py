"""Independent random streams: the data, the training run, the start of a bias."""

import torch

from ._checks import check_seed

# The CPU generator of torch keeps only the lower 32 bits of a seed. Offsets of
# 2**30 keep the streams apart for every seed that `check_seed` lets through.
# Drawing the data and the start from one stream would be a quiet disaster: the
# first row of X and the initial weight would then be (almost) the same vector.
_OFFSETS = {"training": 0, "data": 2**30, "bias": 2**31}


def random_stream(seed: int, stream: str) -> torch.Generator:
    """Return a generator of its own for one purpose: training, data or bias.

    It is on the CPU, so that a seed means the same numbers on every device.
    """
    return torch.Generator().manual_seed(check_seed("seed", seed) + _OFFSETS[stream])

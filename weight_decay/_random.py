"""Independent random streams: the data, the training run, the start of a bias."""

import torch

from ._checks import check_device, check_dtype, check_generator, check_seed

# The CPU generator of torch keeps only the lower 32 bits of a seed. Offsets of
# 2**30 keep the streams apart for every seed that `check_seed` lets through.
# Drawing the data and the start from one stream would be a quiet disaster: the
# first row of X and the initial weight would then be (almost) the same vector.
_OFFSETS = {"training": 0, "data": 2**30, "bias": 2**31}


def random_stream(seed: int, stream: str) -> torch.Generator:
    """Return a generator of its own for one purpose.

    Parameters
    ----------
    seed : int
        The seed of the experiment, 0 ≤ seed < 2³⁰.
    stream : {"training", "data", "bias"}
        What the numbers are for. The training stream is
        ``torch.Generator().manual_seed(seed)``.

    Returns
    -------
    torch.Generator
        A CPU generator, so that a seed means the same numbers on every device.
    """
    return torch.Generator().manual_seed(check_seed(seed) + _OFFSETS[stream])


def standard_normal(
    shape: tuple[int, ...],
    generator: torch.Generator,
    dtype: torch.dtype,
    device: torch.device | str,
) -> torch.Tensor:
    """Draw from N(0, 1) on the CPU, then move to `device`.

    Parameters
    ----------
    shape : tuple of int
        Shape of the result.
    generator : torch.Generator
        A CPU generator.
    dtype : torch.dtype
        torch.float32 or torch.float64. The draw itself is in float32, so that a seed
        means the same numbers, and the same batches after them, in both.
    device : torch.device or str
        Where the result goes; torch's default device plays no part.

    Returns
    -------
    torch.Tensor
        Independent numbers of mean 0 and standard deviation 1.
    """
    check_generator("generator", generator)
    dtype, device = check_dtype("dtype", dtype), check_device("device", device)
    drawn = torch.normal(
        0.0, 1.0, shape, generator=generator, dtype=torch.float32, device="cpu"
    )
    return drawn.to(device=device, dtype=dtype)

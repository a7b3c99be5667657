"""The regression problem y = X w* + b* + ε: few examples, many features."""

from dataclasses import dataclass
from typing import Any

import torch

from ._checks import (
    CHECKS,
    check_count,
    check_finite,
    check_generator,
    check_in_range,
    check_size,
    check_tensor,
    shown,
)
from ._guards import guarded, torch_alone
from ._random import random_stream


@dataclass(frozen=True, eq=False, repr=False)
class RegressionProblem:
    """A linear regression problem; its test set and its truth may be unknown.

    Here n is the number of training examples, m the number of test examples
    and p the number of inputs (features). Data of one's own are
    ``RegressionProblem(X_train, y_train)``, with X_test and y_test where there are
    any; only what compares with the truth, `ridge.anatomy`, needs w_true and b_true.

    Attributes
    ----------
    X_train : torch.Tensor, shape (n, p)
        Inputs of the training examples, float32 or float64.
    y_train : torch.Tensor, shape (n, 1)
        Targets of the training examples.
    X_test : torch.Tensor, shape (m, p), optional
        Inputs of the test examples.
    y_test : torch.Tensor, shape (m, 1), optional
        Targets of the test examples.
    w_true : torch.Tensor, shape (p, 1), optional
        The weight w* that made the data.
    b_true : float, optional
        The bias b* that made the data.

    Raises
    ------
    TypeError
        A field is not a tensor, or not float32 or float64, or the dtypes differ; one
        of X_test and y_test, or of w_true and b_true, without the other.
    ValueError
        Shapes or devices that do not match, an empty tensor, NaN or an infinity.

    Examples
    --------
    >>> import torch
    >>> from weight_decay import RegressionProblem
    >>> X_train = torch.tensor([[1.0, 7.0], [2.0, 8.0], [4.0, 6.0]])
    >>> RegressionProblem(X_train, y_train=torch.tensor([[2.0], [3.0], [5.0]]))
    RegressionProblem(3 training examples, 2 inputs, torch.float32, cpu)
    """

    X_train: torch.Tensor
    y_train: torch.Tensor
    X_test: torch.Tensor | None = None
    y_test: torch.Tensor | None = None
    w_true: torch.Tensor | None = None
    b_true: float | None = None

    @torch_alone("RegressionProblem")
    def __post_init__(self) -> None:
        """Check every field and cut it off from any autograd graph."""
        X = check_tensor("X_train", self.X_train, ("n", "p"))
        n, p = X.shape
        fields = {"X_train": X}
        fields["y_train"] = check_tensor("y_train", self.y_train, (n, 1), like=X)
        if self.X_test is not None or self.y_test is not None:
            X_test = check_tensor("X_test", self.X_test, ("m", p), like=X)
            m = len(X_test)
            y_test = check_tensor("y_test", self.y_test, (m, 1), like=X)
            fields |= {"X_test": X_test, "y_test": y_test}
        if self.w_true is not None or self.b_true is not None:
            fields["w_true"] = check_tensor("w_true", self.w_true, (p, 1), like=X)
            object.__setattr__(self, "b_true", check_finite("b_true", self.b_true))
        # The dataclass is frozen, so the checked values go in the long way.
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    @property
    def num_inputs(self) -> int:
        """The number of inputs p."""
        return self.X_train.shape[1]

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of every tensor of the problem."""
        return self.X_train.dtype

    @property
    def device(self) -> torch.device:
        """The device of every tensor of the problem."""
        return self.X_train.device

    @property
    def test_set(self) -> tuple[torch.Tensor, torch.Tensor]:
        """X_test and y_test; tensors of m = 0 examples if there are none."""
        if self.X_test is None or self.y_test is None:
            return self.X_train[:0], self.y_train[:0]
        return self.X_test, self.y_test

    def __repr__(self) -> str:
        """Return the sizes, not the 24 000 numbers."""
        tests = "" if self.X_test is None else f" and {len(self.X_test)} test"
        return (
            f"RegressionProblem({len(self.X_train)} training{tests} examples, "
            f"{self.num_inputs} inputs, {self.dtype}, {self.device})"
        )


def check_problem(name: str, value: Any) -> RegressionProblem:
    """Return the value; it must be a `RegressionProblem`."""
    if not isinstance(value, RegressionProblem):
        raise TypeError(f"{name} must be a RegressionProblem, got {shown(value)}")
    return value


CHECKS["problem"] = check_problem


@guarded()
def synthetic_data(
    n_train: int = 20,
    n_test: int = 100,
    num_inputs: int = 200,
    noise_std: float = 0.01,
    seed: int = 0,
    *,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> RegressionProblem:
    """Draw the textbook problem y = X w* + b* + ε.

    Every entry of w* is 0.01 and b* = 0.05; X ~ N(0, 1) and ε ~ N(0, σ²), as in
    *Dive into Deep Learning*, section "Weight Decay".

    Parameters
    ----------
    n_train, n_test : int
        Number of training and of test examples, at least 1.
    num_inputs : int
        Number of inputs p, at least 1.
    noise_std : float
        Standard deviation σ of the noise, in the unit of y; zero or positive.
    seed : int
        Seed of the draw, 0 ≤ seed < 2³⁰. The data have a random stream of their
        own: the same seed in `synthetic_data` and in `train` shares no number.
    dtype : torch.dtype
        torch.float32 or torch.float64. The draw itself is in float64 and then
        rounded, so both dtypes hold the same problem.
    device : torch.device or str
        Where the tensors go. The draw itself is on the CPU.

    Returns
    -------
    RegressionProblem
        Training and test examples, with the truth that made them.

    Raises
    ------
    TypeError, ValueError
        A wrong argument; the message names it and its value.

    Examples
    --------
    >>> from weight_decay import synthetic_data
    >>> synthetic_data()
    RegressionProblem(20 training and 100 test examples, 200 inputs, torch.float32, cpu)
    """
    p = num_inputs
    check_size("n_train times num_inputs", n_train * p)
    check_size("n_test times num_inputs", n_test * p)
    # No normal draw is beyond 32, so no noise is beyond the range.
    check_in_range("32 times noise_std", 32 * noise_std, dtype)
    generator = random_stream(seed, "data")
    on_cpu: Any = {"dtype": torch.float64, "device": "cpu"}

    def normal(*shape: int) -> torch.Tensor:
        return torch.normal(0.0, 1.0, shape, generator=generator, **on_cpu)

    w_true = torch.full((p, 1), 0.01, **on_cpu)
    b_true = 0.05
    tensors = []
    for n in (n_train, n_test):
        X = normal(n, p)
        y = X @ w_true + b_true + noise_std * normal(n, 1)
        tensors += [X, y]
    X_train, y_train, X_test, y_test, w_true = (
        tensor.to(device=device, dtype=dtype) for tensor in [*tensors, w_true]
    )
    return RegressionProblem(X_train, y_train, X_test, y_test, w_true, b_true)


def minibatches(
    X: torch.Tensor, y: torch.Tensor, batch_size: int, generator: torch.Generator
) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Return the examples of one epoch in random order, `batch_size` at a time.

    One ``torch.randperm(n)`` is drawn and cut into consecutive pieces.

    Parameters
    ----------
    X : torch.Tensor, shape (n, p)
        Inputs.
    y : torch.Tensor, shape (n, 1)
        Targets.
    batch_size : int
        Examples in a batch B; the last batch holds what is left.
    generator : torch.Generator
        A CPU generator for the order.

    Returns
    -------
    list of tuple of torch.Tensor
        For each batch inputs of shape (B, p) and targets of shape (B, 1).

    Raises
    ------
    TypeError, ValueError
        A wrong batch size or generator, or X and y of different lengths.
    """
    batch_size = check_count("batch_size", batch_size)
    check_generator("generator", generator)
    if len(X) != len(y):
        raise ValueError(f"y must have a row for each of X: {len(X)}, got {len(y)}")
    # device="cpu": the generator is there, whatever torch's default device is.
    order = torch.randperm(len(X), generator=generator, device="cpu").to(X.device)
    batch_size = min(batch_size, len(X))  # torch cannot split by more than 2**63
    X_batches, y_batches = X[order].split(batch_size), y[order].split(batch_size)
    return list(zip(X_batches, y_batches, strict=True))

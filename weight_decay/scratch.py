"""Weight decay by hand: the penalty, the loss, the update, the loop.

The names follow *Dive into Deep Learning*, section "Weight Decay"; the code is
our own.
"""

import functools
from collections.abc import Callable, Iterable
from typing import Any

import torch

from ._guards import guarded
from .data import RegressionProblem
from .run import Run, prepare, training

LOSS_UNIT = "half squared error"


@guarded()
def init_params(
    num_inputs: int,
    generator: torch.Generator,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the start of a run: w ~ N(0, 1) and b = 0.

    Parameters
    ----------
    num_inputs : int
        Number of inputs p.
    generator : torch.Generator
        A CPU generator; the weight is drawn on the CPU, in float32, and then moved, so
        that a seed means the same numbers on every device and in both dtypes.
    dtype : torch.dtype
        torch.float32 or torch.float64.
    device : torch.device or str
        Where the parameters go.

    Returns
    -------
    w : torch.Tensor, shape (p, 1)
        The weight; it collects gradients.
    b : torch.Tensor, shape (1,)
        The bias; it collects gradients.

    Raises
    ------
    TypeError, ValueError
        A wrong argument; the message names it and its value.
    """
    w = torch.normal(0, 1, (num_inputs, 1), generator=generator, dtype=torch.float32)
    w = w.to(device, dtype).requires_grad_()
    b = torch.zeros(1, device=device, dtype=dtype, requires_grad=True)
    return w, b


def linreg(X: torch.Tensor, w: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Return the predictions of the linear model, ŷ = X w + b.

    Parameters
    ----------
    X : torch.Tensor, shape (n, p)
        Inputs.
    w : torch.Tensor, shape (p, 1)
        Weight.
    b : torch.Tensor, shape (1,)
        Bias, added to every prediction.

    Returns
    -------
    torch.Tensor, shape (n, 1)
        Predictions.
    """
    return X @ w + b


def squared_loss(y_hat: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """Return half the squared error of each example, ½(ŷ − y)².

    Parameters
    ----------
    y_hat, y : torch.Tensor, shape (n, 1)
        Predictions and targets, of equal shape.

    Returns
    -------
    torch.Tensor, shape (n, 1)
        One loss per example, in half squared units of y.

    Raises
    ------
    ValueError
        The shapes differ. Broadcasting (n, 1) against (n,) would give n × n
        losses without a word.
    """
    if y_hat.shape != y.shape:
        raise ValueError(
            f"y_hat and y must have equal shapes, "
            f"got {tuple(y_hat.shape)} and {tuple(y.shape)}"
        )
    return (y_hat - y).square() / 2


def l2_penalty(w: torch.Tensor) -> torch.Tensor:
    """Return the penalty ½‖w‖² = ½ Σⱼ wⱼ²; its gradient is w.

    Parameters
    ----------
    w : torch.Tensor
        Weight, of any shape.

    Returns
    -------
    torch.Tensor, shape ()
        Half the squared L2 norm.
    """
    return torch.sum(w.pow(2)) / 2


Step = Callable[[Iterable[torch.Tensor], float, int], None]


def _all_have_gradients(step: Step) -> Step:
    """Let a step begin only if every parameter has its gradient."""

    @functools.wraps(step)
    def whole_step(params: Iterable[torch.Tensor], lr: float, batch_size: int) -> None:
        params = list(params)
        for param in params:
            if param.grad is None:
                raise ValueError("params must have gradients: call backward() first")
        step(params, lr, batch_size)

    return whole_step


@_all_have_gradients
def sgd(params: Iterable[Any], lr: float, batch_size: int) -> None:
    """Take one step of minibatch SGD in place, and clear the gradients.

    θ ← θ − η · (gradient of the *summed* loss) / B

    Parameters
    ----------
    params : iterable of torch.Tensor
        Parameters θ whose ``.grad`` holds the gradient of the summed loss.
    lr : float
        Learning rate η.
    batch_size : int
        Examples in the batch B.

    Raises
    ------
    ValueError
        A parameter has no gradient yet; then no parameter has changed.
    """
    with torch.no_grad():
        for param in params:
            param -= lr / batch_size * param.grad
            param.grad.zero_()


@training
def train(
    problem: RegressionProblem,
    lambd: float,
    lr: float = 0.003,
    epochs: int = 100,
    batch_size: int = 5,
    seed: int = 0,
    *,
    w_init: torch.Tensor | None = None,
    b_init: torch.Tensor | None = None,
) -> Run:
    """Train the linear model with weight decay, everything by hand.

    The objective of a batch is the mean of ½(ŷᵢ − yᵢ)² + λ · ½‖w‖², so a step is

    w ← (1 − ηλ) w − (η/B) Σᵢ xᵢ (ŷᵢ − yᵢ),  b ← b − (η/B) Σᵢ (ŷᵢ − yᵢ).

    Parameters
    ----------
    problem : RegressionProblem
        The data; the run has their dtype and device.
    lambd : float
        Weight decay λ, zero or positive.
    lr : float
        Learning rate η, positive.
    epochs : int
        Passes over the training set, at least 1.
    batch_size : int
        Examples in a batch B, at least 1; the last batch of an epoch may be
        smaller, and its gradient is divided by its own size.
    seed : int
        Seed of the start and of the batches, 0 ≤ seed < 2³⁰.
        ``torch.Generator().manual_seed(seed)`` gives first w, in float32, then
        one ``torch.randperm(n)`` per epoch. `concise.train` draws the same.
    w_init : torch.Tensor, shape (p, 1), optional
        A start for w in place of the drawn one. The batches stay the same.
    b_init : torch.Tensor, shape (1,), optional
        A start for b in place of 0.

    Returns
    -------
    Run
        Losses in ``"half squared error"``, parameters, norm.

    Raises
    ------
    TypeError, ValueError
        A wrong argument; the message names it and its value.
    DivergenceError
        The loss stopped being finite.

    Examples
    --------
    >>> from weight_decay import scratch, synthetic_data
    >>> run = scratch.train(synthetic_data(), lambd=3)
    >>> run.epochs[:3], run.loss_unit
    ([5, 10, 15], 'half squared error')
    """
    w, b, history = prepare(
        LOSS_UNIT, init_params, problem, epochs, batch_size, seed, w_init, b_init
    )
    for batches in history:
        for X, y in batches:
            loss = squared_loss(linreg(X, w, b), y) + lambd * l2_penalty(w)
            loss.sum().backward()
            sgd([w, b], lr, len(X))
        history.record(loss, lambda X, y: squared_loss(linreg(X, w, b), y))
    return history.run(lambd, lr, w, b)

"""Weight decay by hand: the penalty, the loss, the update, the loop.

The names follow *Dive into Deep Learning*, section "Weight Decay"; the code is
our own.
"""

from collections.abc import Iterable

import torch

from ._checks import check_size, check_start
from ._random import random_stream, standard_normal
from .data import RegressionProblem, minibatches
from .run import Recorder, Run, checked


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
        A CPU generator; the weight is drawn on the CPU and then moved.
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
    num_inputs = check_size("num_inputs", num_inputs)
    w = standard_normal((num_inputs, 1), generator, dtype, device)
    b = torch.zeros(1, dtype=dtype, device=device)
    return w.requires_grad_(), b.requires_grad_()


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


def sgd(params: Iterable[torch.Tensor], lr: float, batch_size: int) -> None:
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
    params = list(params)
    grads = [param.grad for param in params if param.grad is not None]
    if len(grads) < len(params):
        raise ValueError("params must have gradients: call backward() first")
    with torch.no_grad():
        for param, grad in zip(params, grads, strict=True):
            param -= lr / batch_size * grad
            param.grad = None


@checked
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
    generator = random_stream(seed, "training")
    w, b = init_params(problem.num_inputs, generator, problem.dtype, problem.device)
    w, b = check_start("w_init", w_init, w), check_start("b_init", b_init, b)
    recorder = Recorder("half squared error", problem, lambd, lr, epochs, (w, b))
    for epoch in range(1, epochs + 1):
        batches = minibatches(problem.X_train, problem.y_train, batch_size, generator)
        for X, y in batches:
            loss = squared_loss(linreg(X, w, b), y) + lambd * l2_penalty(w)
            loss.sum().backward()
            sgd([w, b], lr, len(X))
        recorder.after_epoch(
            epoch, batches, loss, lambda X, y: squared_loss(linreg(X, w, b), y)
        )
    return recorder.run(w, b)

"""Weight decay with torch.nn and torch.optim: the optimiser does the decay."""

from typing import Any

import torch
from torch import nn

from ._checks import check_not_negative, check_positive, check_start, check_tensor
from ._random import random_stream, standard_normal
from .data import RegressionProblem, minibatches
from .run import Recorder, Run, checked


def linear_net(w: torch.Tensor, b: torch.Tensor) -> nn.Sequential:
    """Return a network of one linear layer that starts at w and b.

    Parameters
    ----------
    w : torch.Tensor, shape (p, 1)
        The weight to start from; ``nn.Linear`` keeps it as a row, shape (1, p).
    b : torch.Tensor, shape (1,)
        The bias to start from.

    Returns
    -------
    torch.nn.Sequential
        The network, with copies of w and b, of their dtype and device.

    Raises
    ------
    TypeError, ValueError
        A wrong argument; the message names it and its value.
    """
    w = check_tensor("w", w, ("p", 1))
    b = check_tensor("b", b, (1,), like=w)
    # skip_init: the start that nn.Linear would draw comes from torch's global
    # random generator, and a run must leave that alone.
    linear: nn.Linear = nn.utils.skip_init(
        nn.Linear, len(w), 1, dtype=w.dtype, device=w.device
    )
    with torch.no_grad():
        linear.weight.copy_(w.T)
        linear.bias.copy_(b)
    return nn.Sequential(linear)


def decaying_sgd(net: nn.Sequential, lambd: float, lr: float) -> torch.optim.SGD:
    """Return an SGD optimiser that decays the weight and spares the bias.

    Parameters
    ----------
    net : torch.nn.Sequential
        A network of one linear layer.
    lambd : float
        Weight decay λ: the optimiser adds λw to the gradient of the weight.
    lr : float
        Learning rate η.

    Returns
    -------
    torch.optim.SGD
        The optimiser, with one parameter group for the weight and one for the
        bias.

    Raises
    ------
    TypeError, ValueError
        A wrong λ or η; the message names it and its value.
    """
    lambd, lr = check_not_negative("lambd", lambd), check_positive("lr", lr)
    weight, bias = net.parameters()
    groups: list[dict[str, Any]] = [
        {"params": [weight], "weight_decay": lambd},
        {"params": [bias], "weight_decay": 0},
    ]
    return torch.optim.SGD(groups, lr=lr)


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
    """Train the linear model with weight decay, the way PyTorch offers it.

    The loss of a batch is the mean of (ŷᵢ − yᵢ)², without the ½ of `scratch`;
    ``torch.optim.SGD`` adds λw to the gradient of the weight. So a step is

    w ← (1 − ηλ) w − (2η/B) Σᵢ xᵢ (ŷᵢ − yᵢ),  b ← b − (2η/B) Σᵢ (ŷᵢ − yᵢ):

    ``concise.train(…, lambd=λ, lr=η)`` is ``scratch.train(…, lambd=λ/2, lr=2η)``.

    Parameters
    ----------
    problem : RegressionProblem
        The data; the run has their dtype and device.
    lambd : float
        Weight decay λ of the optimiser, zero or positive. The bias has none.
    lr : float
        Learning rate η, positive.
    epochs : int
        Passes over the training set, at least 1.
    batch_size : int
        Examples in a batch B, at least 1; the last batch of an epoch may be
        smaller.
    seed : int
        Seed of the start and of the batches, 0 ≤ seed < 2³⁰; the same weight and
        the same batches as in `scratch.train`. The bias, N(0, 1) here, comes
        from a random stream of its own.
    w_init : torch.Tensor, shape (p, 1), optional
        A start for w in place of the drawn one. The batches stay the same.
    b_init : torch.Tensor, shape (1,), optional
        A start for b in place of the drawn one.

    Returns
    -------
    Run
        Losses in ``"squared error"``, parameters, norm.

    Raises
    ------
    TypeError, ValueError
        A wrong argument; the message names it and its value.
    DivergenceError
        The loss stopped being finite.

    Examples
    --------
    >>> from weight_decay import concise, synthetic_data
    >>> concise.train(synthetic_data(), lambd=3).loss_unit
    'squared error'
    """
    p, dtype, device = problem.num_inputs, problem.dtype, problem.device
    generator = random_stream(seed, "training")
    w = standard_normal((p, 1), generator, dtype, device)
    b = standard_normal((1,), random_stream(seed, "bias"), dtype, device)
    w, b = check_start("w_init", w_init, w), check_start("b_init", b_init, b)
    recorder = Recorder("squared error", problem, lambd, lr, epochs, (w, b))

    net = linear_net(w, b)
    squared_error = nn.MSELoss(reduction="none")
    trainer = decaying_sgd(net, lambd, lr)
    for epoch in range(1, epochs + 1):
        batches = minibatches(problem.X_train, problem.y_train, batch_size, generator)
        for X, y in batches:
            trainer.zero_grad()
            loss = squared_error(net(X), y)
            loss.mean().backward()
            trainer.step()
        recorder.after_epoch(
            epoch, batches, loss, lambda X, y: squared_error(net(X), y)
        )
    weight, bias = net.parameters()
    return recorder.run(weight.T, bias)

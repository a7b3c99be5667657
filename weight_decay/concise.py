"""Weight decay with torch.nn and torch.optim: the optimiser does the decay."""

from typing import Any

import torch
from torch import nn

from ._checks import check_tensor
from ._guards import guarded
from ._random import random_stream
from .data import RegressionProblem
from .run import Run, prepare, training
from .scratch import init_params

LOSS_UNIT = "squared error"


def _matching(given: dict[str, Any]) -> None:
    w = given["w"] = check_tensor("w", given["w"], ("p", 1))
    given["b"] = check_tensor("b", given["b"], (1,), like=w)


@guarded(_matching)
@torch.random.fork_rng(devices=[])  # nn.Linear draws a start, which is replaced
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
    linear = nn.Linear(len(w), 1)
    linear.weight = nn.Parameter(w.T.clone())
    linear.bias = nn.Parameter(b.clone())
    return nn.Sequential(linear)


@guarded()
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
    weight, bias = net.parameters()
    groups: list[dict[str, Any]] = [
        {"params": weight, "weight_decay": lambd},
        {"params": bias, "weight_decay": 0},
    ]
    return torch.optim.SGD(groups, lr=lr)


def _init_params(
    num_inputs: int,
    generator: torch.Generator,
    dtype: torch.dtype,
    device: torch.device | str,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the w of `scratch.init_params`, and b ~ N(0, 1) from its own stream."""
    w, b = init_params(num_inputs, generator, dtype, device)
    own = random_stream(generator.initial_seed(), "bias")
    return w, torch.normal(0, 1, (1,), generator=own, dtype=torch.float32).to(b)


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
        the same batches as in `scratch.train`. The bias, N(0, 1) here, comes from a
        stream of its own, ``torch.Generator().manual_seed(seed + 2**31)``.
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
    w, b, history = prepare(
        LOSS_UNIT, _init_params, problem, epochs, batch_size, seed, w_init, b_init
    )
    net, squared_error = linear_net(w, b), nn.MSELoss()
    trainer = decaying_sgd(net, lambd, lr)
    for batches in history:
        for X, y in batches:
            trainer.zero_grad()
            loss = squared_error(net(X), y)
            loss.backward()
            trainer.step()
        history.record(loss, lambda X, y: squared_error(net(X), y))
    weight, bias = net.parameters()
    return history.run(lambd, lr, weight.T, bias)

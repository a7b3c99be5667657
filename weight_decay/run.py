"""What a training run leaves behind, and how it can fail."""

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Context
from typing import Any, ParamSpec

import torch

from ._checks import check_in_range, check_tensor
from ._guards import guarded
from ._random import random_stream
from .data import RegressionProblem, minibatches

EVERY = 5  # losses are recorded at every fifth epoch, and at the last

# The Hessian of each mean loss, in units of [X, 1]ᵀ[X, 1]/n: the ½ matters.
CURVATURE = {"half squared error": 1, "squared error": 2}

P = ParamSpec("P")
Batches = list[tuple[torch.Tensor, torch.Tensor]]
Losses = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


@dataclass(frozen=True, eq=False, repr=False)
class Run:
    """The losses and the parameters of one training run.

    The recorded losses are means over the whole training set and the whole test
    set, after the epoch, and never contain the penalty.

    Attributes
    ----------
    lambd : float
        The weight decay λ.
    lr : float
        The learning rate η.
    loss_unit : str
        ``"half squared error"`` or ``"squared error"``: the unit of both losses.
    epochs : list of int
        Epochs after which the losses were recorded: every fifth, and the last.
    train_loss, test_loss : list of float
        Losses at those epochs, in `loss_unit`; `test_loss` is empty without test set.
    w : torch.Tensor, shape (p, 1)
        The final weight.
    b : torch.Tensor, shape (1,)
        The final bias.
    w_init : torch.Tensor, shape (p, 1)
        The weight before the first step.
    b_init : torch.Tensor, shape (1,)
        The bias before the first step.

    Raises
    ------
    ValueError
        No recorded loss, lists of different lengths, a loss that is negative or not
        finite, or an unknown unit.
    """

    lambd: float
    lr: float
    loss_unit: str
    epochs: list[int]
    train_loss: list[float]
    test_loss: list[float]
    w: torch.Tensor
    b: torch.Tensor
    w_init: torch.Tensor
    b_init: torch.Tensor

    def __post_init__(self) -> None:
        """Check what a picture of the run and its title rely on."""
        if self.loss_unit not in CURVATURE:
            raise ValueError(
                f"loss_unit must be one of {[*CURVATURE]}, got {self.loss_unit!r}"
            )
        lengths = len(self.epochs), len(self.train_loss), len(self.test_loss)
        if len({*lengths} - {0}) > 1 or not (self.epochs and self.train_loss):
            raise ValueError(
                "epochs, train_loss and test_loss, if not empty, must be of one length "
                f"of at least 1, got {lengths}"
            )
        for name in ("train_loss", "test_loss"):
            for loss in getattr(self, name):
                if not 0 <= loss < math.inf:
                    raise ValueError(
                        f"{name} must hold finite numbers of at least 0, got {loss}"
                    )

    @property
    def w_norm(self) -> float:
        """The L2 norm ‖w‖₂ = √(w₁² + … + w_p²) of the final weight."""
        return math.hypot(*self.w.flatten().tolist())  # no square overflows in it

    def __repr__(self) -> str:
        """Return the run in one line: settings, last losses, norm."""
        test = f", test {self.test_loss[-1]:.3g}" if self.test_loss else ""
        return (
            f"Run(λ = {self.lambd:g}, η = {self.lr:g}, {self.epochs[-1]} epochs: "
            f"train {self.train_loss[-1]:.3g}{test} ({self.loss_unit}), "
            f"‖w‖₂ = {self.w_norm:.4g})"
        )


class DivergenceError(ArithmeticError):
    """A run whose loss stopped being finite.

    Near a minimum a step of gradient descent multiplies the error along a
    direction of curvature d by 1 − η(d + λ). If η(d_max + λ) < 2 on every batch,
    no step enlarges the error in any direction. A run that diverges has left
    that bound (or its data are too large for their dtype).

    Parameters
    ----------
    epoch : int
        The epoch, counted from 1, in which the loss stopped being finite.
    lr : float
        The learning rate η.
    lambd : float
        The weight decay λ.
    d_max : float
        The largest curvature of the loss, without penalty, on a batch of that
        epoch.

    Attributes
    ----------
    epoch, lr, lambd, d_max
        As above.
    step : float
        η(d_max + λ), to be compared with 2.
    """

    def __init__(self, epoch: int, lr: float, lambd: float, d_max: float) -> None:
        self.epoch, self.lr, self.lambd, self.d_max = epoch, lr, lambd, d_max
        self.step = lr * (d_max + lambd)
        super().__init__(epoch, lr, lambd, d_max)

    def __str__(self) -> str:
        """Return the epoch, the settings, the bound, and what to do."""
        return (
            f"the loss stopped being finite in epoch {self.epoch}: "
            f"lr η = {self.lr:g} and lambd λ = {self.lambd:g} give "
            f"η(d_max + λ) = {self.step:.3g}; η(d_max + λ) < 2 is safe "
            f"(d_max = {self.d_max:.3g}, the largest curvature of the loss on a "
            f"batch). {self._advice()}"
        )

    def _advice(self) -> str:
        if not math.isfinite(self.step):
            return "The curvature is beyond the range of a float: rescale the data."
        if self.step < 2:
            return "The step is small enough: rescale the data, or use float64."
        advice = f"Take lr below {_rounded_down(2 / (self.d_max + self.lambd))}"
        lambd_limit = 2 / self.lr - self.d_max
        if lambd_limit > 0:
            advice += f", or lambd below {_rounded_down(lambd_limit)}"
        return advice + "."


def _rounded_down(bound: float) -> str:
    """Return three digits of a bound, never more than the bound itself."""
    digits = Context(prec=3, rounding=ROUND_DOWN).create_decimal_from_float(bound)
    return f"{digits:.3g}"


class NotFiniteError(ArithmeticError):
    """A loss is not finite: in this epoch, with this largest curvature on a batch."""


def training(train: Callable[P, Run]) -> Callable[P, Run]:
    """Guard a training function, so that its body is the loop and nothing else.

    It receives right values only, with λ and η as floats, and no state of torch is
    around it; a loss that is not finite becomes a `DivergenceError`.
    """

    def check_together(given: dict[str, Any]) -> None:
        X = given["problem"].X_train
        for name in ("lambd", "lr"):
            check_in_range(name, given[name], X.dtype)
        check_start(given, X)

    @guarded(check_together)
    @functools.wraps(train)
    def guarded_train(*args: P.args, **kwargs: P.kwargs) -> Run:
        settings: Any = kwargs  # `guarded` passes everything by name
        try:
            return train(*args, **kwargs)
        except NotFiniteError as error:
            epoch, d_max = error.args
        raise DivergenceError(epoch, settings["lr"], settings["lambd"], d_max)

    return guarded_train


def check_start(given: dict[str, Any], X: torch.Tensor) -> None:
    """Check a start that was passed; it must fit the inputs."""
    for name, shape in (("w_init", (X.shape[1], 1)), ("b_init", (1,))):
        if given[name] is not None:
            given[name] = check_tensor(name, given[name], shape, like=X)


@dataclass
class History:
    """The epochs of a run, one after the other, and the losses recorded after them."""

    loss_unit: str
    problem: RegressionProblem
    epochs: int
    batch_size: int
    generator: torch.Generator
    w_init: torch.Tensor
    b_init: torch.Tensor
    recorded: list[int] = field(default_factory=list)
    train_loss: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)

    def __iter__(self) -> Iterator[Batches]:
        """Yield the batches of one epoch after the other, in an order drawn anew."""
        X, y = self.problem.X_train, self.problem.y_train
        for epoch in range(1, self.epochs + 1):
            batches = minibatches(X, y, self.batch_size, self.generator)
            self.epoch, self.batches = epoch, batches
            yield batches

    def record(self, loss: torch.Tensor, losses: Losses) -> None:
        """Record the mean losses if it is their turn; raise `NotFiniteError`.

        Parameters
        ----------
        loss : torch.Tensor
            The loss of the last batch.
        losses : callable
            Maps inputs and targets to the losses of the examples, or to their mean,
            with the parameters as they are now and without the penalty.
        """
        seen = [float(loss.detach().sum())]
        if self.epoch % EVERY == 0 or self.epoch == self.epochs:
            self.recorded.append(self.epoch)
            train_set = self.problem.X_train, self.problem.y_train
            for record, (X, y) in (
                (self.train_loss, train_set),
                (self.test_loss, self.problem.test_set),
            ):
                if len(X) > 0:
                    with torch.no_grad():
                        record.append(float(losses(X, y).mean()))
                    seen.append(record[-1])
        if not all(map(math.isfinite, seen)):
            d_max = max(largest_curvature(X) for X, _ in self.batches)
            raise NotFiniteError(self.epoch, d_max * CURVATURE[self.loss_unit])

    def run(self, lambd: float, lr: float, w: torch.Tensor, b: torch.Tensor) -> Run:
        """Return the finished run with its final parameters, detached copies."""
        return Run(
            *(lambd, lr, self.loss_unit),
            *(self.recorded, self.train_loss, self.test_loss),
            *(w.detach().clone(), b.detach().clone(), self.w_init, self.b_init),
        )


def prepare(
    loss_unit: str,
    draw: Callable[..., tuple[torch.Tensor, torch.Tensor]],
    problem: RegressionProblem,
    epochs: int,
    batch_size: int,
    seed: int,
    w_init: torch.Tensor | None,
    b_init: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor, History]:
    """Draw the start of a run, w and b, and get its epochs ready.

    ``torch.Generator().manual_seed(seed)`` gives first what `draw` takes of it, then
    one ``torch.randperm(n)`` for each epoch. A start that was passed replaces the drawn
    one, which is drawn all the same, so that the batches stay as they are.
    """
    generator = random_stream(seed, "training")
    w, b = draw(problem.num_inputs, generator, problem.dtype, problem.device)
    w = w if w_init is None else w_init.clone().requires_grad_()
    b = b if b_init is None else b_init.clone().requires_grad_()
    start = w.detach().clone(), b.detach().clone()
    return w, b, History(loss_unit, problem, epochs, batch_size, generator, *start)


@guarded()
def largest_curvature(X: torch.Tensor) -> float:
    """Return the largest eigenvalue of [X, 1]ᵀ[X, 1]/n.

    The largest curvature of the mean half squared error over weight and bias.

    Parameters
    ----------
    X : torch.Tensor, shape (n, p)
        Inputs; the column of ones is that of the bias.

    Returns
    -------
    float
        The eigenvalue, computed in float64; infinite beyond its range.

    Raises
    ------
    TypeError, ValueError
        X is no matrix of finite numbers; the message says so.
    """
    A = torch.nn.functional.pad(X.double(), (0, 1), value=1.0)
    singular_value = float(torch.linalg.matrix_norm(A, ord=2))
    return singular_value * singular_value / len(X)  # ** would raise, not overflow

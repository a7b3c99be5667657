"""What a training run leaves behind, and how it can fail."""

import functools
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_DOWN, Context
from typing import ParamSpec

import torch

from ._checks import (
    check_count,
    check_in_range,
    check_not_negative,
    check_positive,
    check_tensor,
    shown,
)
from .data import RegressionProblem

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
        Losses at those epochs, in `loss_unit`.
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
        if len(set(lengths)) > 1 or not self.epochs:
            raise ValueError(
                "epochs, train_loss and test_loss must be of one length of at least "
                f"1, got {lengths}"
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
        return (
            f"Run(λ = {self.lambd:g}, η = {self.lr:g}, {self.epochs[-1]} epochs: "
            f"train {self.train_loss[-1]:.3g}, test {self.test_loss[-1]:.3g} "
            f"({self.loss_unit}), ‖w‖₂ = {self.w_norm:.4g})"
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


def checked(train: Callable[P, Run]) -> Callable[P, Run]:
    """Check the settings of a training function before it starts.

    Parameters
    ----------
    train : callable
        A function with the arguments problem, lambd, lr, epochs, batch_size.

    Returns
    -------
    callable
        The same function; it receives λ and η as floats and the counts as ints,
        and wrong values never reach it.

    Raises
    ------
    TypeError, ValueError
        When called with a wrong argument; the message names it and its value.
    """
    signature = inspect.signature(train)

    @functools.wraps(train)
    def checked_train(*args: P.args, **kwargs: P.kwargs) -> Run:
        settings = signature.bind(*args, **kwargs)
        settings.apply_defaults()
        given = settings.arguments
        if not isinstance(given["problem"], RegressionProblem):
            raise TypeError(
                f"problem must be a RegressionProblem, got {shown(given['problem'])}"
            )
        for name, check in (
            ("lambd", check_not_negative),
            ("lr", check_positive),
            ("epochs", check_count),
            ("batch_size", check_count),
        ):
            given[name] = check(name, given[name])
        for name in ("lambd", "lr"):
            check_in_range(name, given[name], given["problem"].dtype)
        # A caller's no_grad or inference_mode must not stop the training.
        with torch.inference_mode(False), torch.enable_grad():
            return train(*settings.args, **settings.kwargs)

    return checked_train


class Recorder:
    """Watches a run, and makes the `Run` of it.

    What the two implementations of `train` share and the chapter does not talk
    about, so that their loops show nothing but the algorithm.

    Parameters
    ----------
    loss_unit : str
        The unit of the recorded losses, a key of `CURVATURE`.
    problem : RegressionProblem
        The data.
    lambd, lr : float
        The settings of the run.
    epochs : int
        The number of epochs.
    start : tuple of torch.Tensor
        The weight and the bias before the first step; copied.
    """

    def __init__(
        self,
        loss_unit: str,
        problem: RegressionProblem,
        lambd: float,
        lr: float,
        epochs: int,
        start: tuple[torch.Tensor, torch.Tensor],
    ) -> None:
        self.loss_unit, self.problem = loss_unit, problem
        self.lambd, self.lr, self.epochs = lambd, lr, epochs
        self.w_init, self.b_init = (tensor.detach().clone() for tensor in start)
        self.recorded: list[int] = []
        self.train_loss: list[float] = []
        self.test_loss: list[float] = []

    def after_epoch(
        self, epoch: int, batches: Batches, loss: torch.Tensor, losses: Losses
    ) -> None:
        """Record the mean losses if their turn has come; stop a diverged run.

        Parameters
        ----------
        epoch : int
            The epoch that has just ended, counted from 1.
        batches : list of tuple of torch.Tensor
            Its batches.
        loss : torch.Tensor
            The loss of its last batch.
        losses : callable
            Maps inputs and targets to the losses of the examples, with the
            parameters as they are now and without the penalty.

        Raises
        ------
        DivergenceError
            A loss is NaN or infinite.
        """
        seen = [float(loss.detach().sum())]
        if epoch % EVERY == 0 or epoch == self.epochs:
            data = self.problem
            with torch.no_grad():
                train = float(losses(data.X_train, data.y_train).mean())
                test = float(losses(data.X_test, data.y_test).mean())
            self.recorded.append(epoch)
            self.train_loss.append(train)
            self.test_loss.append(test)
            seen += [train, test]
        if not all(map(math.isfinite, seen)):
            d_max = max(largest_curvature(X) for X, _ in batches)
            d_max *= CURVATURE[self.loss_unit]
            raise DivergenceError(epoch, self.lr, self.lambd, d_max)

    def run(self, w: torch.Tensor, b: torch.Tensor) -> Run:
        """Return the finished run with its final parameters, detached copies."""
        return Run(
            lambd=self.lambd,
            lr=self.lr,
            loss_unit=self.loss_unit,
            epochs=self.recorded,
            train_loss=self.train_loss,
            test_loss=self.test_loss,
            w=w.detach().clone(),
            b=b.detach().clone(),
            w_init=self.w_init,
            b_init=self.b_init,
        )


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
    X = check_tensor("X", X, ("n", "p"))
    A = torch.nn.functional.pad(X.double(), (0, 1), value=1.0)
    singular_value = float(torch.linalg.matrix_norm(A, ord=2))
    return singular_value * singular_value / len(X)  # ** would raise, not overflow

"""What a training run leaves behind, and how it can fail."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from ._checks import check_count, check_not_negative, check_positive
from .data import RegressionProblem

EVERY = 5  # losses are recorded at every fifth epoch, and at the last

# The Hessian of each mean loss, in units of [X, 1]ᵀ[X, 1]/n: the ½ matters.
CURVATURE = {"half squared error": 1, "squared error": 2}

Batches = list[tuple[torch.Tensor, torch.Tensor]]


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

    @property
    def w_norm(self) -> float:
        """The L2 norm ‖w‖₂ = √(w₁² + … + w_p²) of the final weight."""
        return float(torch.linalg.vector_norm(self.w))

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
        if not self.step >= 2:
            return "The step is small enough: rescale the data, or use float64."
        advice = f"Take lr below {2 / (self.d_max + self.lambd):.3g}"
        lambd_limit = 2 / self.lr - self.d_max
        if lambd_limit > 0:
            advice += f", or lambd below {lambd_limit:.3g}"
        return advice + "."


def check_settings(
    problem: RegressionProblem, lambd: float, lr: float, epochs: int, batch_size: int
) -> tuple[float, float, int, int]:
    """Return λ, η, the epochs and the batch size as plain numbers, checked.

    Raises
    ------
    TypeError, ValueError
        A wrong argument; the message names it and its value.
    """
    if not isinstance(problem, RegressionProblem):
        raise TypeError(f"problem must be a RegressionProblem, got {problem!r}")
    return (
        check_not_negative("lambd", lambd),
        check_positive("lr", lr),
        check_count("epochs", epochs),
        check_count("batch_size", batch_size),
    )


class Recorder:
    """Watches a run, and makes the `Run` of it.

    What the two implementations of `train` share and the chapter does not talk
    about, so that their loops show nothing but the algorithm.

    Parameters
    ----------
    problem : RegressionProblem
        The data.
    lambd, lr : float
        The settings of the run.
    epochs : int
        The number of epochs.
    loss_unit : str
        The unit of the recorded losses, a key of `CURVATURE`.
    w_init, b_init : torch.Tensor
        The start; copied.
    mean_loss : callable
        Maps inputs and targets to the mean loss of the parameters as they are
        now, without the penalty.
    """

    def __init__(
        self,
        problem: RegressionProblem,
        lambd: float,
        lr: float,
        epochs: int,
        loss_unit: str,
        w_init: torch.Tensor,
        b_init: torch.Tensor,
        mean_loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    ) -> None:
        self.problem = problem
        self.lambd, self.lr, self.epochs = lambd, lr, epochs
        self.loss_unit = loss_unit
        self.w_init, self.b_init = w_init.detach().clone(), b_init.detach().clone()
        self.mean_loss = mean_loss
        self.recorded: list[int] = []
        self.train_loss: list[float] = []
        self.test_loss: list[float] = []

    def after_epoch(self, epoch: int, loss: torch.Tensor, batches: Batches) -> None:
        """Record the losses if their turn has come; stop a run that diverged.

        Parameters
        ----------
        epoch : int
            The epoch that has just ended, counted from 1.
        loss : torch.Tensor
            The loss of its last batch.
        batches : list of tuple of torch.Tensor
            Its batches, needed only to explain a divergence.

        Raises
        ------
        DivergenceError
            A loss is NaN or infinite.
        """
        losses = [float(loss.detach().sum())]
        if epoch % EVERY == 0 or epoch == self.epochs:
            with torch.no_grad():
                train = float(self.mean_loss(self.problem.X_train, self.problem.y_train))
                test = float(self.mean_loss(self.problem.X_test, self.problem.y_test))
            self.recorded.append(epoch)
            self.train_loss.append(train)
            self.test_loss.append(test)
            losses += [train, test]
        if not all(map(math.isfinite, losses)):
            d_max = CURVATURE[self.loss_unit] * max(
                largest_curvature(X) for X, _ in batches
            )
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
        The eigenvalue, computed in float64.
    """
    A = torch.nn.functional.pad(X.double(), (0, 1), value=1.0)
    return float(torch.linalg.matrix_norm(A, ord=2)) ** 2 / len(X)

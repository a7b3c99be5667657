"""SGD, momentum, Adam and AdamW by hand, with the decay as a value passed in.

Each optimiser takes one step of one parameter, w ← `step(w, gradient)`. Where
weight decay enters that step is not its business but that of a `Decay`:

>>> from weight_decay.optimizers import Adam, coupled, decoupled
>>> Adam(0.003, decay=coupled(3))  # Adam with an L2 penalty: torch.optim.Adam
Adam(lr=0.003, decay=coupled(3), betas=(0.9, 0.999), eps=1e-08)
>>> Adam(0.003, decay=decoupled(3))  # AdamW: torch.optim.AdamW
Adam(lr=0.003, decay=decoupled(3), betas=(0.9, 0.999), eps=1e-08)
"""

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import torch

from ._checks import check_not_negative, check_positive, check_tensor, shown
from ._guards import torch_alone

KINDS = ("coupled", "decoupled")


@dataclass(frozen=True, repr=False)
class Decay:
    """Where weight decay enters a step, and how much of it there is.

    Made by `coupled` and `decoupled`.

    Attributes
    ----------
    kind : {"coupled", "decoupled"}
        Into the gradient, or straight into the weight.
    lambd : float
        Weight decay λ, zero or positive.

    Raises
    ------
    TypeError, ValueError
        A wrong value; the message names it.
    """

    kind: Literal["coupled", "decoupled"]
    lambd: float

    @torch_alone("Decay")
    def __post_init__(self) -> None:
        """Check both values."""
        kind: Any = self.kind
        if not isinstance(kind, str) or kind not in KINDS:
            raise ValueError(f"kind must be one of {KINDS}, got {shown(kind)}")
        object.__setattr__(self, "lambd", check_not_negative("lambd", self.lambd))

    def __call__(
        self, w: torch.Tensor, gradient: torch.Tensor, lr: float
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the weight and the gradient that the step goes on with.

        Coupled: w and g + λw. Decoupled: (1 − ηλ) w and g.

        Parameters
        ----------
        w : torch.Tensor
            The weight.
        gradient : torch.Tensor
            The gradient g of the loss at w, without penalty.
        lr : float
            Learning rate η of the step.

        Returns
        -------
        w, gradient : torch.Tensor
            Of the shapes that came in; what came in is left as it was.
        """
        if self.kind == "coupled":
            return w, gradient + self.lambd * w
        return (1 - lr * self.lambd) * w, gradient

    def __repr__(self) -> str:
        """Return the decay as it is written: ``coupled(3)``."""
        return f"{self.kind}({repr(self.lambd).removesuffix('.0')})"


def coupled(lambd: float) -> Decay:
    """Return the decay that adds λw to the gradient, the gradient of λ·½‖w‖².

    So does an L2 penalty in the loss, and the ``weight_decay`` of
    ``torch.optim.SGD`` and ``torch.optim.Adam``. Whatever the optimiser does to
    the gradient, it also does to λw.

    Parameters
    ----------
    lambd : float
        Weight decay λ, zero or positive.

    Returns
    -------
    Decay
        (w, g) ↦ (w, g + λw).

    Raises
    ------
    TypeError, ValueError
        λ is not a finite number, or negative.
    """
    return Decay("coupled", lambd)


def decoupled(lambd: float) -> Decay:
    """Return the decay that multiplies w by 1 − ηλ, past the optimiser.

    Loshchilov and Hutter, *Decoupled Weight Decay Regularization* (2019), in the
    form of ``torch.optim.AdamW``: λ is multiplied by the whole learning rate η,
    while the paper multiplies it by the schedule only.

    Parameters
    ----------
    lambd : float
        Weight decay λ, zero or positive.

    Returns
    -------
    Decay
        (w, g) ↦ ((1 − ηλ) w, g).

    Raises
    ------
    TypeError, ValueError
        λ is not a finite number, or negative.
    """
    return Decay("decoupled", lambd)


NO_DECAY = coupled(0)


@dataclass(eq=False)
class Optimizer(ABC):
    """What the optimisers share: a learning rate, a decay, one parameter.

    Take one optimiser for each parameter: momentum and Adam remember gradients,
    and a bias wants no decay anyway.

    Parameters
    ----------
    lr : float
        Learning rate η, positive. May be set between steps.
    decay : Decay
        ``coupled(λ)`` or ``decoupled(λ)``; no decay by default.

    Raises
    ------
    TypeError, ValueError
        A wrong argument; the message names it and its value.
    """

    lr: float
    decay: Decay = field(default=NO_DECAY, kw_only=True)

    @torch_alone("Optimizer")
    def __post_init__(self) -> None:
        """Check what was passed."""
        self.lr = check_positive("lr", self.lr)
        if not isinstance(self.decay, Decay):
            raise TypeError(
                f"decay must be coupled(λ) or decoupled(λ), got {shown(self.decay)}"
            )
        self._last: torch.Tensor | None = None  # what the last step returned

    @abstractmethod
    def step(self, w: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        """Return the parameter after one step.

        Parameters
        ----------
        w : torch.Tensor
            The parameter, float32 or float64, of any shape; always the same one.
        gradient : torch.Tensor
            The gradient g of the loss at w, without penalty, of the shape, dtype
            and device of w.

        Returns
        -------
        torch.Tensor
            A new tensor, without a graph; w and the gradient stay as they were.
            What leaves the range of the dtype is infinite or NaN, as in
            ``torch.optim``: the next step refuses it.

        Raises
        ------
        TypeError
            Not a tensor, or a dtype that does not match.
        ValueError
            A shape or a device that does not match, or one that differs from
            those of the steps before; NaN or an infinity; a learning rate that
            was set to no positive number. The optimiser is then as it was before
            the call.
        """


AnyOptimizer = TypeVar("AnyOptimizer", bound=Optimizer)
Step = Callable[[AnyOptimizer, torch.Tensor, torch.Tensor], torch.Tensor]


def checked(step: Step[AnyOptimizer]) -> Step[AnyOptimizer]:
    """Check the tensors of a step, cut off their graphs, and run it `torch_alone`."""

    @functools.wraps(step)
    def checked_step(
        self: AnyOptimizer, w: torch.Tensor, gradient: torch.Tensor
    ) -> torch.Tensor:
        with torch_alone(f"{type(self).__name__}.step"):
            last, self.lr = self._last, check_positive("lr", self.lr)
            any_shape = tuple(f"n{axis}" for axis in range(getattr(w, "ndim", 0)))
            w = check_tensor("w", w, any_shape, like=last)
            if last is not None and w.shape != last.shape:
                raise ValueError(
                    f"w must have shape {tuple(last.shape)} as in the step before, got "
                    f"{tuple(w.shape)}: take one optimizer for each parameter"
                )
            gradient = check_tensor("gradient", gradient, tuple(w.shape), like=w)
            self._last = step(self, w, gradient)
            return self._last

    return checked_step


@dataclass(eq=False)
class SGD(Optimizer):
    """Gradient descent, w ← w − ηg: ``torch.optim.SGD``.

    Here both decays are one: w − η(g + λw) = (1 − ηλ) w − ηg.

    Parameters
    ----------
    lr : float
        Learning rate η, positive.
    decay : Decay
        ``coupled(λ)`` or ``decoupled(λ)``; no decay by default.

    Raises
    ------
    TypeError, ValueError
        A wrong argument; the message names it and its value.

    Examples
    --------
    >>> import torch
    >>> from weight_decay.optimizers import SGD, coupled
    >>> w, gradient = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 1.0])
    >>> SGD(0.25, decay=coupled(2)).step(w, gradient)
    tensor([0.2500, 0.7500])
    """

    @checked
    def step(self, w: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        """Return w − ηg, after the decay; see `Optimizer.step`."""
        w, g = self.decay(w, gradient, self.lr)
        return w - self.lr * g


@dataclass(eq=False)
class Momentum(Optimizer):
    """Gradient descent with heavy-ball momentum: ``torch.optim.SGD(momentum=μ)``.

    u ← μu + g,  w ← w − ηu,  with u = 0 before the first step.

    Parameters
    ----------
    lr : float
        Learning rate η, positive.
    momentum : float
        Momentum μ, at least 0 and below 1.
    decay : Decay
        ``coupled(λ)``, as in ``torch.optim.SGD``, or ``decoupled(λ)``; no decay
        by default.

    Attributes
    ----------
    u : torch.Tensor or float
        The remembered sum of gradients, of the shape of w; 0.0 at the start.

    Raises
    ------
    TypeError, ValueError
        A wrong argument; the message names it and its value.
    """

    momentum: float = field(default=0.9, kw_only=True)

    def __post_init__(self) -> None:
        """Check what was passed, and start with no memory."""
        super().__post_init__()
        self.momentum = _check_below_one("momentum", self.momentum)
        self.u: torch.Tensor | float = 0.0

    @checked
    def step(self, w: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        """Return w − ηu, after the decay; see `Optimizer.step`."""
        w, g = self.decay(w, gradient, self.lr)
        self.u = self.momentum * self.u + g
        return w - self.lr * self.u


@dataclass(eq=False)
class Adam(Optimizer):
    """Adam, or AdamW: it is the decay that makes the difference.

    m ← β₁m + (1 − β₁)g,  v ← β₂v + (1 − β₂)g²,  m = v = 0 before the first step;

    w ← w − η m̂ / (√v̂ + ε)  with  m̂ = m / (1 − β₁ᵗ),  v̂ = v / (1 − β₂ᵗ)

    at step t (Kingma and Ba, *Adam*, 2015, algorithm 1). With ``coupled(λ)`` the
    gradient g contains λw, and √v̂ divides it: ``torch.optim.Adam``. With
    ``decoupled(λ)`` it does not: ``torch.optim.AdamW``.

    Parameters
    ----------
    lr : float
        Learning rate η, positive.
    betas : tuple of float
        β₁ and β₂, each at least 0 and below 1.
    eps : float
        ε, zero or positive, in the unit of the gradient. With ε = 0 the step of
        an entry whose gradients were all 0 is 0/0: NaN, as in torch.
    decay : Decay
        ``coupled(λ)`` or ``decoupled(λ)``; no decay by default.

    Attributes
    ----------
    t : int
        Steps taken.
    m, v : torch.Tensor or float
        Moving averages of g and g², of the shape of w; 0.0 at the start. Where g² is
        beyond the range of the dtype v is infinite, and w moves no more but to decay.

    Raises
    ------
    TypeError, ValueError
        A wrong argument; the message names it and its value.

    Examples
    --------
    Where the data say nothing, Adam with L2 steps by η, whatever λ is:

    >>> import torch
    >>> from weight_decay.optimizers import Adam, coupled, decoupled
    >>> w, zero = torch.tensor([1.0, 2.0]), torch.zeros(2)
    >>> Adam(0.25, decay=coupled(0.01)).step(w, zero)
    tensor([0.7500, 1.7500])
    >>> Adam(0.25, decay=decoupled(0.01)).step(w, zero)
    tensor([0.9975, 1.9950])
    """

    betas: tuple[float, float] = field(default=(0.9, 0.999), kw_only=True)
    eps: float = field(default=1e-8, kw_only=True)

    def __post_init__(self) -> None:
        """Check what was passed, and start with no memory."""
        super().__post_init__()
        try:
            beta1, beta2 = self.betas
        except (TypeError, ValueError):
            raise TypeError(
                f"betas must be a pair of numbers, got {shown(self.betas)}"
            ) from None
        self.betas = (
            _check_below_one("betas[0]", beta1),
            _check_below_one("betas[1]", beta2),
        )
        self.eps = check_not_negative("eps", self.eps)
        self.t = 0
        self.m: torch.Tensor | float = 0.0
        self.v: torch.Tensor | float = 0.0

    @checked
    def step(self, w: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        """Return w − η m̂ / (√v̂ + ε), after the decay; see `Optimizer.step`."""
        w, g = self.decay(w, gradient, self.lr)
        beta1, beta2 = self.betas
        self.t += 1
        self.m = beta1 * self.m + (1 - beta1) * g  # mean of the gradients
        self.v = beta2 * self.v + (1 - beta2) * g**2  # mean of their squares
        m_hat = self.m / (1 - beta1**self.t)  # both means start at 0, too low
        v_hat = self.v / (1 - beta2**self.t)
        return w - self.lr * m_hat / (v_hat**0.5 + self.eps)


def _check_below_one(name: str, value: Any) -> float:
    number = check_not_negative(name, value)
    if number >= 1:
        raise ValueError(f"{name} must be below 1, got {shown(value)}")
    return number

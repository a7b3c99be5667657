r"""The closed form: where weight decay ends, how it gets there, what it is worth.

With the whole training set as one batch, `scratch.train` descends

.. math:: \frac{1}{n} \sum_{i=1}^n \tfrac12 (x_i^\top w + b - y_i)^2
   + λ \tfrac12 \|w\|^2,

the objective of **ridge regression** with a free bias. Everything here follows
from one singular value decomposition of the inputs, and is computed in float64,
whatever the dtype of the data.

The decomposition is cut at the **rank** of the data, so that nothing is made of
rounding: a direction v counts only if its singular value is above
ROUNDINGS · ε · Σⱼ|vⱼ|‖xⱼ‖, with the columns xⱼ of the inputs and the ε of the dtype
in which they came (float32 data keep float32 accuracy in float64), and above the
max(n, p) · ε · s₁ of float64.
"""

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import torch

from ._checks import (
    check_count,
    check_finite,
    check_in_range,
    check_integer,
    check_list,
    check_positive,
    check_tensor,
    shown,
)
from ._guards import guarded
from .data import RegressionProblem
from .run import DivergenceError, largest_curvature

# The largest singular value of the inputs lies between these, or is 0: then no
# square of one leaves the range of a float, nor does a quotient of two squares.
SMALLEST, LARGEST = 1e-130, 1e130

# An input that is the result of some operations has been rounded as often.
ROUNDINGS = 4

# Where it ends


@guarded()
def fit(
    problem: RegressionProblem, lambd: float, *, bias: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the minimiser of the mean of ½(ŷᵢ − yᵢ)² + λ · ½‖w‖².

    With the centred inputs X − x̄ = U S Vᵀ and dⱼ = sⱼ²/n,

    w = Σⱼ vⱼ · dⱼ/(dⱼ + λ) · uⱼᵀ(y − ȳ)/sⱼ,  b = ȳ − x̄ᵀw:

    least squares, shrunk along each direction (Hoerl and Kennard, 1970; centring
    is what a bias without penalty does). It is the end of a full-batch
    `scratch.train` at λ, and of `concise.train` at 2λ; scikit-learn calls it
    ``Ridge(alpha=n * lambd)``.

    Parameters
    ----------
    problem : RegressionProblem
        The data: any n and p.
    lambd : float
        Weight decay λ, zero or positive. At 0 there may be many minimisers; the
        one returned has the least ‖w‖, and is the limit of λ → 0.
    bias : bool
        Whether the model has a bias (without penalty). Without one nothing is
        centred: read 0 for x̄ and for ȳ.

    Returns
    -------
    w : torch.Tensor, shape (p, 1)
        Weight, in the dtype and on the device of the problem. The sum is cut at the
        rank of the data, see the top of this module.
    b : torch.Tensor, shape (1,)
        Bias; 0 if the model has none.

    Raises
    ------
    TypeError, ValueError
        A wrong argument; the message names it and its value.

    Examples
    --------
    >>> from weight_decay import ridge, synthetic_data
    >>> w, b = ridge.fit(synthetic_data(), lambd=3)
    >>> w.shape, b.shape
    (torch.Size([200, 1]), torch.Size([1]))
    """
    w, b = _fit(problem, lambd, bias)
    return _rounded("weight", w, problem), _rounded("bias", b, problem)


def _fit(
    problem: RegressionProblem, lambd: float, bias: bool
) -> tuple[torch.Tensor, torch.Tensor]:
    X, y = problem.X_train.double(), problem.y_train.double()
    U, s, V = _svd("X_train", problem.X_train, centred=bias)
    d = s**2 / len(X)
    y_mean = y.mean() if bias else y.new_zeros(())
    # d / s is s / n, without a square that may be too small to divide.
    w = V @ ((s / len(X) / (d + lambd))[:, None] * (U.T @ (y - y_mean)))
    return w, y_mean - X.mean(0) @ w if bias else y.new_zeros(1)


# How it gets there


def _check_steps(name: str, value: Any) -> list[int]:
    """Return the numbers of steps; up to 2⁵³ a float tells each from the next."""
    steps = [check_integer(name, t) for t in check_list(name, value)]
    for t in steps:
        if not 0 <= t < 2**53:
            raise ValueError(
                f"{name} must be at least 0 and below 2**53, got {shown(t)}"
            )
    return steps


@guarded(steps=_check_steps)
def trajectory(
    problem: RegressionProblem,
    lambd: float,
    lr: float,
    steps: Iterable[int],
    w_init: torch.Tensor,
    b_init: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return weight and bias of full-batch gradient descent, without descending.

    A step multiplies the error θ − θ̂, where θ = (w, b) and θ̂ is the `fit`, by
    one matrix:

    θₜ = θ̂ + (I − ηM)ᵗ (θ₀ − θ̂),  M = [X, 1]ᵀ[X, 1]/n + λ · diag(1, …, 1, 0).

    With M = QΛQᵀ each direction is a power, (1 − ηΛⱼ)ᵗ. Only the row space of X
    and the bias need that decomposition: in the p − rank(X) directions that the
    data never touch, the factor is (1 − ηλ)ᵗ, and the fit is zero.

    Parameters
    ----------
    problem : RegressionProblem
        The data.
    lambd : float
        Weight decay λ, zero or positive.
    lr : float
        Learning rate η, positive, for the half squared error. For the squared
        error of `concise` pass half its λ and twice its η. With η(d_max + λ) > 2,
        d_max being the largest curvature, the path grows without bound, as that
        of the loop does.
    steps : iterable of int
        The numbers t of the steps taken, zero or positive, in any order.
    w_init : torch.Tensor, shape (p, 1)
        The weight at t = 0.
    b_init : torch.Tensor, shape (1,)
        The bias at t = 0.

    Returns
    -------
    w : torch.Tensor, shape (T, p, 1)
        The weight after each of the T numbers of steps, in the dtype and on the
        device of the problem.
    b : torch.Tensor, shape (T, 1)
        The bias after each.

    Raises
    ------
    TypeError, ValueError
        A wrong argument; the message names it and its value.
    DivergenceError
        The path has left the range of the dtype; its epoch is the step.

    Examples
    --------
    >>> from weight_decay import ridge, scratch, synthetic_data
    >>> problem = synthetic_data()
    >>> run = scratch.train(problem, lambd=3, batch_size=20)
    >>> w, b = ridge.trajectory(problem, 3, 0.003, [50, 100], run.w_init, run.b_init)
    >>> float((w[-1] - run.w).abs().max()) < 1e-6
    True
    """
    t = torch.tensor(steps, dtype=torch.float64, device=problem.device)
    p, X = problem.num_inputs, problem.X_train
    w_init = check_tensor("w_init", w_init, (p, 1), like=X).double()
    b_init = check_tensor("b_init", b_init, (1,), like=X).double()

    U, s, V = _svd("X_train", X, centred=False)
    A = torch.nn.functional.pad(U * s, (0, 1), value=1.0)  # [X, 1] in the basis V, b
    M = A.T @ A / len(X)
    M.diagonal()[:-1] += lambd
    curvature, Q = torch.linalg.eigh(M)

    w_fit, b_fit = _fit(problem, lambd, bias=True)
    w_error, b_error = (w_init - w_fit)[:, 0], b_init - b_fit
    seen = V.T @ w_error
    unseen = w_error - V @ seen

    def left_of(error: torch.Tensor, curvature: torch.Tensor | float) -> torch.Tensor:
        powers = (1 - lr * curvature) ** t[:, None]
        return torch.where(error == 0, error, powers * error)  # 0 even times ∞

    left = left_of(torch.cat([seen, b_error]) @ Q, curvature) @ Q.T
    w = w_fit[:, 0] + left[:, :-1] @ V.T + left_of(unseen, lambd)
    b = b_fit + left[:, -1:]
    w, b = w.to(problem.dtype), b.to(problem.dtype)
    if not bool(w.isfinite().all() & b.isfinite().all()):
        lost = ~(w.isfinite().all(1) & b.isfinite().all(1))
        raise DivergenceError(int(t[lost].min()), lr, lambd, largest_curvature(X))
    return w[:, :, None], b


# What is left of each direction


@guarded()
def shrinkage(
    X: torch.Tensor, lambd: float, *, bias: bool = True
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the variance of the data along each direction, and the share kept.

    Ridge keeps dⱼ/(dⱼ + λ) of what least squares finds along the direction vⱼ.

    Parameters
    ----------
    X : torch.Tensor, shape (n, p)
        Inputs.
    lambd : float
        Weight decay λ, zero or positive.
    bias : bool
        Whether the model has a bias (without penalty): then X is centred first.

    Returns
    -------
    d : torch.Tensor, shape (r,)
        The r positive eigenvalues of XᵀX/n, X centred or not, in falling order;
        in the dtype and on the device of X. r is the rank, see the top of this
        module: min(n, p) for most X without a bias, min(n − 1, p) with one. Along
        all other directions there are no data, and ridge keeps nothing.
    kept : torch.Tensor, shape (r,)
        The factors d/(d + λ), between 0 and 1.

    Raises
    ------
    TypeError, ValueError
        A wrong argument; the message names it and its value.
    """
    _, s, _ = _svd("X", X, centred=bias)
    d = s**2 / len(X)
    if len(d):
        check_in_range("the variance of X", float(d[0]), X.dtype)
    return d.to(X.dtype), (d / (d + lambd)).to(X.dtype)


@guarded()
def degrees_of_freedom(X: torch.Tensor, lambd: float, *, bias: bool = True) -> float:
    """Return how many parameters ridge in effect fits: Σⱼ dⱼ/(dⱼ + λ), + 1 for b.

    The trace of the matrix that takes the targets y to the predictions ŷ on the
    training set (Hastie, Tibshirani and Friedman, 2009, section 3.4.1).

    Parameters
    ----------
    X : torch.Tensor, shape (n, p)
        Inputs.
    lambd : float
        Weight decay λ, zero or positive.
    bias : bool
        Whether the model has a bias: then X is centred, and the bias counts as 1.

    Returns
    -------
    float
        Degrees of freedom, from the rank at λ = 0 down to 0 (1 with a bias).

    Raises
    ------
    TypeError, ValueError
        A wrong argument; the message names it and its value.

    Examples
    --------
    >>> from weight_decay import ridge, synthetic_data
    >>> X = synthetic_data().X_train
    >>> [round(ridge.degrees_of_freedom(X, lambd), 1) for lambd in (0, 3, 10)]
    [20.0, 15.3, 10.2]
    """
    _, s, _ = _svd("X", X, centred=bias)
    d = s**2 / len(X)
    return float((d / (d + lambd)).sum()) + bias


# What it is worth


@guarded()
def expected_risk(
    X: torch.Tensor,
    lambd: float,
    noise_std: float,
    w_norm: float,
    *,
    bias: bool = True,
) -> float:
    """Return the expected loss of the `fit` on new examples, for these inputs.

    The mean of ½(ŷ − y)² over a new x ~ N(0, I), over the noise, and over all
    directions of w*, so that only ‖w*‖ matters:

    ½ [‖w*‖²/p · (Σⱼ (λ/(dⱼ + λ))² gⱼ + g⊥) + σ²/n · (Σⱼ dⱼ/(dⱼ + λ)² gⱼ + 1) + σ²].

    The first term is the truth that is not learned, along the directions of the
    data and beyond them; the second is the noise that is; the third is the noise
    of the new example. Without a bias gⱼ = 1, g⊥ = p − r with the rank r, and the
    "+ 1" falls away. With one, X is centred and errors count from its mean x̄:
    gⱼ = 1 + (vⱼᵀx̄)² and g⊥ = p − r + ‖P⊥x̄‖².

    Parameters
    ----------
    X : torch.Tensor, shape (n, p)
        Inputs of the training examples.
    lambd : float
        Weight decay λ, zero or positive; 0 is the limit of λ → 0.
    noise_std : float
        Standard deviation σ of the noise, in the unit of y.
    w_norm : float
        Length ‖w*‖ of the true weight, in the unit of y.
    bias : bool
        Whether the model has a bias (without penalty).

    Returns
    -------
    float
        Half squared error, the unit of `scratch`, with the noise ½σ² of the new
        example: to be compared with a test loss.

    Raises
    ------
    TypeError, ValueError
        A wrong argument; the message names it and its value.
    """
    (n, p), sigma = X.shape, noise_std
    _, s, V = _svd("X", X, centred=bias)
    d = s**2 / n
    centre = X.double().mean(0) if bias else V.new_zeros(p)
    along = V.T @ centre
    beyond = centre - V @ along
    weight = 1 + along**2

    lost, noisy = (lambd / (d + lambd)) ** 2, d / (d + lambd) / (d + lambd)
    truth = float(lost @ weight) + p - len(d) + float(beyond @ beyond)
    noise = float(noisy @ weight) + bias
    risk = (w_norm * w_norm / p * truth + sigma * sigma / n * (noise + n)) / 2
    return _known(risk, noise_std=sigma, w_norm=w_norm)


def _check_size(name: str, value: Any) -> int:
    """Return n or p as an int of at least 1 that is in the range of a float."""
    check_finite(name, check_count(name, value))
    return int(value)


@guarded(n_train=_check_size, num_inputs=_check_size)
def asymptotic_risk(
    lambd: float, n_train: int, num_inputs: int, noise_std: float, w_norm: float
) -> float:
    """Return the `expected_risk` for X ~ N(0, 1) as n and p grow at one ratio.

    With γ = p/n, the effective penalty κ, and s = 1/(1 + κ), what ridge keeps of
    a direction of w*,

    ½ [(‖w*‖²(1 − s)² + σ²γs²)/(1 − γs²) + σ²],
    κ = ½ [λ + γ − 1 + √((λ + γ − 1)² + 4λ)].

    It is the formula of Dobriban and Wager (2018) and Hastie et al. (2022), who
    write it with the Stieltjes transform m of the Marchenko–Pastur law: 1 − s is
    λm(−λ). Written with κ it holds at λ = 0 as it stands: κ is γ − 1 for γ > 1,
    and 0 for γ < 1.

    Parameters
    ----------
    lambd : float
        Weight decay λ, zero or positive.
    n_train, num_inputs : int
        Sizes n and p, at least 1; only their ratio matters.
    noise_std : float
        Standard deviation σ of the noise, in the unit of y.
    w_norm : float
        Length ‖w*‖ of the true weight, in the unit of y.

    Returns
    -------
    float
        Half squared error of the model without bias, with the noise ½σ² of the
        new example; infinite where λ = 0, n = p and there is noise.

    Raises
    ------
    TypeError, ValueError
        A wrong argument; the message names it and its value.

    Examples
    --------
    >>> from weight_decay import ridge
    >>> round(ridge.asymptotic_risk(3, 20, 200, noise_std=0.01, w_norm=0.02**0.5), 6)
    0.009117
    """
    kappa, rest = _effective_penalty(lambd, n_train, num_inputs)  # κ and λ/κ
    sigma, ratio = noise_std, num_inputs / n_train
    kept, lost = 1 / (1 + kappa), kappa / (1 + kappa)
    room = (kappa + rest) * kept  # 1 − γs² without its cancellation
    if room == 0:  # n = p, λ = 0: the smallest singular values tend to zero
        return math.inf if sigma > 0 else 0.0
    # Divided before they are squared: a square of less than 1e-308 is 0.
    root = math.sqrt(room)
    truth, noise = w_norm * (lost / root), sigma * (kept * math.sqrt(ratio) / root)
    risk = (truth * truth + noise * noise + sigma * sigma) / 2
    return _known(risk, noise_std=sigma, w_norm=w_norm)


@guarded(n_train=_check_size, num_inputs=_check_size)
def asymptotic_degrees_of_freedom(lambd: float, n_train: int, num_inputs: int) -> float:
    """Return the `degrees_of_freedom` for X ~ N(0, 1) as n and p grow: p/(1 + κ).

    The same as p(1 − λm(−λ)); κ and m as in `asymptotic_risk`.

    Parameters
    ----------
    lambd : float
        Weight decay λ, zero or positive.
    n_train, num_inputs : int
        Sizes n and p, at least 1.

    Returns
    -------
    float
        Degrees of freedom of the model without bias, from min(n, p) at λ = 0 down
        to 0.

    Raises
    ------
    TypeError, ValueError
        A wrong argument; the message names it and its value.

    Examples
    --------
    >>> from weight_decay import ridge
    >>> round(ridge.asymptotic_degrees_of_freedom(3, n_train=20, num_inputs=200), 1)
    15.1
    """
    kappa, _ = _effective_penalty(lambd, n_train, num_inputs)
    return float(num_inputs) / (1 + kappa)


@guarded(n_train=_check_size, num_inputs=_check_size, w_norm=check_positive)
def best_lambda(
    n_train: int, num_inputs: int, noise_std: float, w_norm: float
) -> float:
    """Return the λ of the least `expected_risk`, λ* = pσ²/(n‖w*‖²).

    It minimises every term of the sum over j by itself, so it is the best for
    every X, with or without a bias, at any n and p (Dobriban and Wager, 2018).
    Also the λ of a Gaussian prior on w whose variance is ‖w*‖²/p.

    Parameters
    ----------
    n_train, num_inputs : int
        Sizes n and p, at least 1.
    noise_std : float
        Standard deviation σ of the noise, in the unit of y.
    w_norm : float
        Length ‖w*‖ of the true weight, in the unit of y; positive.

    Returns
    -------
    float
        The best λ, in the convention of `scratch`; twice that for `concise`.

    Raises
    ------
    TypeError, ValueError
        A wrong argument; the message names it and its value.

    Examples
    --------
    >>> from weight_decay import ridge
    >>> round(ridge.best_lambda(20, 200, noise_std=0.01, w_norm=0.02**0.5), 6)
    0.05
    """
    ratio, relative = num_inputs / n_train, noise_std / w_norm
    return _known(ratio * (relative * relative), noise_std=noise_std, w_norm=w_norm)


# What a loss is made of


class Anatomy(NamedTuple):
    """The parts of a test loss, in half squared error; their sum is the loss.

    Attributes
    ----------
    start : float
        What is left of the initial weight in the directions that no training
        example touches: P⊥w, which is (1 − ηλ)ᵗ P⊥w₀ after t steps of SGD.
    unseen : float
        The true weight in these directions: P⊥w*.
    fit : float
        The error of the weight in the directions that the data see: P(w − w*).
    bias : float
        The error of the bias: b − b*.
    noise : float
        The noise of the test examples, which no model can predict.
    cross : float
        What these five, each alone, do not explain: how they happen to line up.
        It may be negative, and is zero on average over starts and test sets.
    """

    start: float
    unseen: float
    fit: float
    bias: float
    noise: float
    cross: float


@guarded()
def anatomy(
    problem: RegressionProblem,
    w: torch.Tensor,
    b: torch.Tensor,
    *,
    noise_std: float | None = None,
) -> Anatomy:
    """Split the test loss of (w, b) into the causes of the error.

    The error of a prediction is a sum of five,

    ŷ − y = xᵀP⊥w − xᵀP⊥w* + xᵀP(w − w*) + (b − b*) − ε,

    where P projects onto the row space of the training inputs and P⊥ = I − P.
    A part is the mean of ½(·)² of one of them alone; `cross` holds all products.

    Parameters
    ----------
    problem : RegressionProblem
        The data, with the truth that made them.
    w : torch.Tensor, shape (p, 1)
        A weight, of a `Run` for example.
    b : torch.Tensor, shape (1,)
        A bias.
    noise_std : float, optional
        Without it the loss is that on the test examples of the problem, which there
        must be. With it the loss is the population risk, the mean over all
        x ~ N(0, I) and all noise of this standard deviation σ:
        ½(‖w − w*‖² + (b − b*)² + σ²). Its cross part is −(P⊥w)ᵀP⊥w*.

    Returns
    -------
    Anatomy
        Parts that add up to the loss, in half squared error.

    Raises
    ------
    TypeError, ValueError
        A wrong argument; the message names it and its value.

    Examples
    --------
    >>> from weight_decay import ridge, scratch, synthetic_data
    >>> problem = synthetic_data()
    >>> run = scratch.train(problem, lambd=3)
    >>> abs(sum(ridge.anatomy(problem, run.w, run.b)) - run.test_loss[-1]) < 1e-6
    True
    """
    if problem.w_true is None or problem.b_true is None:
        raise ValueError("problem must have w_true and b_true here, got none")
    X = problem.X_train
    w = check_tensor("w", w, (problem.num_inputs, 1), like=X).double()
    b = check_tensor("b", b, (1,), like=X).double()
    w_true, b_error = problem.w_true.double(), b - problem.b_true
    _, _, V = _svd("X_train", X, centred=False)

    start, unseen = w - V @ (V.T @ w), V @ (V.T @ w_true) - w_true
    causes = torch.cat([start, unseen, w - w_true - start - unseen], dim=1)
    if noise_std is None:
        X_test, y_test = (tensor.double() for tensor in problem.test_set)
        if len(X_test) == 0:
            raise ValueError("noise_std must be given without a test set, got None")
        noise = X_test @ w_true + problem.b_true - y_test
        errors = torch.cat([X_test @ causes, b_error.expand_as(noise), noise], dim=1)
        squares, whole = (errors**2).mean(0), (errors.sum(1) ** 2).mean()
    else:
        rest = torch.cat([b_error, b.new_tensor([noise_std])]) ** 2
        squares = torch.cat([(causes**2).sum(0), rest])
        whole = (causes.sum(1) ** 2).sum() + rest.sum()
    parts: list[float] = (squares / 2).tolist()
    if not all(map(math.isfinite, [*parts, float(whole)])):
        raise ValueError(
            "the parts of the loss must be in the range of a float, got "
            f"{float(whole) / 2}: rescale the problem, w, b or noise_std"
        )
    parts.append(float(whole) / 2 - sum(parts))
    return Anatomy(*parts)


# What they share


def _svd(
    name: str, X: torch.Tensor, centred: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return U, s, V with X = U S Vᵀ, centred or not: the r directions with data."""
    if float(X.abs().max()) > LARGEST:
        raise ValueError(
            f"{name} must hold numbers up to {LARGEST:g}, got {float(X.abs().max()):g}"
        )
    eps, X = torch.finfo(X.dtype).eps, X.double()
    size = torch.linalg.vector_norm(X, dim=0)
    if centred:
        X = X - X.mean(0)
        X = X - X.mean(0)  # takes off the rounding error of the first
    U, s, V_t = torch.linalg.svd(X, full_matrices=False)
    if 0 < s[0] < SMALLEST:
        raise ValueError(
            f"{name} must hold larger numbers, or zeros: its largest singular value "
            f"must be at least {SMALLEST:g}, got {float(s[0]):g}"
        )
    # At small λ a division by mere rounding would swamp all else. There are two kinds:
    # that of the decomposition (the bound is matrix_rank's; centred rows, which add up
    # to zero, have such a direction), and that with which each input came.
    ours = s[0] * max(X.shape) * torch.finfo(X.dtype).eps
    theirs = ROUNDINGS * eps * (V_t.abs() @ size)
    seen = (s > ours) & (s > theirs)
    return U.T[seen].T, s[seen], V_t.T[:, seen]


def _effective_penalty(lambd: float, n: int, p: int) -> tuple[float, float]:
    """Return κ, the solution of λ = κ (1 − γ/(1 + κ)) with γ = p/n, and λ/κ."""
    # γ − 1 + λ; γ would lose the digits of p − n, and a small λ is lost beside 1.
    half = ((p - n) / n + lambd) / 2
    root = math.hypot(half, math.sqrt(lambd))
    # Each form of the root is the other one without its cancellation, and holds for
    # λ = 0, where λ/κ is its limit.
    if half < 0:
        return lambd / (root - half), root - half
    kappa = half + root
    return kappa, lambd / kappa if kappa > 0 else 0.0


def _rounded(
    name: str, tensor: torch.Tensor, problem: RegressionProblem
) -> torch.Tensor:
    """Return the tensor in the dtype of the problem; it must be in its range."""
    check_in_range(
        f"the {name} that fits problem", float(tensor.abs().max()), problem.dtype
    )
    return tensor.to(problem.dtype)


def _known(result: float, **arguments: float) -> float:
    """Return the result; it must be in the range of a float."""
    if not math.isfinite(result):
        given = " and ".join(f"{name} = {value:g}" for name, value in arguments.items())
        raise ValueError(f"{given} give {result}, beyond the range of a float")
    return result

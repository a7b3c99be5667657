"""Many λ and many seeds at once: all runs of a sweep as one tensor program.

The runs are the columns of a matrix A, and a step is two matrix products:

    r = M A − y,   A ← A − ηλ D A − (η/B) Gᵀ r        (2η/B for `concise`)

with one row of M, y and G for each example of the batch. There are two ways to
choose what stands in a column.

**In weights** it is w and b. The rows of M and of G are [xᵢ, 1], and D, which
says what decays, is 1 for w and 0 for b.

**In examples** it is one number for each training example. Every gradient of the
data is a combination of training rows, so whatever the order of the batches,
wₜ = (1 − ηλ)ᵗ w₀ + Xᵀαₜ, and following α is enough: with K = XXᵀ,

    rᵢ = (Kα)ᵢ + (1 − ηλ)ᵗ (X w₀)ᵢ + b − yᵢ,   αᵢ ← (1 − ηλ) αᵢ − (η/B) rᵢ.

A column is α, (1 − ηλ)ᵗ and b. The rows of M are [Kᵢ, (X w₀)ᵢ, 1], those of G are
[eᵢ, 0, 1], and only b does not decay. On the chapter's problem twenty numbers
then do the work of two hundred.
"""

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from tqdm import tqdm

from . import concise, scratch
from ._checks import (
    Check,
    check_flag,
    check_in_range,
    check_integer,
    check_list,
    check_not_negative,
    check_positive,
    check_seed,
    shown,
)
from ._guards import guarded, torch_alone
from ._random import random_stream
from .data import RegressionProblem, check_problem
from .run import CURVATURE, EVERY, check_start

LOSS_UNITS = {"scratch": scratch.LOSS_UNIT, "concise": concise.LOSS_UNIT}
DRAW = {scratch.LOSS_UNIT: scratch.init_params, concise.LOSS_UNIT: concise._init_params}
FORMS = ("examples", "weights")

# A CPU is slower on a chunk whose steps touch more than this, since it no longer
# fits the cache; on much smaller chunks most of the time goes into the calls.
CACHE_BYTES = 2**20

PROGRESS_DELAY = 2.0  # seconds; a sweep that takes longer is a long one


@dataclass(frozen=True, eq=False, repr=False)
class SweepResult:
    """The losses and the norms of many training runs.

    Entry (i, j) of a tensor belongs to the run with ``lambdas[i]`` on
    ``problems[j]`` with ``seeds[j]``. A run that diverged is NaN in `w_norm`, in
    `b` and in `weight`, and in the losses from the epoch on in which its loss
    stopped being finite.

    Attributes
    ----------
    lambdas : list of float
        The weight decays λ.
    seeds : list of int
        The seed of the runs on each problem.
    lr : float
        The learning rate η.
    loss_unit : str
        ``"half squared error"`` or ``"squared error"``: the unit of both losses.
    epochs : list of int
        Epochs after which the losses were recorded: every fifth, and the last.
    train_loss, test_loss : torch.Tensor, shape (num_lambdas, num_problems, num_epochs)
        Losses at those epochs, in `loss_unit`, without the penalty. Without test sets
        `test_loss` has the shape (num_lambdas, num_problems, 0).
    w_norm : torch.Tensor, shape (num_lambdas, num_problems)
        The L2 norm ‖w‖₂ of the final weights.
    b : torch.Tensor, shape (num_lambdas, num_problems)
        The final biases.
    diverged : torch.Tensor, shape (num_lambdas, num_problems)
        bool: where the single run raises `DivergenceError`, or ‖w‖² is beyond the
        range of the dtype.
    w_init : torch.Tensor, shape (num_problems, p, 1)
        The weights before the first step.
    b_init : torch.Tensor, shape (num_problems, 1)
        The biases before the first step.
    form : {"examples", "weights"}
        What the sweep followed: one number per training example, or the weights.
    """

    lambdas: list[float]
    seeds: list[int]
    lr: float
    loss_unit: str
    epochs: list[int]
    train_loss: torch.Tensor
    test_loss: torch.Tensor
    w_norm: torch.Tensor
    b: torch.Tensor
    diverged: torch.Tensor
    w_init: torch.Tensor
    b_init: torch.Tensor
    form: str
    _problems: list[RegressionProblem]
    _followed: torch.Tensor  # α or w at the end, (num_lambdas, num_problems, n or p)
    _kept: torch.Tensor  # (1 − ηλ)ᵀ after all T steps, (num_lambdas,)

    @torch_alone("SweepResult.weight")
    def weight(self, i: int, j: int) -> torch.Tensor:
        """Return the final weight of the run with ``lambdas[i]`` on ``problems[j]``.

        If the sweep followed α, it is w = (1 − ηλ)ᵀ w₀ + Xᵀα after T steps.

        Parameters
        ----------
        i, j : int
            The position of λ and that of the problem.

        Returns
        -------
        torch.Tensor, shape (p, 1)
            The weight; NaN if the run diverged.

        Raises
        ------
        TypeError, IndexError
            No integer; or there is no such run.
        """
        for name, value, size in zip("ij", (i, j), self.w_norm.shape, strict=True):
            if not -size <= check_integer(name, value) < size:
                raise IndexError(f"{name} must be below {size}, got {shown(value)}")
        followed = self._followed[i, j].unsqueeze(1)
        if self.form == "weights":
            return followed.clone()
        return self.w_init[j] * self._kept[i] + self._problems[j].X_train.T @ followed

    def __repr__(self) -> str:
        """Return the sweep in one line: how many runs, settings, how many diverged."""
        num_lambdas, num_problems = self.w_norm.shape
        return (
            f"SweepResult({num_lambdas} λ × {num_problems} problems, "
            f"η = {self.lr:g}, {self.epochs[-1]} epochs, {self.loss_unit}: "
            f"{int(self.diverged.sum())} diverged)"
        )


# The arguments


def _check_each(check: Check) -> Check:
    """Return a check of a list of at least one value, one value after the other."""

    def check_values(name: str, value: Any) -> list[Any]:
        values = check_list(name, value)
        if not values:
            raise ValueError(f"{name} must not be empty, got {shown(value)}")
        return [check(f"{name}[{i}]", each) for i, each in enumerate(values)]

    return check_values


def _check_problems(name: str, value: Any) -> list[RegressionProblem]:
    """Return the problems as a list; they must be of one shape, dtype and device."""
    problems: list[RegressionProblem] = _check_each(check_problem)(name, value)
    for j, problem in enumerate(problems):
        first = problems[0]
        if not (
            problem.X_train.shape == first.X_train.shape
            and problem.test_set[0].shape == first.test_set[0].shape
            and problem.dtype == first.dtype
            and problem.device == first.device
        ):
            raise ValueError(
                f"{name}[{j}] must have the shapes, the dtype and the device of "
                f"{name}[0], {first!r}, got {problem!r}"
            )
    return problems


def _check_choice(*choices: str) -> Check:
    """Return a check that the value is one of the choices."""

    def check(name: str, value: Any) -> str:
        if not isinstance(value, str) or value not in choices:
            wanted = " or ".join(map(repr, choices))
            raise ValueError(f"{name} must be {wanted}, got {shown(value)}")
        return value

    return check


def _check_together(given: dict[str, Any]) -> None:
    """Check what must fit the problems; fill in the seeds."""
    problems, seeds = given["problems"], given["seeds"]
    X = problems[0].X_train
    for i, lambd in enumerate(given["lambdas"]):
        check_in_range(f"lambdas[{i}]", lambd, X.dtype)
    # The steps are multiplied by the learning rate and by the curvature at once.
    curvature = CURVATURE[LOSS_UNITS[given["implementation"]]]
    name = "lr" if curvature == 1 else "2 * lr"
    check_in_range(name, curvature * given["lr"], X.dtype)
    if seeds is None:
        given["seeds"] = list(range(len(problems)))
    elif len(seeds) != len(problems):
        raise ValueError(
            f"seeds must hold one seed for each of the {len(problems)} problems, "
            f"got {len(seeds)}"
        )
    check_start(given, X)


@guarded(
    _check_together,
    problems=_check_problems,
    lambdas=_check_each(check_not_negative),
    implementation=_check_choice(*LOSS_UNITS),
    seeds=_check_each(check_seed),
    form=_check_choice(*FORMS),
    memory_mib=check_positive,
    progress=check_flag,
)
def sweep(
    problems: Sequence[RegressionProblem],
    lambdas: Sequence[float],
    *,
    implementation: str = "scratch",
    lr: float = 0.003,
    epochs: int = 100,
    batch_size: int = 5,
    seeds: Sequence[int] | None = None,
    w_init: torch.Tensor | None = None,
    b_init: torch.Tensor | None = None,
    form: str | None = None,
    memory_mib: float = 256,
    progress: bool | None = None,
) -> SweepResult:
    """Train on every problem with every λ, all runs side by side.

    Entry (i, j) of the result is the run
    ``train(problems[j], lambdas[i], lr, epochs, batch_size, seed=seeds[j])`` of
    the chosen implementation: the same start, the same batches, and the same
    numbers but for rounding. Time grows with the number of runs; memory, apart
    from the result itself, does not.

    Parameters
    ----------
    problems : sequence of RegressionProblem
        The data for each seed, often one object many times: ``[problem] * 32``.
        They must agree in the numbers of training examples n, of test examples
        m and of inputs p, in dtype and in device, which are those of the runs.
    lambdas : sequence of float
        Weight decays λ, zero or positive, in any order.
    implementation : {"scratch", "concise"}
        Whose runs to make.
    lr : float
        Learning rate η, positive.
    epochs : int
        Passes over the training set, at least 1.
    batch_size : int
        Examples in a batch B, at least 1; the last batch of an epoch may be
        smaller.
    seeds : sequence of int, optional
        One seed for each problem, 0 ≤ seed < 2³⁰. By default 0, 1, 2, …
    w_init : torch.Tensor, shape (p, 1), optional
        A start for w in every run, in place of the drawn ones. The batches stay
        the same.
    b_init : torch.Tensor, shape (1,), optional
        A start for b in every run.
    form : {"examples", "weights"}, optional
        What to follow, see the top of this module; the runs are the same. By
        default whichever is less: "examples" if n < p (and if their n × n matrix
        fits the memory), else "weights".
    memory_mib : float
        Bound on the memory in use besides the arguments and the result, in MiB
        (2²⁰ bytes); by default 256. The sweep is cut into chunks of runs that keep
        to it.
    progress : bool, optional
        Whether to show a progress bar on standard error. By default it shows if
        that is a terminal and the sweep takes longer than two seconds.

    Returns
    -------
    SweepResult
        Losses, norms and biases of all runs, and which of them diverged.

    Raises
    ------
    TypeError, ValueError
        A wrong argument; the message names it and its value. A `memory_mib` in
        which not even one run fits is one.

    Examples
    --------
    >>> from weight_decay import sweep, synthetic_data
    >>> result = sweep([synthetic_data()] * 4, [0, 3, 10])
    >>> result
    SweepResult(3 λ × 4 problems, η = 0.003, 100 epochs, half squared error: 0 diverged)
    >>> result.w_norm.shape, result.test_loss.shape
    (torch.Size([3, 4]), torch.Size([3, 4, 20]))
    """
    problems, lambdas, seeds = list(problems), list(lambdas), list(seeds or ())
    settings = _Settings(
        loss_unit=LOSS_UNITS[implementation],
        lr=lr,
        epochs=epochs,
        batch_size=min(batch_size, len(problems[0].X_train)),
        w_init=w_init,
        b_init=b_init,
    )
    memory = min(memory_mib, 2.0**40) * 2**20
    plan = _plan(problems, len(lambdas), settings.batch_size, form, memory)

    result = _room_for(problems, lambdas, seeds, settings, plan.form)
    blocks = [
        (slice(i, i + plan.num_lambdas), slice(j, j + plan.num_problems))
        for j in range(0, len(problems), plan.num_problems)
        for i in range(0, len(lambdas), plan.num_lambdas)
    ]
    with tqdm(
        total=len(blocks) * settings.epochs,
        desc="sweep",
        unit="epoch",
        disable=None if progress is None else not progress,
        delay=PROGRESS_DELAY if progress is None else 0,
    ) as bar:
        for block in blocks:
            _Chunk(result, block, settings).train(bar.update)
    return result


class _Settings(NamedTuple):
    """What all runs of a sweep have in common, checked."""

    loss_unit: str
    lr: float
    epochs: int
    batch_size: int
    w_init: torch.Tensor | None
    b_init: torch.Tensor | None

    def kept(self, eta_lambda: torch.Tensor, steps: int) -> torch.Tensor:
        """Return (1 − ηλ)ᵗ, what is left of w₀ after t steps, in float64."""
        if self.w_init is not None and not bool(self.w_init.any()):
            # Nothing is left of nothing, even where the power overflows.
            return torch.zeros_like(eta_lambda)
        return (1 - eta_lambda) ** steps

    def eta_lambda(self, lambdas: list[float]) -> torch.Tensor:
        """Return ηλ, in float64; made once, since of 16,000 λ it takes its time."""
        return self.lr * torch.tensor(lambdas, dtype=torch.float64)


# How much at once


class _Plan(NamedTuple):
    """How a sweep is cut into chunks."""

    form: str
    num_lambdas: int  # of a chunk
    num_problems: int  # of a chunk
    num_bytes: float  # in use, at most, while a chunk is worked on


def _plan(
    problems: list[RegressionProblem],
    num_lambdas: int,
    batch_size: int,
    form: str | None,
    memory: float,
) -> _Plan:
    """Choose the form, and the largest chunk that keeps to the memory, in bytes."""
    like = problems[0].X_train
    by_shape = FORMS if len(like) < like.shape[1] else ("weights",)
    for candidate in (form,) if form else by_shape:
        fixed, per_problem, per_run, per_step = _bytes(problems, batch_size, candidate)
        on_cpu = like.device.type == "cpu"
        in_cache = max(1, CACHE_BYTES // per_step) if on_cpu else sys.maxsize  # runs
        # The λ of a problem share its batches, so they stay together if they can.
        some = min(num_lambdas, in_cache)
        many = int((memory - fixed) // (per_problem + some * per_run))
        if many < 1:
            some, many = int((memory - fixed - per_problem) // per_run), 1
        if some < 1:
            continue
        many = min(many, max(1, in_cache // some), len(problems))
        num_bytes = fixed + many * (per_problem + some * per_run)
        return _Plan(candidate, some, many, num_bytes)
    needed = math.ceil((fixed + per_problem + per_run) / 2**10) / 2**10
    raise ValueError(
        f"memory_mib must be at least {needed} for a single run, got {memory / 2**20:g}"
    )


def _bytes(
    problems: list[RegressionProblem], batch_size: int, form: str
) -> tuple[int, int, int, int]:
    """Return what a chunk needs in bytes: always, per problem, per run, in a step.

    The last is what one step reads and writes for one run.
    """
    like, m = problems[0].X_train, len(problems[0].test_set[0])
    n, p = like.shape
    rows = n + m
    columns = n + 2 if form == "examples" else p + 1

    data = 2 * rows * (p + 2)  # X and y, and X with the column of ones
    fixed, per_problem = (data, 0) if _one_object(problems) else (0, data)
    # The shuffled M and y, their order (int64), and w₀.
    per_problem += n * (columns + 7) + 2 * p
    if form == "examples":
        # M for training and for test, twice while they are made; the shuffled G.
        per_problem += 2 * rows * columns + n * columns
    # A column of A; the residuals of a batch and of a smaller last one; and, one
    # after the other, those of all examples, and w with its squares.
    per_run = columns + 2 * batch_size + max(n, m, 2 * p) + 8
    size, generator = like.element_size(), 2**13
    return (
        size * fixed,
        size * per_problem + generator,
        size * per_run,
        size * (columns + batch_size),
    )


def _one_object(problems: list[RegressionProblem]) -> bool:
    """Return whether all problems are one object, so that one copy of it will do."""
    return all(problem is problems[0] for problem in problems)


def _room_for(
    problems: list[RegressionProblem],
    lambdas: list[float],
    seeds: list[int],
    settings: _Settings,
    form: str,
) -> SweepResult:
    """Return the result whose tensors the chunks will fill."""
    like, epochs = problems[0].X_train, settings.epochs
    n, p = like.shape
    recorded = [e for e in range(1, epochs + 1) if e % EVERY == 0 or e == epochs]
    steps = epochs * math.ceil(n / settings.batch_size)
    shape = (len(lambdas), len(problems))
    tested = recorded if len(problems[0].test_set[0]) > 0 else []
    return SweepResult(
        lambdas=lambdas,
        seeds=seeds,
        lr=settings.lr,
        loss_unit=settings.loss_unit,
        epochs=recorded,
        train_loss=like.new_empty(*shape, len(recorded)),
        test_loss=like.new_empty(*shape, len(tested)),
        w_norm=like.new_empty(shape),
        b=like.new_empty(shape),
        diverged=torch.empty(shape, dtype=torch.bool, device=like.device),
        w_init=like.new_empty(len(problems), p, 1),
        b_init=like.new_empty(len(problems), 1),
        form=form,
        _problems=problems,
        _followed=like.new_empty(*shape, n if form == "examples" else p),
        _kept=settings.kept(settings.eta_lambda(lambdas), steps).to(like),
    )


# The tensor program


class _Chunk:
    """The runs of l λ on s problems, from their start to their place in the result."""

    def __init__(
        self, result: SweepResult, block: tuple[slice, slice], settings: _Settings
    ) -> None:
        self.result, self.block, self.settings = result, block, settings
        lambdas, seeds = result.lambdas[block[0]], result.seeds[block[1]]
        self.eta_lambda = settings.eta_lambda(lambdas)
        problems = result._problems[block[1]]
        if _one_object(problems):
            problems = problems[:1]  # tensors of length 1, to be expanded to s
        X, self.y = _stacked([(each.X_train, each.y_train) for each in problems])
        X_test, self.y_test = _stacked([each.test_set for each in problems])
        self.in_examples = result.form == "examples"
        self.num_decaying = X.shape[1] + 1 if self.in_examples else X.shape[2]
        self.num_problems, self.num_lambdas = len(seeds), len(lambdas)
        self.generators = [random_stream(seed, "training") for seed in seeds]
        self.w_init, b_init = self._starts(X)
        result.w_init[block[1]], result.b_init[block[1]] = self.w_init, b_init

        if self.in_examples:
            n = X.shape[1]
            self.X = X
            self.M = _with_one(X @ X.mT, X @ self.w_init)
            self.M_test = _with_one(X_test @ X.mT, X_test @ self.w_init)
            eye = torch.eye(n, dtype=X.dtype, device=X.device).unsqueeze(0)
            self.G = _with_one(eye, X.new_zeros(1, n, 1))
            self.A = X.new_zeros(self.num_problems, n + 2, self.num_lambdas)
            self.A[:, -1] = b_init
        else:
            self.M = self.G = _with_one(X)
            self.M_test = _with_one(X_test)
            start = torch.cat([self.w_init, b_init.unsqueeze(2)], dim=1)
            self.A = start.repeat(1, 1, self.num_lambdas)

    def _starts(self, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return w₀, shape (s, p, 1), and b₀, shape (s, 1), as `train` has them."""
        settings, s, p = self.settings, self.num_problems, like.shape[2]
        # One stream after the other, on the CPU; moved all at once. A start that was
        # passed replaces the draw, which has to happen all the same: what the stream
        # gives next are the batches.
        draw = DRAW[settings.loss_unit]
        starts = [draw(p, g, like.dtype, "cpu") for g in self.generators]
        w, b = (drawn.detach().to(like.device) for drawn in _stacked(starts))
        if settings.w_init is not None:
            w = settings.w_init.expand(s, p, 1)
        if settings.b_init is not None:
            b = settings.b_init.expand(s, 1)
        return w, b

    def train(self, progress: Callable[[int], Any]) -> None:
        """Make all steps and fill the block; call progress(1) after each epoch."""
        result = self.result
        recorded = {epoch: position for position, epoch in enumerate(result.epochs)}
        finite = torch.ones_like(self.A[:, 0], dtype=torch.bool)
        for epoch in range(1, self.settings.epochs + 1):
            # Like `train`, look at the last batch, and now and then at all data.
            finite &= self._one_epoch(epoch).isfinite()
            if epoch in recorded:
                losses = [(result.train_loss, self._mean_loss(self.M, self.y))]
                if result.test_loss.numel() > 0:
                    test_loss = self._mean_loss(self.M_test, self.y_test)
                    losses.append((result.test_loss, test_loss))
                for _, loss in losses:
                    finite &= loss.isfinite()
                for target, loss in losses:
                    loss.masked_fill_(~finite, torch.nan)
                    self._put(target[..., recorded[epoch]], loss)
            progress(1)
        self._put_parameters(finite)

    def _one_epoch(self, epoch: int) -> torch.Tensor:
        """Make the steps of an epoch; return the losses on its last batch after it."""
        settings, A = self.settings, self.A
        rate = settings.lr * CURVATURE[settings.loss_unit]
        eta_lambda = self.eta_lambda.to(A)
        decaying = A[:, : self.num_decaying]
        batches = self._batches()
        if self.in_examples:
            # Exact once an epoch, so that rounding errors do not pile up.
            A[:, -2] = settings.kept(self.eta_lambda, (epoch - 1) * len(batches)).to(A)
        for M, y, G in batches:
            r = torch.baddbmm(y, M, A, beta=-1)
            # Times 1 − ηλ, but rounded afterwards: the error of a rounded 1 − ηλ
            # would be the same in every step.
            decaying.addcmul_(decaying, eta_lambda, value=-1)
            A.baddbmm_(G.mT, r, alpha=-rate / y.shape[1])
        return self._mean_loss(M, y)

    def _batches(self) -> list[tuple[torch.Tensor, ...]]:
        """Draw the order of an epoch; return M, y and G of each batch."""
        n = self.M.shape[1]
        order = torch.stack(
            [torch.randperm(n, generator=generator) for generator in self.generators]
        ).to(self.A.device)
        of_problem = n * torch.arange(len(order), device=order.device).unsqueeze(1)

        def shuffled(rows: torch.Tensor) -> torch.Tensor:
            index = order if len(rows) == 1 else order + of_problem
            chosen = rows.flatten(0, 1).index_select(0, index.flatten())
            return chosen.view(*order.shape, -1)

        M, y = shuffled(self.M), shuffled(self.y)
        G = shuffled(self.G) if self.in_examples else M
        size = self.settings.batch_size
        return list(zip(*(rows.split(size, dim=1) for rows in (M, y, G)), strict=True))

    def _mean_loss(self, M: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return the mean loss of each run over the rows of M and y, shape (s, l)."""
        s, n = self.num_problems, M.shape[1]
        r = torch.baddbmm(y.expand(s, n, 1), M.expand(s, n, -1), self.A, beta=-1)
        half_or_one = CURVATURE[self.settings.loss_unit] / 2
        return r.square_().mul_(half_or_one).mean(dim=1)

    def _put(self, target: torch.Tensor, values: torch.Tensor) -> None:
        """Write values of shape (s, l) into their block of the target."""
        target[self.block] = values.T

    def _put_parameters(self, finite: torch.Tensor) -> None:
        """Write what the runs ended with into the result."""
        result, n = self.result, self.M.shape[1]
        A = self.A
        if self.in_examples:
            followed = A[:, :n]
            w = self.X.mT.expand(self.num_problems, -1, n) @ followed
            w.addcmul_(self.w_init, result._kept[self.block[0]])
        else:
            w = followed = A[:, : self.num_decaying]
        w_norm = w.square().sum(dim=1).sqrt_()
        finite &= w_norm.isfinite()
        A.masked_fill_(~finite.unsqueeze(1), torch.nan)
        self._put(result.w_norm, w_norm.masked_fill_(~finite, torch.nan))
        self._put(result.b, A[:, -1])
        self._put(result.diverged, ~finite)
        result._followed[self.block] = followed.permute(2, 0, 1)


def _stacked(pairs: list[tuple[torch.Tensor, torch.Tensor]]) -> list[torch.Tensor]:
    """Return the first tensors of all pairs as one tensor, and the second ones."""
    return [torch.stack(tensors) for tensors in zip(*pairs, strict=True)]


def _with_one(*blocks: torch.Tensor) -> torch.Tensor:
    """Return the blocks of columns side by side, and a column of ones after them."""
    s, n = max(map(len, blocks)), blocks[0].shape[1]
    one = blocks[0].new_ones(1, 1, 1)
    return torch.cat([block.expand(s, n, -1) for block in (*blocks, one)], dim=2)

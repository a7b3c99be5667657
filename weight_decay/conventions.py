"""One λ, many conventions: the same penalty under the names that books give it.

Each convention is an objective a Σᵢ rᵢ² + k ‖w‖², with the residuals
rᵢ = ŷᵢ − yᵢ of n training examples and the coefficients a and k in
`CONVENTIONS`. Only k/a decides which w is best; a alone decides how far a step of
gradient descent with learning rate η moves.
"""

import math
import numbers
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from types import MappingProxyType
from typing import Any

from ._checks import check_count, check_not_negative, check_positive, plain, shown
from ._guards import guarded


@dataclass(frozen=True)
class Coefficient:
    """A coefficient number · nⁱ · σʲ.

    Attributes
    ----------
    number : Fraction
        The number in front, positive.
    n : int
        The power i of the number of training examples n.
    sigma : int
        The power j of the standard deviation σ of the noise.
    """

    number: Fraction
    n: int = 0
    sigma: int = 0

    def __truediv__(self, other: "Coefficient") -> "Coefficient":
        """Return the quotient; powers subtract."""
        return Coefficient(
            self.number / other.number, self.n - other.n, self.sigma - other.sigma
        )

    def value(self, n_train: int | None, noise_std: float | None) -> Fraction:
        """Return the coefficient as an exact number.

        Parameters
        ----------
        n_train : int or None
            Number of training examples n; None will do if i = 0.
        noise_std : float or None
            Standard deviation σ of the noise; None will do if j = 0.

        Returns
        -------
        Fraction
            number · nⁱ · σʲ, without rounding.

        Raises
        ------
        TypeError, ValueError
            A needed number is missing or wrong; the message names it.
        """
        value = self.number
        for name, power, given, check in (
            ("n_train", self.n, n_train, check_count),
            ("noise_std", self.sigma, noise_std, check_positive),
        ):
            if power and given is None:
                raise TypeError(f"{name} must be given, it does not cancel: got None")
            if given is not None:
                value *= Fraction(check(name, given)) ** power
        return value


@dataclass(frozen=True)
class Convention:
    """An objective a Σr² + k‖w‖² as somebody writes it.

    Attributes
    ----------
    objective : str
        The objective as it is written, in plain text.
    data : Coefficient
        The coefficient a of Σr².
    penalty : Coefficient
        The coefficient k of ‖w‖² without the value: k = penalty · value, or
        penalty / value² for a standard deviation.
    is_std : bool
        Whether the value is the standard deviation s of a prior on the weights.
    """

    objective: str
    data: Coefficient
    penalty: Coefficient
    is_std: bool = False


_ONE, _HALF = Fraction(1), Fraction(1, 2)

CONVENTIONS: Mapping[str, Convention] = MappingProxyType(
    {
        "half mean squared error": Convention(
            "(1/n) Σ ½r² + λ·½‖w‖²", Coefficient(_HALF, n=-1), Coefficient(_HALF)
        ),
        "mean squared error": Convention(
            "(1/n) Σ r² + λ·½‖w‖²", Coefficient(_ONE, n=-1), Coefficient(_HALF)
        ),
        "keras l2": Convention(
            "(1/n) Σ r² + λ‖w‖²", Coefficient(_ONE, n=-1), Coefficient(_ONE)
        ),
        "sum of half squares": Convention(
            "Σ ½r² + λ·½‖w‖²", Coefficient(_HALF), Coefficient(_HALF)
        ),
        "scikit-learn alpha": Convention(
            "Σ r² + α‖w‖²", Coefficient(_ONE), Coefficient(_ONE)
        ),
        "lambda over 2n": Convention(
            "(1/n) Σ ½r² + (λ/2n)‖w‖²",
            Coefficient(_HALF, n=-1),
            Coefficient(_HALF, n=-1),
        ),
        "prior std": Convention(
            "Σ r²/2σ² + ‖w‖²/2s²",
            Coefficient(_HALF, sigma=-2),
            Coefficient(_HALF),
            is_std=True,
        ),
    }
)


def _check_convention(name: str, key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{name} must be the name of a convention, got {shown(key)}")
    if key not in CONVENTIONS:
        raise ValueError(f"{name} must be one of {[*CONVENTIONS]}, got {key!r}")
    return key


@guarded(source=_check_convention, target=_check_convention)
def convert(
    value: float,
    source: str,
    target: str,
    *,
    n_train: int | None = None,
    noise_std: float | None = None,
) -> float:
    """Return the value that means in one convention what `value` means in another.

    Two values mean the same if both objectives have the same minimiser, for any
    data:

    ============================ =========================== ==================
    convention                   objective                   λ of the first row
    ============================ =========================== ==================
    ``half mean squared error``  (1/n) Σ ½r² + λ·½‖w‖²       λ
    ``mean squared error``       (1/n) Σ r² + λ·½‖w‖²        λ/2
    ``keras l2``                 (1/n) Σ r² + λ‖w‖²          λ
    ``sum of half squares``      Σ ½r² + λ·½‖w‖²             λ/n
    ``scikit-learn alpha``       Σ r² + α‖w‖²                α/n
    ``lambda over 2n``           (1/n) Σ ½r² + (λ/2n)‖w‖²    λ/n
    ``prior std``                Σ r²/2σ² + ‖w‖²/2s²         σ²/(ns²)
    ============================ =========================== ==================

    The first is that of `scratch`; the second that of `concise`, of ``MSELoss``
    with the ``weight_decay`` of ``torch.optim.SGD``. ``keras l2`` is ``"mse"`` with
    ``regularizers.L2(λ)``, ``scikit-learn alpha`` is ``Ridge(alpha=α)``, and
    ``lambda over 2n`` is found in Nielsen, *Neural Networks and Deep Learning*
    (2015), chapter 3. The last is minus the logarithm of the posterior for noise
    N(0, σ²) and the prior wⱼ ~ N(0, s²); its value is s, and its minimiser is the
    most probable w.

    Parameters
    ----------
    value : float
        λ, α, zero or positive; for ``prior std`` s, positive, in units of y per
        unit of x. No penalty, λ = α = 0, is the flat prior s = ∞, ``math.inf``.
    source : str
        The convention of `value`, a key of `CONVENTIONS`.
    target : str
        The convention of the result, a key of `CONVENTIONS`.
    n_train : int, optional
        Number of training examples n; needed where n does not cancel.
    noise_std : float, optional
        Standard deviation σ of the noise, in the unit of y, positive; needed
        between ``prior std`` and any other.

    Returns
    -------
    float
        The value in the target convention, rounded once; for a prior, twice.

    Raises
    ------
    TypeError
        A needed number is missing, or not a number; a name is not a string.
    ValueError
        An unknown name, or a number out of its range; or the result is: positive,
        but too small or too large for a float.

    Examples
    --------
    >>> from weight_decay.conventions import convert
    >>> convert(3, "half mean squared error", "mean squared error")
    6.0
    >>> convert(3, "half mean squared error", "scikit-learn alpha", n_train=20)
    60.0
    >>> convert(0.01, "prior std", "sum of half squares", noise_std=0.01)
    1.0
    """
    start, end = CONVENTIONS[source], CONVENTIONS[target]
    factor = (start.penalty / start.data) / (end.penalty / end.data)
    result = _strength(start, value) * factor.value(n_train, noise_std)
    if source == target:
        return float(value)
    given = {"value": value, "n_train": n_train, "noise_std": noise_std}
    if not end.is_std:
        return _as_float(result, given)
    return math.sqrt(_as_float(1 / result, given)) if result else math.inf


@guarded(source=_check_convention, target=_check_convention)
def learning_rate_factor(
    source: str,
    target: str,
    *,
    n_train: int | None = None,
    noise_std: float | None = None,
) -> float:
    """Return the factor from the learning rate of one convention to another's.

    With η multiplied by it and λ put through `convert`, SGD takes the same steps,
    with momentum too, from the same start on the same batches. It is the inverse
    ratio of the gradients of the data, a_source / a_target: from
    ``mean squared error`` to ``half mean squared error`` it is 2, because
    ``concise.train(…, lambd=λ, lr=η)`` is ``scratch.train(…, lambd=λ/2, lr=2η)``.

    Adam is another matter: it divides the gradient by its own size, so that (but for
    ε) the unit of the loss is of no matter to η, nor to the λ of AdamW.

    Parameters
    ----------
    source : str
        The convention of the learning rate, a key of `CONVENTIONS`.
    target : str
        The convention to go to, a key of `CONVENTIONS`.
    n_train : int, optional
        Number of training examples n; needed where n does not cancel. On a batch
        of B examples a sum over all n stands for n/B times the batch's sum.
    noise_std : float, optional
        Standard deviation σ of the noise, in the unit of y, positive; needed
        between ``prior std`` and any other.

    Returns
    -------
    float
        η in the target convention over η in the source convention.

    Raises
    ------
    TypeError
        A needed number is missing, or not a number; a name is not a string.
    ValueError
        An unknown name, or a number out of its range.

    Examples
    --------
    >>> from weight_decay.conventions import learning_rate_factor
    >>> learning_rate_factor("mean squared error", "half mean squared error")
    2.0
    """
    start, end = CONVENTIONS[source], CONVENTIONS[target]
    factor = (start.data / end.data).value(n_train, noise_std)
    return _as_float(factor, {"n_train": n_train, "noise_std": noise_std})


def _strength(convention: Convention, value: Any) -> Fraction:
    """Return what multiplies the coefficient of ‖w‖²: λ, or 1/s² for a prior."""
    if not convention.is_std:
        return Fraction(check_not_negative("value", value))
    if isinstance(plain(value), numbers.Real) and value == math.inf:
        return Fraction(0)
    return Fraction(check_positive("value", value)) ** -2


def _as_float(result: Fraction, given: dict[str, Any]) -> float:
    """Return the nearest float; 0 and ∞ only if the result is that, not by rounding."""
    try:
        number = float(result)
    except OverflowError:
        number = math.inf
    if number == math.inf or (number == 0 and result != 0):
        power = math.log10(result.numerator) - math.log10(result.denominator)
        arguments = ", ".join(f"{name} = {shown(given[name])}" for name in given)
        raise ValueError(
            f"the result must be in the range of a float, got about 1e{power:+.0f} "
            f"from {arguments}"
        )
    return number

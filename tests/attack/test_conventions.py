"""The conversions under attack: the nearest float of an exact number, or an error."""

import math
from fractions import Fraction

import pytest
from attack.hostile import REFUSED, anything, assert_finite, attempt, hostile
from hypothesis import given
from hypothesis import strategies as st

from weight_decay.conventions import CONVENTIONS, convert, learning_rate_factor

names = hostile(st.sampled_from([*CONVENTIONS]))
sizes = hostile(st.integers(1, 10**9)) | st.sampled_from([10**400, 10**5000])
positive = st.floats(0, exclude_min=True, allow_infinity=False)


def exact(number):
    """The number as the package reads it: rounded to a float, then a fraction."""
    return Fraction(number if isinstance(number, int) else float(number))


def coefficient(part, n, sigma):
    """A coefficient as a fraction; a number it does not need may be missing."""
    value = part.number
    for base, power in ((n, part.n), (sigma, part.sigma)):
        value *= exact(base) ** power if power else 1
    return value


def strength(convention, value):
    if not convention.is_std:
        return exact(value)
    return Fraction(0) if value == math.inf else exact(value) ** -2


@given(
    value=hostile(positive),
    source=names,
    target=names,
    n_train=sizes,
    noise_std=hostile(positive),
)
def test_a_conversion_is_exact_or_what_is_wrong_is_named(
    value, source, target, n_train, noise_std
):
    numbers = {"n_train": n_train, "noise_std": noise_std}

    result = attempt(convert, value=value, source=source, target=target, **numbers)

    if result is REFUSED:
        return
    if source == target:
        assert result == float(value)
        return
    start, end = CONVENTIONS[source], CONVENTIONS[target]
    # k/a of the source is k/a of the target, in numbers without rounding.
    factor = (start.penalty / start.data) / (end.penalty / end.data)
    ratio = strength(start, value) * coefficient(factor, n_train, noise_std)
    if not end.is_std:
        assert_finite(result)
        assert result == float(ratio)
    elif ratio == 0:
        assert result == math.inf
    else:
        assert result == pytest.approx(math.sqrt(1 / ratio), rel=1e-15)


@given(source=names, target=names, n_train=sizes, noise_std=hostile(positive))
def test_a_learning_rate_factor_is_exact_or_what_is_wrong_is_named(
    source, target, n_train, noise_std
):
    factor = attempt(
        learning_rate_factor,
        source=source,
        target=target,
        n_train=n_train,
        noise_std=noise_std,
    )

    if factor is not REFUSED:
        ratio = CONVENTIONS[source].data / CONVENTIONS[target].data
        assert factor == float(coefficient(ratio, n_train, noise_std))
        assert_finite(factor)


@given(n_train=anything, noise_std=anything)
def test_a_coefficient_is_exact_or_what_is_wrong_is_named(n_train, noise_std):
    part = CONVENTIONS["prior std"].data / CONVENTIONS["lambda over 2n"].data

    value = attempt(part.value, n_train=n_train, noise_std=noise_std)

    if value is not REFUSED:
        assert value == n_train / exact(noise_std) ** 2

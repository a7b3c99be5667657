"""The optimisers under attack: torch's numbers, NaN for NaN, or a named error."""

import copy

import pytest
import torch
from attack.hostile import (
    INF,
    REFUSED,
    anything,
    attempt,
    defects,
    dtypes,
    guises,
    hostile,
    maybe,
    normal,
    scales,
)
from hypothesis import given
from hypothesis import strategies as st

from weight_decay.optimizers import SGD, Adam, Decay, Momentum, coupled, decoupled

CASES = {
    "sgd": (SGD, coupled, torch.optim.SGD, {}),
    "momentum": (Momentum, coupled, torch.optim.SGD, {"momentum": 0.9}),
    "adam": (Adam, coupled, torch.optim.Adam, {}),
    "adamw": (Adam, decoupled, torch.optim.AdamW, {}),
}


def column(seed, scale, dtype, power=1.0):
    """Numbers of this size, as far as this power of them is in the range."""
    largest = (torch.finfo(dtype).max / 2**20) ** (1 / power)
    return normal(3, 1, seed=seed, scale=min(scale, largest)).to(dtype)


@pytest.mark.parametrize("case", CASES)
@given(
    data=st.data(),
    dtype=dtypes,
    sizes=st.tuples(scales, scales, scales),
    lr=st.sampled_from([1e-30, 1e-3, 1.0, 1e3]),
    lambd=st.sampled_from([0.0, 1e-30, 3.0, 1e20]),
)
def test_steps_are_those_of_torch_at_any_size(case, data, dtype, sizes, lr, lambd):
    ours, decay, theirs, settings = CASES[case]
    power = 2 if ours is Adam else 1  # the law of Adam ends where g² does
    w, *gradients = (column(i, size, dtype, power) for i, size in enumerate(sizes))
    param = w.clone().requires_grad_()
    reference = theirs([param], lr=lr, weight_decay=lambd, **settings)
    optimizer = ours(lr, decay=decay(lambd))

    for gradient in gradients:
        param.grad = gradient.clone()
        if not (param.isfinite().all() and w.isfinite().all()):
            break  # the next step refuses it
        penalty = lambd * w if decay is coupled else 0.0
        if ours is Adam and not ((gradient + penalty) ** 2).isfinite().all():
            break  # its law ends where g² does, penalty included
        before = w.clone()
        reference.step()
        w = attempt(
            optimizer.step,
            w=maybe_guise(data, w),
            gradient=maybe_guise(data, gradient),
        )
        # Rounding, relative to what is subtracted from what; and tiny numbers, which
        # torch flushes or multiplies in another order.
        size = float(before.abs().max()) + float((w - before).abs().nan_to_num().max())
        finite = param.detach().isfinite() & w.isfinite()
        error = (w - param.detach()).abs()[finite]
        info = torch.finfo(dtype)
        tiny = info.tiny
        if ours is Adam:  # the least that a mean of gradients can be wrong by, over ε
            tiny += info.tiny * info.eps * lr / optimizer.eps
        assert bool((error <= 64 * (info.eps * size + tiny)).all())
        same = w.isfinite() == param.detach().isfinite()
        assert bool(same.all()) or float(w.nan_to_num().abs().max()) > 1e30


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_where_the_square_of_a_gradient_overflows_adam_only_decays(dtype):
    w, gradient = column(0, 1, dtype), column(1, INF, dtype)

    step = Adam(0.1, decay=decoupled(3)).step(w, gradient)

    torch.testing.assert_close(step, (1 - 0.1 * 3) * w, rtol=1e-6, atol=0)


def maybe_guise(data, tensor):
    return maybe(lambda _, label: data.draw(guises, label), tensor, "guise")


@given(
    which=st.sampled_from(["w", "gradient"]),
    defect=defects,
    ours=st.sampled_from([SGD, Momentum, Adam]),
    steps=st.integers(0, 2),
)
def test_a_step_that_is_refused_leaves_no_trace(which, defect, ours, steps):
    optimizer, w = ours(0.1, decay=coupled(3)), normal(3, 1)
    for _ in range(steps):
        w = optimizer.step(w, normal(3, 1, seed=1))
    before = copy.deepcopy(vars(optimizer))
    arguments = {"w": w, "gradient": normal(3, 1, seed=2)}
    arguments[which] = maybe(lambda *_, label: defect, arguments[which], which)

    result = attempt(optimizer.step, **arguments)

    assert result is REFUSED
    for name, value in before.items():
        now = vars(optimizer)[name]
        same = torch.equal(now, value) if torch.is_tensor(value) else now == value
        assert same, name


@given(value=anything)
@pytest.mark.parametrize("ours", [SGD, Momentum, Adam])
def test_a_rate_set_between_steps_is_checked_at_the_next(ours, value):
    optimizer, w = ours(0.1), normal(3, 1)
    optimizer.lr = value

    step = attempt(lambda lr: optimizer.step(w, w), lr=value)

    if step is not REFUSED:
        assert torch.equal(step, ours(float(value)).step(w, w))


@given(
    lr=anything,
    momentum=anything,
    betas=st.tuples(anything, anything) | anything,
    eps=anything,
    decay=anything | st.just(coupled(3)),
)
def test_an_optimiser_keeps_its_settings_or_names_the_wrong_one(
    lr, momentum, betas, eps, decay
):
    for ours, settings in (
        (SGD, {}),
        (Momentum, {"momentum": momentum}),
        (Adam, {"betas": betas, "eps": eps}),
    ):
        made = attempt(ours, lr=lr, decay=decay, **settings)
        if made is not REFUSED:
            assert made.lr == float(lr)
            for name, value in settings.items():
                kept = getattr(made, name)
                wanted = value if name == "betas" else [value]
                assert [abs(float(v)) for v in wanted] == (
                    list(kept) if name == "betas" else [kept]
                )


@given(
    kind=hostile(st.sampled_from(["coupled", "decoupled"])),
    lambd=hostile(st.floats(0, 9)),
)
def test_a_decay_keeps_its_lambda_or_names_what_is_wrong(kind, lambd):
    decay = attempt(Decay, kind=kind, lambd=lambd)

    if decay is not REFUSED:
        assert (decay.kind, decay.lambd) == (kind, max(float(lambd), 0))
        assert "-" not in repr(decay).replace("e-", "")


@given(dtype=dtypes, scale=scales, lr=st.floats(0, 1e3), lambd=st.floats(0, 1e3))
@pytest.mark.parametrize("decay", [coupled, decoupled])
def test_a_decay_is_its_formula(decay, dtype, scale, lr, lambd):
    w, g = column(0, scale, dtype), column(1, 1, dtype)

    new_w, new_g = attempt(decay(lambd), w=w, gradient=g, lr=lr)

    if decay is coupled:
        torch.testing.assert_close(new_g, g + lambd * w, rtol=0, atol=0, equal_nan=True)
        assert new_w is w
    else:
        assert torch.equal(new_w, (1 - lr * lambd) * w)
        assert new_g is g

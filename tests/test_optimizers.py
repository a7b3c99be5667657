"""The optimisers by hand, against pencil, torch.optim and the theory."""

import copy
import inspect

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weight_decay import optimizers
from weight_decay.optimizers import SGD, Adam, Momentum, coupled, decoupled

NAN, INF = float("nan"), float("inf")
DOUBLE = torch.float64
OPTIMIZERS = [SGD, Momentum, Adam]
DECAYS = [coupled, decoupled]


def column(*numbers, dtype=DOUBLE):
    return torch.tensor([[number] for number in numbers], dtype=dtype)


def normal(generator, *shape, dtype=DOUBLE):
    return torch.normal(0, 1, shape, generator=generator, dtype=dtype)


def walk(optimizer, w, gradients):
    """The parameter before the first step and after each."""
    path = [w]
    for gradient in gradients:
        path.append(optimizer.step(path[-1], gradient))
    return torch.stack(path)


# By hand


def test_a_coupled_decay_changes_the_gradient_and_a_decoupled_one_the_weight():
    w, g = column(4, -2), column(1, 1)

    assert [t.tolist() for t in coupled(3)(w, g, 0.125)] == [[[4], [-2]], [[13], [-5]]]
    assert [t.tolist() for t in decoupled(2)(w, g, 0.125)] == [
        [[3], [-1.5]],
        [[1], [1]],
    ]


def test_a_step_of_sgd():
    # w - η(g + λw) = 4 - (1 + 2·4)/4 and -2 - (1 - 2·2)/4
    step = SGD(0.25, decay=coupled(2)).step(column(4, -2), column(1, 1))

    assert step.tolist() == [[1.75], [-1.25]]


@pytest.mark.parametrize(
    ("decay", "expected"),
    [
        # u = 1 + 2·4 = 9, w = 4 - 9/4; u = 9/2 + 1/2 + 2·7/4 = 17/2, w = 7/4 - 17/8
        (coupled(2), [4, 1.75, -0.375]),
        # 1 - ηλ = 1/2.  u = 1, w = 4/2 - 1/4; u = 1/2 + 1/2 = 1, w = 7/8 - 1/4
        (decoupled(2), [4, 1.75, 0.625]),
    ],
)
def test_two_steps_of_momentum(decay, expected):
    optimizer = Momentum(0.25, momentum=0.5, decay=decay)

    path = walk(optimizer, column(4), [column(1), column(0.5)])

    assert path.flatten().tolist() == expected


def test_two_steps_of_adam():
    optimizer = Adam(0.25, betas=(0.5, 0.75), eps=1, decay=decoupled(2))

    # m̂ = 3, v̂ = 9: w = 4/2 - (3/4)/(3 + 1) = 29/16.
    # m = 3/4 - 1/2, m̂ = m/(3/4) = 1/3; v = 27/16 + 1/4, v̂ = v/(7/16) = 31/7.
    path = walk(optimizer, column(4), [column(3), column(-1)])

    second = 29 / 32 - (1 / 3) / 4 / ((31 / 7) ** 0.5 + 1)
    assert path.flatten().tolist() == pytest.approx([4, 29 / 16, second], rel=1e-15)


def test_the_first_step_of_adam_has_the_size_of_the_learning_rate():
    w, g = column(4, -2, 0.5), column(1e-9, -7, 1e9)

    step = Adam(0.25, eps=0).step(w, g) - w

    torch.testing.assert_close(step, column(-0.25, 0.25, -0.25), rtol=1e-13, atol=0)


def test_by_default_nothing_decays():
    w, zero = column(4, -2), column(0, 0)

    for optimizer in OPTIMIZERS:
        assert torch.equal(optimizer(0.25).step(w, zero), w)


# Step by step as in torch.optim

HAS_DECOUPLED_ADAM = (
    "decoupled_weight_decay" in inspect.signature(torch.optim.Adam).parameters
)
PAIRS = [
    pytest.param(lambda **s: torch.optim.SGD(**s), SGD, coupled, id="SGD"),
    pytest.param(lambda **s: torch.optim.SGD(**s), Momentum, coupled, id="momentum"),
    pytest.param(lambda **s: torch.optim.Adam(**s), Adam, coupled, id="Adam"),
    pytest.param(lambda **s: torch.optim.AdamW(**s), Adam, decoupled, id="AdamW"),
    pytest.param(
        lambda **s: torch.optim.Adam(**s, decoupled_weight_decay=True),
        Adam,
        decoupled,
        id="decoupled Adam",
        marks=pytest.mark.skipif(not HAS_DECOUPLED_ADAM, reason="torch before 2.7"),
    ),
]
SHAPES = [(6, 1), (1,), (), (2, 3)]

zero_or = st.just(0.0).__or__
learning_rates = st.floats(1e-4, 1)
lambdas = zero_or(st.floats(1e-6, 10))
units = st.integers(-6, 6).map(lambda power: 10.0**power)
tiny = st.sampled_from([0.0, 1e-300, 1e-16, 1e-8, 1.0])
below_one = zero_or(st.floats(0, 0.999))
# With a short memory of squares, small β₂, Adam with L2 divides by a gradient that
# may all but vanish at the new weight: then the last digits grow from step to step.
long_memory = st.floats(0.5, 0.9999)


def settings_of(optimizer, decay):
    """The hyper-parameters beside η and λ, by the names torch has for them."""
    if optimizer is Adam:
        beta2 = long_memory if decay is coupled else below_one
        betas = st.tuples(below_one, beta2)
        return st.fixed_dictionaries({"betas": betas, "eps": tiny})
    return st.fixed_dictionaries(
        {"momentum": below_one} if optimizer is Momentum else {}
    )


@pytest.mark.parametrize(("theirs", "ours", "decay"), PAIRS)
@given(data=st.data(), lr=learning_rates, unit=units, seed=st.integers(0, 2**20))
def test_every_step_is_that_of_torch_optim(theirs, ours, decay, data, lr, unit, seed):
    settings = data.draw(settings_of(ours, decay), "settings")
    decays = [data.draw(lambdas, "lambd") for _ in SHAPES]
    generator = torch.Generator().manual_seed(seed)
    ws = [normal(generator, *shape) for shape in SHAPES]
    params = [w.clone().requires_grad_() for w in ws]
    groups = [
        {"params": [param], "weight_decay": lambd}
        for param, lambd in zip(params, decays, strict=True)
    ]
    torch_optimizer = theirs(params=groups, lr=lr, **settings)
    own = [ours(lr, decay=decay(lambd), **settings) for lambd in decays]
    largest = [1.0] * len(ws)

    for _ in range(30):
        gradients = [unit * normal(generator, *shape) for shape in SHAPES]
        for param, gradient in zip(params, gradients, strict=True):
            param.grad = gradient.clone()
        torch_optimizer.step()
        for i, gradient in enumerate(gradients):
            ws[i] = own[i].step(ws[i], gradient)
            largest[i] = max(largest[i], ws[i].abs().max().item())
            error = (ws[i] - params[i].detach()).abs().max().item()
            assert error <= 1e-12 * largest[i]


@given(below_one, st.floats(0, 0.5), tiny, lambdas, units, st.integers(0, 2**20))
def test_with_a_short_memory_too_if_every_step_starts_where_torch_is(
    beta1, beta2, eps, lambd, unit, seed
):
    generator, betas = torch.Generator().manual_seed(seed), (beta1, beta2)
    param = normal(generator, 6, 1).requires_grad_()
    theirs = torch.optim.Adam([param], 0.1, betas, eps, weight_decay=lambd)
    ours = Adam(0.1, betas=betas, eps=eps, decay=coupled(lambd))

    for _ in range(30):
        w, param.grad = param.detach().clone(), unit * normal(generator, 6, 1)
        theirs.step()
        step = ours.step(w, param.grad)
        torch.testing.assert_close(step, param.detach(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("theirs", "ours", "decay"), PAIRS)
def test_in_float32_too(theirs, ours, decay):
    generator = torch.Generator().manual_seed(3)
    w = normal(generator, 6, 1, dtype=torch.float32)
    param = w.clone().requires_grad_()
    momentum = {"momentum": 0.9} if ours is Momentum else {}
    torch_optimizer = theirs(params=[param], lr=0.01, weight_decay=3, **momentum)
    optimizer = ours(0.01, decay=decay(3))

    for _ in range(50):
        param.grad = normal(generator, 6, 1, dtype=torch.float32)
        torch_optimizer.step()
        w = optimizer.step(w, param.grad)

    assert w.dtype == torch.float32
    torch.testing.assert_close(w, param.detach(), rtol=1e-4, atol=1e-5)


# Laws


@given(learning_rates, lambdas, st.integers(0, 2**20))
def test_for_sgd_both_decays_are_one(lr, lambd, seed):
    generator = torch.Generator().manual_seed(seed)
    w, gradients = normal(generator, 6, 1), normal(generator, 20, 6, 1)

    one = walk(SGD(lr, decay=coupled(lambd)), w, gradients)
    other = walk(SGD(lr, decay=decoupled(lambd)), w, gradients)

    tolerance = 1e-12 * one.abs().max().item()
    torch.testing.assert_close(one, other, rtol=0, atol=tolerance)


def test_a_new_learning_rate_holds_from_the_next_step_on():
    optimizer = SGD(0.25, decay=decoupled(2))

    w = optimizer.step(column(4), column(0))
    optimizer.lr = 0.125

    assert optimizer.step(w, column(0)).tolist() == [[1.5]]  # 4 · 1/2 · 3/4


# The theory of Adam: weight decay is not L2


@pytest.mark.parametrize("lambd", [2.0**-10, 2.0**-5, 2.0**10])
def test_without_a_data_gradient_adam_with_l2_goes_one_way_for_all_lambda(lambd):
    w, silence = column(1, 2, 3), torch.zeros(300, 3, 1, dtype=DOUBLE)

    path = walk(Adam(0.01, eps=0, decay=coupled(lambd)), w, silence)

    unit_path = walk(Adam(0.01, eps=0, decay=coupled(1)), w, silence)
    assert torch.equal(path, unit_path)  # powers of 2 scale without rounding
    torch.testing.assert_close(path[1], w - 0.01, rtol=1e-14, atol=0)
    assert (path.diff(dim=0).abs() < 0.01 + 1e-12).all()  # no step is longer than η


def test_without_a_data_gradient_adamw_is_a_plain_decay():
    w, silence = column(1, 2, 3), torch.zeros(300, 3, 1, dtype=DOUBLE)

    path = walk(Adam(0.01, decay=decoupled(3)), w, silence)

    assert torch.equal(path, walk(SGD(0.01, decay=decoupled(3)), w, silence))


# What a step leaves alone


@pytest.mark.parametrize("decay", DECAYS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_step_makes_a_new_tensor_and_leaves_what_it_was_given(optimizer, decay):
    w, gradient = column(4, -2).requires_grad_(), column(1, 3)
    own, given_w, given_gradient = optimizer(0.1, decay=decay(3)), [], []

    for _ in range(3):
        given_w.append(w.detach().clone())
        given_gradient.append(gradient.clone())
        result = own.step(w, gradient)
        assert not result.requires_grad
        assert torch.equal(w, given_w[-1])
        assert torch.equal(gradient, given_gradient[-1])
        gradient.add_(1)  # an optimiser that kept the tensor would now remember wrong
        w = result.clone().requires_grad_()
        result.zero_()

    fresh = optimizer(0.1, decay=decay(3))
    for w_then, gradient_then in zip(given_w, given_gradient, strict=True):
        last = fresh.step(w_then, gradient_then)
    assert torch.equal(w.detach(), last)


def test_an_optimiser_prints_as_it_is_written():
    adam = Adam(0.1, betas=(0.5, 0.9), eps=0, decay=decoupled(0.5))

    assert repr(coupled(0.123456789)) == "coupled(0.123456789)"
    assert repr(SGD(1)) == "SGD(lr=1.0, decay=coupled(0))"
    assert repr(Momentum(1)) == "Momentum(lr=1.0, decay=coupled(0), momentum=0.9)"
    assert repr(eval(repr(adam), vars(optimizers))) == repr(adam)


# What is refused


@pytest.mark.parametrize("value", [-0.1, 1, 1.5, NAN, True])
@pytest.mark.parametrize("which", [0, 1])
def test_adam_names_the_wrong_beta(which, value):
    betas = [0.9, 0.999]
    betas[which] = value

    told = rf"betas\[{which}\] must be .*, got {value}$"
    with pytest.raises((TypeError, ValueError), match=told):
        Adam(0.1, betas=betas)


@pytest.mark.parametrize(
    ("wrong", "error", "told"),
    [
        ({"w": column(4)}, ValueError, r"^w must .*\(2, 1\) .*\(1, 1\): take one opt"),
        ({"w": column(4, 2).T}, ValueError, r"^w must .*\(2, 1\) .*\(1, 2\): take"),
        ({"w": column(4, 2).float()}, TypeError, r"^w must have dtype .*float64"),
        ({"w": column(4, NAN)}, ValueError, "^w must hold finite"),
        ({"gradient": column(1, 1).T}, ValueError, "^gradient must have shape"),
        ({"gradient": column(INF, 1)}, ValueError, "^gradient must hold finite"),
        ({"lr": 0}, ValueError, "^lr must be positive, got 0$"),
    ],
)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_step_that_is_refused_leaves_no_trace(optimizer, wrong, error, told):
    own, tensors = optimizer(0.1), {"w": column(4, 2), "gradient": column(1, 3)}
    before = own.step(**tensors)
    untouched = copy.deepcopy(own)

    own.lr = wrong.get("lr", 0.1)
    with pytest.raises(error, match=told):
        own.step(**{k: wrong.get(k, tensor) for k, tensor in tensors.items()})

    own.lr = 0.1
    after = own.step(before, column(2, 1))
    assert torch.equal(after, untouched.step(before, column(2, 1)))


def test_epsilon_0_where_every_gradient_was_0_is_0_over_0_as_in_torch():
    w, zero = column(4), column(0)
    param = w.clone().requires_grad_()
    param.grad = zero.clone()
    torch.optim.AdamW([param], eps=0).step()

    own = Adam(0.1, eps=0, decay=decoupled(3))
    step = own.step(w, zero)

    assert param.isnan().all()
    assert step.isnan().all()
    with pytest.raises(ValueError, match="w must hold finite numbers only, got nan"):
        own.step(step, zero)


@pytest.mark.parametrize(("dtype", "size"), [(torch.float32, 1e20), (DOUBLE, 1e160)])
def test_where_the_square_of_a_gradient_overflows_adam_only_decays(dtype, size):
    w, gradient = column(4, -2, dtype=dtype), column(size, -size, dtype=dtype)

    step = Adam(0.1, decay=decoupled(3)).step(w, gradient)

    torch.testing.assert_close(step, (1 - 0.1 * 3) * w, rtol=1e-6, atol=0)

"""The optimisers by hand, against pencil, torch.optim and the theory."""

import copy
import inspect
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from weight_decay import optimizers, synthetic_data
from weight_decay.optimizers import SGD, Adam, Decay, Momentum, coupled, decoupled

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


def test_two_steps_of_momentum():
    optimizer = Momentum(0.25, momentum=0.5, decay=coupled(2))

    # u = 1 + 2·4 = 9, w = 4 - 9/4 = 7/4; u = 9/2 + 1/2 + 2·7/4 = 17/2, w = 7/4 - 17/8
    path = walk(optimizer, column(4), [column(1), column(0.5)])

    assert path.flatten().tolist() == [4, 1.75, -0.375]


def test_two_steps_of_momentum_with_decoupled_decay():
    optimizer = Momentum(0.25, momentum=0.5, decay=decoupled(2))

    # 1 - ηλ = 1/2.  u = 1, w = 4/2 - 1/4 = 7/4; u = 1/2 + 1/2 = 1, w = 7/8 - 1/4
    path = walk(optimizer, column(4), [column(1), column(0.5)])

    assert path.flatten().tolist() == [4, 1.75, 0.625]


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
def test_where_the_data_are_silent_too(theirs, ours, decay):
    w, zero = column(4, -2, 0), column(0, 0, 0)
    param = w.clone().requires_grad_()
    torch_optimizer = theirs(params=[param], lr=0.1, weight_decay=3)
    if ours is Momentum:
        torch_optimizer = theirs(params=[param], lr=0.1, weight_decay=3, momentum=0.9)
    optimizer = ours(0.1, decay=decay(3))

    for _ in range(20):
        param.grad = zero.clone()
        torch_optimizer.step()
        w = optimizer.step(w, zero)
        torch.testing.assert_close(w, param.detach(), rtol=1e-12, atol=1e-15)


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


@pytest.mark.parametrize("decay", DECAYS)
def test_momentum_0_is_sgd(decay):
    generator = torch.Generator().manual_seed(4)
    w, gradients = normal(generator, 6, 1), normal(generator, 20, 6, 1)

    assert torch.equal(
        walk(Momentum(0.01, momentum=0, decay=decay(3)), w, gradients),
        walk(SGD(0.01, decay=decay(3)), w, gradients),
    )


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


@pytest.mark.parametrize("lambd", [1e-2, 1])
def test_the_three_weights_of_the_page_end_where_the_page_says(lambd):
    w, silence = column(1, 2, 3), torch.zeros(300, 3, 1, dtype=DOUBLE)

    l2 = walk(Adam(0.01, decay=coupled(lambd)), w, silence)[-1]
    adamw = walk(Adam(0.01, decay=decoupled(lambd)), w, silence)[-1]

    assert l2.flatten().tolist() == pytest.approx([0.00018, 0.17904, 0.76604], abs=5e-6)
    torch.testing.assert_close(adamw, w * (1 - 0.01 * lambd) ** 300, rtol=1e-12, atol=0)


def test_without_a_data_gradient_adamw_is_a_plain_decay():
    w, silence = column(1, 2, 3), torch.zeros(300, 3, 1, dtype=DOUBLE)

    path = walk(Adam(0.01, decay=decoupled(3)), w, silence)

    assert torch.equal(path, walk(SGD(0.01, decay=decoupled(3)), w, silence))


def adam_on_the_chapters_problem(decay, scale=1.0, steps=100):
    """Full-batch gradients of `scale` times the mean half squared error, no bias."""
    data = synthetic_data(dtype=DOUBLE)
    X, y = data.X_train, data.y_train
    w = normal(torch.Generator().manual_seed(0), 200, 1)
    optimizer = Adam(0.003, eps=0, decay=decay)
    path = [w]
    for _ in range(steps):
        path.append(optimizer.step(path[-1], scale * (X.T @ (X @ path[-1] - y) / 20)))
    return torch.stack(path)


def test_adamw_does_not_see_the_unit_of_the_loss_and_adam_with_l2_does():
    def norm(path):
        return path[-1].norm().item()

    one, other = (
        adam_on_the_chapters_problem(decoupled(3), scale) for scale in (1, 1024)
    )
    l2 = adam_on_the_chapters_problem(coupled(3))
    l2_other = adam_on_the_chapters_problem(coupled(3), 1024)
    l2_both = adam_on_the_chapters_problem(coupled(3072), 1024)

    assert torch.equal(one, other)
    assert norm(l2_other) > 1.1 * norm(l2)
    assert torch.equal(l2, l2_both)  # its real strength is λ over the scale


def test_adamw_forgets_what_the_data_do_not_see_as_sgd_does_and_adam_with_l2_not():
    w = normal(torch.Generator().manual_seed(0), 200, 1)

    def kept(decay):
        path = adam_on_the_chapters_problem(decay, steps=400)
        return (path[-1].norm() / w.norm()).item()

    assert kept(decoupled(3)) == pytest.approx((1 - 0.009) ** 400, rel=0.1)
    assert kept(coupled(3)) > 0.3
    assert kept(coupled(100)) > 0.3


# The theory of momentum


@pytest.mark.parametrize(("lr", "lambd", "mu"), [(0.0003, 3, 0.9), (0.02, 1, 0.5)])
def test_what_the_data_do_not_see_follows_the_recursion_of_momentum(lr, lambd, mu):
    generator = torch.Generator().manual_seed(5)
    X, w = normal(generator, 4, 10), normal(generator, 10, 1)
    unseen = torch.eye(10, dtype=DOUBLE) - torch.linalg.pinv(X) @ X
    optimizer = Momentum(lr, momentum=mu, decay=coupled(lambd))
    start, steps = unseen @ w, 400

    for _ in range(steps):
        w = optimizer.step(w, X.T @ (X @ w - 1) / 4)

    # z² - (1 + μ - ηλ) z + μ = 0, z₀ = 1, z₁ = 1 - ηλ
    middle = (1 + mu - lr * lambd) / 2
    spread = (middle**2 - mu) ** 0.5
    big, small = middle + spread, middle - spread
    a = (1 - lr * lambd - small) / (big - small)
    kept = a * big**steps + (1 - a) * small**steps
    torch.testing.assert_close(unseen @ w, kept * start, rtol=1e-10, atol=1e-14)
    if mu == 0.9:
        assert kept == pytest.approx(0.020855, abs=5e-7)


def test_with_decoupled_decay_it_shrinks_as_without_momentum():
    w, silence = column(1, -2), torch.zeros(400, 2, 1, dtype=DOUBLE)

    path = walk(Momentum(0.0003, decay=decoupled(3)), w, silence)

    torch.testing.assert_close(path[-1], w * 0.9991**400, rtol=1e-12, atol=0)


# The weight as a moving average


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_with_decoupled_decay_the_weight_is_a_moving_average_of_updates(optimizer):
    lr, lambd, steps = 0.01, 3, 200
    generator = torch.Generator().manual_seed(6)
    w, gradients = normal(generator, 6, 1), normal(generator, steps, 6, 1)

    path = walk(optimizer(lr, decay=decoupled(lambd)), w, gradients)

    # The updates u are those without decay: the gradients do not depend on w here.
    updates = -walk(optimizer(lr), w, gradients).diff(dim=0) / lr
    tau = 1 / (lr * lambd)
    average = w
    for update in updates:
        average = (1 - 1 / tau) * average + (1 / tau) * (-update / lambd)
    torch.testing.assert_close(path[-1], average, rtol=1e-11, atol=1e-13)


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


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_optimisers_do_not_share_their_memory(optimizer):
    one, other = optimizer(0.1), optimizer(0.1)
    one.step(column(4), column(100))

    assert torch.equal(
        other.step(column(4), column(1)), optimizer(0.1).step(column(4), column(1))
    )


def test_nothing_global_is_touched():
    state, threads = torch.get_rng_state(), torch.get_num_threads()

    for optimizer in OPTIMIZERS:
        optimizer(0.1, decay=coupled(1)).step(column(4), column(1))

    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_default_dtype() == torch.float32
    assert torch.get_num_threads() == threads


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_device_is_that_of_the_parameter():
    w, g = column(4).cuda(), column(1).cuda()

    for optimizer in OPTIMIZERS:
        own = optimizer(0.1, decay=coupled(1))
        assert own.step(own.step(w, g), g).device == w.device


def test_an_optimiser_prints_as_it_is_written():
    adam = Adam(0.1, betas=(0.5, 0.9), eps=0, decay=decoupled(0.5))

    assert repr(SGD(1)) == "SGD(lr=1.0, decay=coupled(0))"
    assert repr(Momentum(1)) == "Momentum(lr=1.0, decay=coupled(0), momentum=0.9)"
    assert eval(repr(adam), vars(optimizers)) is not adam
    assert repr(eval(repr(adam), vars(optimizers))) == repr(adam)


# Wrong arguments


NOT_NUMBERS = ["1", None, True, 1 + 0j, torch.tensor(0.5)]
NOT_FINITE = [NAN, INF, -INF]


def wrong(name, types, values, *first):
    """Return one case for each wrong value of one argument."""
    return [
        pytest.param(*first, name, value, error, id=f"{name}={value!r:.20}")
        for error, several in ((TypeError, types), (ValueError, values))
        for value in several
    ]


@pytest.mark.parametrize(
    ("optimizer", "name", "value", "error"),
    [
        *wrong("lr", NOT_NUMBERS, [0, -0.1, *NOT_FINITE], SGD),
        *wrong("decay", [3, None, "coupled", coupled], [], SGD),
        *wrong("momentum", NOT_NUMBERS, [-0.1, 1, 1.5, *NOT_FINITE], Momentum),
        *wrong("betas", [0.9, None, (0.9,), (0.9, 0.99, 0.999)], [], Adam),
        *wrong("eps", NOT_NUMBERS, [-1e-8, *NOT_FINITE], Adam),
    ],
)
def test_an_optimiser_names_the_wrong_argument(optimizer, name, value, error):
    with pytest.raises(error) as caught:
        optimizer(**{"lr": 0.1, name: value})

    assert re.match(rf"{name} must be ", str(caught.value))
    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize(
    ("name", "value", "error"), wrong("beta", NOT_NUMBERS, [-0.1, 1, 1.5, *NOT_FINITE])
)
def test_adam_names_the_wrong_beta(which, name, value, error):
    betas = [0.9, 0.999]
    betas[which] = value

    with pytest.raises(error, match=rf"betas\[{which}\] must be ") as caught:
        Adam(0.1, betas=betas)

    assert repr(value) in str(caught.value)


@pytest.mark.parametrize("decay", DECAYS)
@pytest.mark.parametrize(
    ("name", "value", "error"), wrong("lambd", NOT_NUMBERS, [-1e-9, *NOT_FINITE])
)
def test_a_decay_names_the_wrong_lambda(decay, name, value, error):
    with pytest.raises(error, match=f"{name} must be ") as caught:
        decay(value)

    assert repr(value) in str(caught.value)


def test_a_decay_has_one_of_two_kinds():
    with pytest.raises(ValueError, match=r"kind must be one of .*got 'l2'"):
        Decay("l2", 3)


@pytest.mark.parametrize(
    ("name", "w", "gradient", "error"),
    [
        ("w", [[4.0], [2.0]], column(1, 1), TypeError),
        ("w", column(4, 2).numpy(), column(1, 1), TypeError),
        ("w", column(4, NAN), column(1, 1), ValueError),
        ("w", column(4, 2, dtype=torch.int64), column(1, 1), TypeError),
        ("w", column(), column(), ValueError),
        ("gradient", column(4, 2), None, TypeError),
        ("gradient", column(4, 2), column(1, 1).T, ValueError),
        ("gradient", column(4, 2), column(1), ValueError),
        ("gradient", column(4, 2), column(1, 1, dtype=torch.float32), TypeError),
        ("gradient", column(4, 2), column(1, NAN), ValueError),
        ("gradient", column(4, 2), column(INF, 1), ValueError),
        ("gradient", column(4, 2), column(1, 1).to("meta"), ValueError),
    ],
)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_step_refuses_wrong_tensors_and_remembers_nothing_of_them(
    optimizer, name, w, gradient, error
):
    own = optimizer(0.1)
    before = own.step(column(4, 2), column(1, 3))
    untouched = copy.deepcopy(own)

    with pytest.raises(error, match=rf"^{name}\b.* must "):
        own.step(w, gradient)
    with pytest.raises(error, match=rf"^{name}\b.* must "):
        optimizer(0.1).step(w, gradient)

    after = own.step(before, column(2, 1))
    assert torch.equal(after, untouched.step(before, column(2, 1)))


@pytest.mark.parametrize(
    ("w", "error", "message"),
    [
        (
            column(4),
            ValueError,
            r"w must have shape \(2, 1\) .*\(1, 1\): take one",
        ),
        (column(4, 2).T, ValueError, r"w must have shape \(2, 1\) .*\(1, 2\)"),
        (column(4, 2)[..., None], ValueError, r"w must have shape \(2, 1\) as"),
        (column(4, 2, dtype=torch.float32), TypeError, r"w must have dtype .*float64"),
    ],
)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_one_optimiser_is_for_one_parameter(optimizer, w, error, message):
    own = optimizer(0.1)
    own.step(column(4, 2), column(1, 3))

    with pytest.raises(error, match=message):
        own.step(w, torch.ones_like(w))


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


@pytest.mark.parametrize(
    ("optimizer", "more"),
    [
        (SGD, [coupled(3)]),
        (Momentum, [0.9]),
        (Momentum, [coupled(3)]),
        (Adam, [(0.9, 0.999)]),
        (Adam, [1e-8]),
        (Adam, [coupled(3)]),
    ],
)
def test_only_the_learning_rate_may_go_without_its_name(optimizer, more):
    with pytest.raises(TypeError, match="positional argument"):
        optimizer(0.1, *more)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_optimiser_is_equal_to_itself_alone(optimizer):
    # Two that have walked hold tensors, which do not compare to one truth.
    own, other = optimizer(0.1), optimizer(0.1)
    for each in (own, other):
        each.step(column(4, 2), column(1, 3))

    assert own == own
    assert own != other
    assert len({own, other}) == 2

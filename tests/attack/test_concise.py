"""The network and its optimiser under attack."""

import torch
from attack.hostile import (
    REFUSED,
    assert_finite,
    attempt,
    bits,
    dtypes,
    hostile,
    maybe,
    normal,
    scales,
)
from hypothesis import given
from hypothesis import strategies as st

from weight_decay import concise


@given(data=st.data(), dtype=dtypes, scale=scales, p=st.integers(1, 4))
def test_a_network_starts_at_its_start_or_what_is_wrong_is_named(data, dtype, scale, p):
    w = maybe(data.draw, normal(p, 1, scale=scale, dtype=dtype), "w")
    b = maybe(data.draw, normal(1, dtype=dtype), "b")

    net = attempt(concise.linear_net, w=w, b=b)

    if net is not REFUSED:
        weight, bias = net.parameters()
        assert bits(weight) == bits(w)
        assert bits(bias) == bits(b)
        assert_finite(weight, bias)
        assert weight.untyped_storage().data_ptr() != w.untyped_storage().data_ptr()


@given(lambd=hostile(st.floats(0, 9)), lr=hostile(st.floats(1e-9, 9)))
def test_the_optimiser_decays_by_its_settings_or_names_the_wrong_one(lambd, lr):
    net = concise.linear_net(torch.ones(2, 1).double(), torch.ones(1).double())

    optimiser = attempt(concise.decaying_sgd, net=net, lambd=lambd, lr=lr)

    if optimiser is not REFUSED:
        decayed, spared = optimiser.param_groups
        assert (decayed["weight_decay"], spared["weight_decay"]) == (float(lambd), 0)
        assert decayed["lr"] == spared["lr"] == float(lr)
        assert {type(decayed["weight_decay"]), type(decayed["lr"])} == {float}
        assert_finite(decayed["weight_decay"], decayed["lr"])

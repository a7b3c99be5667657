"""The page "Which parameters should decay, and how do I tell PyTorch?"."""

import re

import pytest
import torch
from torch import nn

PAGE = "questions/parameter-groups.html"


@pytest.fixture(scope="module")
def decay_groups(pages):
    """The function that the page recommends, as it stands there."""
    cells = pages[PAGE].article.select(".cell_input pre")
    (cell,) = (cell for cell in cells if "def decay_groups" in cell.text)
    names = {}
    exec(cell.text, names)
    return names["decay_groups"]


def test_weights_decay_and_the_rest_is_spared(pages):
    decay, spare, numbers = pages[PAGE].printed[:3]

    assert decay == "decay: 0.weight, 4.weight, 6.weight"
    assert spare == "spare: 0.bias, 1.weight, 1.bias, 4.bias, 5.weight, 5.bias"
    assert numbers.split()[0] == str(8 * 9 + 16 * 288 + 10 * 16)
    assert numbers.split()[3] == str(8 + 8 + 8 + 16 + 16 + 16)
    (checked,) = (line for line in pages[PAGE].printed if "decayed by 0.99" in line)
    assert checked.partition(": ")[2] == decay.partition(": ")[2]


def test_the_three_networks_of_the_page(pages):
    printed = pages[PAGE].printed
    start = printed.index("decay: in_proj_weight, out_proj.weight")

    assert printed[start : start + 5] == [
        "decay: in_proj_weight, out_proj.weight",
        "spare: in_proj_bias, out_proj.bias",
        "decay: 0.weight",
        "spare: 1.bias",
        "should position decay? (a parameter of Module)",
    ]


@pytest.mark.parametrize(
    "model",
    [
        nn.TransformerEncoderLayer(8, 2),
        nn.TransformerDecoderLayer(8, 2),
        nn.LSTM(3, 4, num_layers=2, bidirectional=True, proj_size=2),
        nn.GRU(3, 4),
        nn.MultiheadAttention(8, 2, kdim=4, vdim=4, add_bias_kv=True),
        nn.Sequential(nn.Conv1d(2, 2, 1), nn.GroupNorm(1, 2), nn.RMSNorm(2)),
    ],
    ids=lambda model: type(model).__name__,
)
def test_every_parameter_is_in_one_group_and_a_bias_or_a_gain_in_the_second(
    decay_groups, model
):
    groups, decay, spare = decay_groups(model, 0.1)

    by_name = dict(model.named_parameters())
    assert sorted(decay + spare) == sorted(by_name)
    assert [group["weight_decay"] for group in groups] == [0.1, 0.0]
    for group, names in zip(groups, (decay, spare), strict=True):
        assert len(group["params"]) == len(names)
        for param, name in zip(group["params"], names, strict=True):
            assert param is by_name[name]
    for name in by_name:
        layer = model.get_submodule(name.rpartition(".")[0])
        is_norm = "Norm" in type(layer).__name__
        assert (name in spare) == (is_norm or "bias" in name)


def test_tied_weights_are_one_parameter(decay_groups):
    model = nn.Sequential(nn.Embedding(10, 4), nn.LSTM(4, 4), nn.Linear(4, 10))
    model[2].weight = model[0].weight
    groups, decay, _ = decay_groups(model, 0.1)

    assert "0.weight" in decay
    assert "2.weight" not in decay
    params = [id(param) for group in groups for param in group["params"]]
    assert sorted(params) == sorted(map(id, model.parameters()))
    torch.optim.AdamW(groups)  # warns or refuses if a parameter is there twice


@pytest.mark.parametrize("bias_first", [True, False])
def test_an_unknown_parameter_is_an_error_that_names_it(decay_groups, bias_first):
    class Scaled(nn.Linear):
        def __init__(self):
            super().__init__(2, 2)
            self.gain = nn.Parameter(torch.ones(2))

    weight_norm = nn.utils.parametrizations.weight_norm
    for layer, name in (
        (nn.Bilinear(2, 2, 2), "1.weight"),
        (Scaled(), "1.gain"),
        (nn.PReLU(), "1.weight"),
        (weight_norm(nn.Linear(2, 2)), "1.parametrizations.weight.original0"),
    ):
        model = nn.Sequential(nn.Linear(2, 2, bias=bias_first), layer)
        with pytest.raises(TypeError, match=f"should {name} decay"):
            decay_groups(model, 0.1)


def test_a_list_of_three_layers_forgets_an_lstm():
    model = nn.Sequential(nn.Embedding(10, 4), nn.LSTM(4, 4), nn.Linear(4, 10))
    layers = nn.Linear, nn.modules.conv._ConvNd, nn.Embedding

    decaying = [
        name
        for path, layer in model.named_modules()
        for name, _ in layer.named_parameters(path, recurse=False)
        if isinstance(layer, layers) and not name.endswith("bias")
    ]
    assert decaying == ["0.weight", "2.weight"]


def cells(page, header, count):
    """The rows of a table as cells, empty ones included."""
    head = page.article.select("tr")
    (row,) = (row for row in head if " ".join(row.text.split()) == header)
    rows = row.find_parent("table").select("tr")[1:]
    assert len(rows) == count
    return [[cell.text.strip() for cell in row.select("td")] for row in rows]


def test_usual_rules_fail_on_usual_layers(pages):
    header = "decays if decays wrongly is spared wrongly"
    shown = {rule: found for rule, *found in cells(pages[PAGE], header, 5)}

    # Sorted by hand, not by the function of the page.
    attention = nn.MultiheadAttention(8, 2, add_bias_kv=True)
    tensors = {"w": torch.ones(200)}
    for prefix, layer in {
        "debias": nn.Linear(8, 8),
        "body.0": nn.Conv2d(1, 8, 3),
        "body.1": nn.LayerNorm((8, 6, 6)),
        "attention": attention,
    }.items():
        tensors |= {f"{prefix}.{name}": p for name, p in layer.named_parameters()}
    should = {"w", "debias.weight", "body.0.weight"}
    should |= {"attention.in_proj_weight", "attention.out_proj.weight"}
    rules = {
        '"bias" not in name and "norm" not in name': lambda n, p: (
            not set(re.findall("bias|norm", n))
        ),
        'not name.endswith(".bias")': lambda n, p: n.rpartition(".")[2] != "bias",
        'name.endswith(".weight")': lambda n, p: n.split(".")[1:][-1:] == ["weight"],
        "p.ndim == 2": lambda n, p: len(p.shape) == 2,
        "p.ndim >= 2": lambda n, p: len(p.shape) > 1,
    }
    assert list(shown) == list(rules)
    for words, rule in rules.items():
        does = {name for name, p in tensors.items() if rule(name, p)}
        wrongly = [sorted(does - should), sorted(should - does)]
        assert shown[words] == [", ".join(names) for names in wrongly]
        assert any(shown[words])


def test_only_parameters_that_the_optimiser_was_given_decay(pages):
    rows = cells(pages[PAGE], "left of 1", 5)

    left = {kind: float(value) for kind, value in rows}
    assert left.pop("parameter") == 0.9
    others = {"plain tensor", "buffer", "in a Python list", "added later"}
    assert left == dict.fromkeys(others, 1)

    norm = nn.BatchNorm1d(2)
    net = nn.Module()
    net.layers = [norm]
    assert {name for name, _ in norm.named_buffers()} >= {"running_mean", "running_var"}
    assert "running_mean" not in dict(norm.named_parameters())
    assert list(net.parameters()) == []


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW])
def test_a_silent_group_is_not_spared(kind):
    def found(keys, **given):
        group = {"params": [nn.Parameter(torch.ones(1))]} | keys
        return kind([group], lr=0.1, **given).param_groups[0]["weight_decay"]

    assert found({}, weight_decay=0.3) == 0.3
    assert found({"weight_decay": 0}, weight_decay=0.3) == 0
    assert (found({}) > 0) == (kind is torch.optim.AdamW)

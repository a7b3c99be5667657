import torch

PAGE = "questions/parameter-groups.html"


def test_weights_decay_and_the_rest_is_spared(pages):
    printed = pages[PAGE].printed
    decay = [line.split()[1] for line in printed if line.startswith("decay ")]
    spare = [line.split()[1] for line in printed if line.startswith("spare ")]

    assert decay == ["0.weight", "4.weight", "6.weight"]
    assert spare == ["0.bias", "1.weight", "1.bias", "4.bias", "5.weight", "5.bias"]
    numbers = next(line for line in printed if line.endswith("do not"))
    assert numbers.split()[0] == str(8 * 9 + 16 * 288 + 10 * 16)
    assert numbers.split()[3] == str(8 + 8 + 8 + 16 + 16 + 16)
    (checked,) = (line for line in printed if line.startswith("decayed by 0.99"))
    assert checked.partition(": ")[2].split(", ") == decay


def test_counting_dimensions_misses_the_convolution(pages):
    (line,) = (line for line in pages[PAGE].printed if line.startswith("ndim == 2"))

    assert line.partition(": ")[2].split(", ") == ["4.weight", "6.weight"]


def test_the_defaults_are_those_of_pytorch(pages):
    shown = {
        line.split()[0]: float(line.split()[-1])
        for line in pages[PAGE].printed
        if "default weight_decay" in line
    }

    weight = torch.nn.Parameter(torch.ones(1))
    for name in ("SGD", "Adam", "AdamW"):
        optimizer = getattr(torch.optim, name)([weight], lr=0.1)
        assert shown.pop(name) == optimizer.defaults["weight_decay"]
    assert shown == {}

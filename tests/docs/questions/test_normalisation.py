import math

import pytest
from reading import numbers_of

PAGE = "questions/normalisation.html"


def test_the_length_does_not_matter(pages):
    lines = pages[PAGE].printed[:2]

    assert [line.split()[0] for line in lines] == ["BatchNorm1d", "LayerNorm"]
    assert all(float(line.split()[-1]) < 1e-3 for line in lines)


def test_the_gradient_is_square_and_falls_with_the_length(pages):
    rows = pages[PAGE].printed[3:6]
    lengths = [float(row.split()[3]) for row in rows]

    assert lengths == pytest.approx([lengths[0] / k for k in (1, 2, 4)], rel=1e-3)
    assert all(row.endswith("True") for row in rows)


def test_the_equilibrium_forgets_its_start(pages):
    rows = [numbers_of(row) for row in pages[PAGE].printed[7:13]]

    assert len(rows) == 6
    for lr, lambd, _, length, angle, expected in rows:
        # The exact balance: ‖w‖⁴ = η/(2λ − ηλ²), cos(angle) = 1 − ηλ.
        assert length == pytest.approx(
            (lr / (2 * lambd - lr * lambd**2)) ** 0.25, rel=2e-3
        )
        assert angle == pytest.approx(math.acos(1 - lr * lambd), rel=2e-3)
        assert expected == pytest.approx(math.sqrt(2 * lr * lambd), abs=1e-4)
    short, long = rows[::2], rows[1::2]
    assert [row[2] for row in short] == [0.3] * 3
    assert [row[2] for row in long] == [3] * 3
    # The first and the last setting share ηλ, and turn alike.
    assert rows[0][4] == pytest.approx(rows[-1][4], rel=2e-3)

"""The numbers of "From a penalty to a decay"."""

import math

from reading import agrees, numbers_of


def test_the_numbers_of_the_decay(pages):
    page = pages["chapter/decay.html"]

    taken, left = (text.removesuffix("%").rstrip() for text in page.glued)
    assert agrees(taken, 100 * 0.003 * 3)
    assert agrees(left, 100 * 0.991**400)
    difference, _, *table = page.printed
    assert numbers_of(difference)[0] < 1e-12
    for row, lambd in zip(table, (0, 3, 10), strict=True):
        factor = 1 - 0.003 * lambd
        shown_lambd, shown_factor, shown_half_life, shown_left = row.split()
        assert int(shown_lambd) == lambd
        assert agrees(shown_factor, factor)
        assert agrees(shown_left, factor**400)
        if lambd:
            assert agrees(shown_half_life, math.log(0.5) / math.log(factor))
        else:
            assert shown_half_life == "inf"

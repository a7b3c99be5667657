"""The numbers of "What does the L2 norm of w mean?"."""

from reading import agrees

from weight_decay import scratch

LAMBDAS = (0, 3, 10)


def test_the_numbers_of_the_question_about_the_norm(pages, runs):
    printed = pages["questions/norm.html"].printed
    lengths = printed.index(" λ     norm ‖w‖₂   squared ‖w‖₂²   penalty ½‖w‖₂²")
    sensitivity = printed.index(" λ    0.1 · ‖w‖₂    measured")

    for row, lambd in zip(printed[lengths + 1 : lengths + 4], LAMBDAS, strict=True):
        norm = runs[scratch, lambd].w_norm
        assert all(map(agrees, row.split(), [lambd, norm, norm**2, norm**2 / 2]))
    for row, lambd in zip(printed[sensitivity + 1 :][:3], LAMBDAS, strict=True):
        norm = runs[scratch, lambd].w_norm
        assert all(map(agrees, row.split(), [lambd, norm / 10]))

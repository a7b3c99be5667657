import math

import pytest
import torch
from reading import LABEL, agrees, numbers_of, table
from torch import nn

from weight_decay import ridge, scratch, synthetic_data


@pytest.fixture
def printed(pages):
    return pages["exercises/beyond.html"].printed


def line_of(printed, start):
    (line,) = (line for line in printed if line.startswith(start))
    return line


def test_each_exercise_has_a_folded_solution_that_ran(pages):
    exercises = pages["exercises/beyond.html"].article.select("section > section")

    numbers = [exercise.h2.text.split(".")[0] for exercise in exercises]
    assert numbers == ["11", "12", "13", "14", "15"]
    for exercise in exercises:
        (solution,) = exercise.select("details.solution")
        assert solution.select(".cell_output pre, .cell_output table")
        assert exercise.text.partition("Solution")[0].count("?") + (
            "Build" in exercise.p.text
        )
        assert LABEL.fullmatch(exercise.p.text)


def test_l1_zeros_come_as_predicted_and_only_by_the_proximal_step(printed):
    rows = printed[1:4]

    for row, lambd in zip(rows, (0.3, 1, 3), strict=True):
        shown, expected, proximal, by_gradient, _ = numbers_of(row)
        # |w₀| ≤ 400 ηλ, by the normal distribution function.
        gone = torch.special.ndtr(torch.tensor(400 * 0.003 * lambd)) * 2 - 1
        assert shown == lambd
        assert expected == round(200 * float(gone))
        # A binomial count: within three standard deviations of its mean.
        spread = math.sqrt(200 * float(gone * (1 - gone)))
        assert abs(proximal - expected) <= 3 * spread + 0.5
        assert by_gradient == 0


def test_a_model_of_zeros_is_no_success(printed, problem):
    *_, zeros, _, loss = numbers_of(printed[3])
    mean = printed[4].split()[-1]

    assert zeros == 200
    error = problem.y_test - problem.y_train.mean()
    assert agrees(mean, float((error**2).mean() / 2))
    assert loss > float(mean)


def test_ten_starts_leave_a_tenth(printed, problem):
    single = numbers_of(line_of(printed, "mean test loss of the ten"))[0]
    averaged = numbers_of(line_of(printed, "test loss of the average"))[0]
    runs = [scratch.train(problem, lambd=0, seed=seed) for seed in range(10)]

    assert single == pytest.approx(sum(r.test_loss[-1] for r in runs) / 10, abs=0.06)
    w = torch.stack([run.w for run in runs]).mean(0)
    b = torch.stack([run.b for run in runs]).mean(0)
    loss = scratch.squared_loss(scratch.linreg(problem.X_test, w, b), problem.y_test)
    assert averaged == pytest.approx(float(loss.mean()), abs=0.006)
    assert averaged == pytest.approx(9, rel=0.4)  # ½·180/10; it varies by 18 %


def noisy_run(problem, seed, lr=0.003, epochs=100):
    """Full gradients by hand: another route than the page's autograd."""
    generator = torch.Generator().manual_seed(seed)
    w = torch.normal(0.0, 1.0, (200, 1), generator=generator)
    b = torch.zeros(1)
    for _ in range(epochs):
        for rows in torch.randperm(20, generator=generator).split(5):
            X = problem.X_train[rows]
            X = X + 3**0.5 * torch.randn(X.shape, generator=generator)
            error = X @ w + b - problem.y_train[rows]
            w, b = w - lr / 5 * X.T @ error, b - lr * error.mean()
    loss = ((problem.X_test @ w + b - problem.y_test) ** 2).mean() / 2
    return float(w.norm()), float(loss)


def test_input_noise_comes_nearer_to_decay_with_smaller_steps(printed, problem):
    starts = ("λ = 3  ", "noise  ", "noise, η/4")
    decay, noisy, finer = (line_of(printed, s).split()[-3:] for s in starts)

    run = scratch.train(problem, 3)
    fresh = [180**0.5 * 0.991**400, run.w_norm, run.test_loss[-1]]
    assert all(map(agrees, decay, fresh))
    for row, lr, epochs in ((noisy, 0.003, 100), (finer, 0.00075, 400)):
        # E‖w‖² of a step: 1 − 2ηs² + η²s⁴ (1 + (p + 1)/B)
        factor = 1 - 6 * lr + 9 * lr**2 * (1 + 201 / 5)
        assert agrees(row[0], math.sqrt(180 * factor ** (4 * epochs)))
        norm, loss = noisy_run(problem, 0, lr, epochs)
        assert float(row[1]) == pytest.approx(norm, abs=0.006)
        assert float(row[2]) == pytest.approx(loss, abs=0.006)
        assert norm == pytest.approx(float(row[0]), rel=0.15)
    assert float(decay[1]) < float(finer[1]) < float(noisy[1])


def test_what_one_step_on_noise_does_to_the_weight_and_to_its_square():
    # Many steps from one weight, without data: p = 10, B = 2, large η for the effect.
    p, B, lr, variance, draws = 10, 2, 0.05, 3, 100_000
    stream = torch.Generator().manual_seed(0)
    w = torch.randn(p, dtype=torch.float64, generator=stream)
    noise = torch.randn(draws, B, p, dtype=torch.float64, generator=stream)
    noise *= variance**0.5
    stepped = w - lr / B * torch.einsum("kbp,kb->kp", noise, noise @ w)

    mean, square = stepped.mean(0), (stepped**2).sum(1).mean() / (w**2).sum()
    decay = 1 - lr * variance
    assert torch.allclose(mean, decay * w, atol=0.01)
    assert float(square) == pytest.approx(
        decay**2 + (p + 1) / B * lr**2 * variance**2, rel=0.01
    )


def test_the_soft_threshold_is_the_proximal_step_of_autograd_free_search(problem):
    # (a): the minimum of gᵀv + ‖v − w‖²/2η + λ‖v‖₁, by its subgradients.
    stream = torch.Generator().manual_seed(0)
    w, g = torch.randn(2, 50, dtype=torch.float64, generator=stream)
    lr, lambd = 0.3, 2.0
    u = w - lr * g
    v = torch.where(u.abs() > lr * lambd, u - lr * lambd * u.sign(), 0 * u)
    smooth = g + (v - w) / lr

    assert torch.allclose(smooth[v != 0], -lambd * v[v != 0].sign())
    assert bool((smooth[v == 0].abs() <= lambd).all())
    assert 5 < int((v == 0).sum()) < 45


STRANGE = {  # what the exercise asks for: does it decay?
    "scale": False,
    "words.weight": True,
    "debias.weight": True,
    "debias.bias": False,
    "norm.weight": False,
    "norm.bias": False,
    "head.bias": False,
}


def test_the_strange_network_fools_two_rules_and_not_the_function(pages):
    page = pages["exercises/beyond.html"]
    rows = table(page, "parameter  by name  by dimensions  a 1 becomes", len(STRANGE))

    assert [name for name, *_ in rows] == list(STRANGE)
    fooled = {"name": set(), "dimensions": set()}
    for name, by_name, by_dimensions, measured in rows:
        right = "0.99" if STRANGE[name] else "1"
        assert measured == right
        assert (by_name == "1") == ("bias" in name)
        fooled["name"] |= {name} - {name if by_name == right else ""}
        fooled["dimensions"] |= {name} - {name if by_dimensions == right else ""}
    assert fooled["name"] == {"scale", "debias.weight", "norm.weight"}
    assert fooled["dimensions"] == {"scale", "norm.weight", "norm.bias"}
    assert line_of(page.printed, "does scale of Strange decay?")


def test_the_function_asks_about_subclasses_and_shared_tensors_that_disagree(pages):
    code = pages["exercises/beyond.html"].article.select("pre")
    (text,) = (block.text for block in code if "def decay_groups" in block.text)
    names = {"nn": nn}
    exec(text.partition("model = Strange()")[0], names)
    decay_groups = names["decay_groups"]

    class Own(nn.Linear):
        pass

    for layer in (Own(2, 2), nn.Conv1d(1, 1, 1)):
        with pytest.raises(LookupError, match="weight"):
            decay_groups(nn.Sequential(layer), 0.1, {})
    shared = nn.Sequential(nn.Linear(2, 2), nn.LayerNorm((2, 2)))
    shared[1].weight = shared[0].weight
    with pytest.raises(ValueError, match="disagree"):
        decay_groups(shared, 0.1, {})
    tied = nn.Sequential(nn.Embedding(5, 2), nn.Linear(2, 5))
    tied[1].weight = tied[0].weight
    decay, spare = decay_groups(tied, 0.1, {})
    assert decay["params"] == [tied[0].weight]
    assert spare["params"] == [tied[1].bias]


def test_the_oracle_beats_the_best_ridge(printed, problem):
    expected, oracle, best = (
        line_of(printed, start).split()[-1]
        for start in ("expected about", "oracle", "best ridge")
    )
    # Least squares in one variable, by its textbook formula.
    z, z_test = (X.sum(1) for X in (problem.X_train, problem.X_test))
    y, y_test = problem.y_train[:, 0], problem.y_test[:, 0]
    slope = ((z - z.mean()) * y).sum() / ((z - z.mean()) ** 2).sum()
    error = y.mean() + slope * (z_test - z.mean()) - y_test

    assert agrees(expected, 0.01**2 / 2 * 1.1)
    assert agrees(oracle, float((error**2).mean() / 2))
    w, b = ridge.fit(problem, 0.05)
    loss = scratch.squared_loss(scratch.linreg(problem.X_test, w, b), problem.y_test)
    assert agrees(best, float(loss.mean()))
    assert 70 < float(best) / float(oracle) < 150  # "about a hundred times"


def test_a_fitted_parameter_costs_half_a_variance_over_n():
    # Least squares with one input and a bias, on 20 examples, many times.
    stream = torch.Generator().manual_seed(0)
    z, noise = torch.randn(2, 20_000, 20, dtype=torch.float64, generator=stream)
    z_c = z - z.mean(1, keepdim=True)
    slope = (z_c * noise).sum(1) / (z_c**2).sum(1)
    b = noise.mean(1) - slope * z.mean(1)
    loss = float((slope**2 + b**2 + 1).mean()) / 2  # over a new z ~ N(0, 1), σ = 1

    assert loss == pytest.approx(0.5 * (1 + 2 / 20), rel=0.03)


def test_adamw_decays_and_adam_does_not(printed):
    adamw, adam = (
        numbers_of(line_of(printed, name))[0] for name in ("AdamW ", "Adam ")
    )
    start = torch.normal(0.0, 1.0, (200, 1), generator=torch.Generator().manual_seed(0))
    least = (start.abs() - 1.2).clamp(min=0).norm()

    # χ with 180 degrees of freedom, 5 %, and what the data hold up.
    assert adamw == pytest.approx(180**0.5 * 0.991**400, rel=0.2)
    assert agrees(line_of(printed, "the least for Adam").split()[-1], float(least))
    assert adam > 1.5 * float(least)
    assert adam > 10 * adamw


def adam_norm(problem, batch_size=5, beta2=0.999):
    """Adam with the L2 penalty, written out; the norm after 400 steps."""
    stream = torch.Generator().manual_seed(0)
    w, b = torch.normal(0.0, 1.0, (200, 1), generator=stream), torch.zeros(1)
    moments, t = [[0 * w, 0 * w], [0 * b, 0 * b]], 0
    for _ in range(20 * batch_size):
        for rows in torch.randperm(20, generator=stream).split(batch_size):
            t += 1
            X = problem.X_train[rows]
            error = X @ w + b - problem.y_train[rows]
            steps = []
            gradients = X.T @ error / batch_size + 3 * w, error.mean()[None]
            for g, pair in zip(gradients, moments, strict=True):
                pair[:] = [
                    0.9 * pair[0] + 0.1 * g,
                    beta2 * pair[1] + (1 - beta2) * g**2,
                ]
                m, v = pair[0] / (1 - 0.9**t), pair[1] / (1 - beta2**t)
                steps.append(0.003 * m / (v.sqrt() + 1e-8))
            w, b = w - steps[0], b - steps[1]
    return float(w.norm())


def test_what_shortens_the_steps_of_adam(printed, problem):
    least, adam = (
        float(line_of(printed, name).split()[k])
        for name, k in (("the least for Adam", -1), ("Adam ", 1))
    )
    # Each cure helps, and both together most.
    full, forgetful, both = (
        adam_norm(problem, *case) for case in ((20,), (5, 0.9), (20, 0.9))
    )
    assert adam == pytest.approx(adam_norm(problem), rel=0.01)
    assert adam > full > both
    assert adam > forgetful > both
    assert least < both < 1.1 * least


def test_with_small_batches_the_mean_gradient_is_shorter_than_its_root_mean_square():
    problem = synthetic_data()
    w, lambd = scratch.train(problem, 0, epochs=1).w_init, 3
    residual = problem.X_train @ w - problem.y_train
    batches = [
        rows
        for seed in range(50)
        for rows in torch.randperm(
            20, generator=torch.Generator().manual_seed(seed)
        ).split(5)
    ]
    gradients = torch.stack(
        [problem.X_train[r].T @ residual[r] / 5 + lambd * w for r in batches]
    )

    ratio = gradients.mean(0).abs() / (gradients**2).mean(0).sqrt()

    assert float(ratio.mean()) < 0.7

"""The numbers of the summary, and the one that the first page takes from it."""

from reading import agrees, half_mse

from weight_decay import concise, scratch, synthetic_data


def rows_of(pages):
    return [line.split() for line in pages["chapter/summary.html"].printed]


def test_the_table_of_the_summary_is_that_of_six_fresh_runs(pages, problem, runs):
    table = rows_of(pages)[1:8]

    for row, (module, lambd) in zip(table[:6], runs, strict=True):
        run = runs[module, lambd]
        unit = {"half squared error": 2, "squared error": 1}[run.loss_unit]
        assert row[:2] == [module.__name__.split(".")[1], str(lambd)]
        assert agrees(row[2], run.w_norm)
        # The last one is made of rounding errors, and they may differ.
        noise = (module, lambd) == (concise, 0)
        assert agrees(row[3], unit * run.train_loss[-1]) or noise
        assert agrees(row[4], unit * run.test_loss[-1])
    assert float(table[3][3]) < 1e-9
    mean = problem.y_train.mean()
    assert table[6][:4] == ["mean", "of", "the", "targets"]
    assert agrees(table[6][-2], 2 * half_mse(mean, problem.y_train))
    assert agrees(table[6][-1], 2 * half_mse(mean, problem.y_test))


def test_the_answers_are_those_of_fresh_runs(pages, problem):
    rows = rows_of(pages)[8:]
    noise, time, start = rows[1:5], rows[6:11], rows[12:14]

    noisy = synthetic_data(noise_std=1)
    for lambd, row in zip((0, 3, 10), noise[:3], strict=True):
        assert agrees(row[1], scratch.train(noisy, lambd).test_loss[-1])
    assert agrees(noise[3][1], half_mse(noisy.y_train.mean(), noisy.y_test))

    long = scratch.train(problem, 3, epochs=400)
    for epoch, loss in time:
        assert agrees(loss, long.test_loss[long.epochs.index(int(epoch))])
    # Near the floor soon after epoch 100, far from it before.
    assert float(time[0][1]) > 100 * float(time[4][1])
    assert float(time[2][1]) < 2 * float(time[4][1])

    small = 0.01 * scratch.train(problem, 0).w_init
    for lambd, row in zip((0, 3), start, strict=True):
        run = scratch.train(problem, lambd, w_init=small)
        assert agrees(row[1], run.test_loss[-1])


def test_the_first_page_names_the_norm_that_decay_leaves(pages):
    (shown,) = pages["index.html"].glued

    assert agrees(shown, 180**0.5 * 0.991**400)

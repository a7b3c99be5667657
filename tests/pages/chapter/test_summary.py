"""The numbers of the summary, and the one that the first page takes from it."""

from reading import agrees

from weight_decay import concise, scratch


def test_the_table_of_the_summary_is_that_of_six_fresh_runs(pages, problem, runs):
    rows = pages["chapter/summary.html"].article.table.tbody.find_all("tr")
    table = [[cell.text.strip() for cell in row.find_all("td")] for row in rows]

    for row, (module, lambd) in zip(table[:6], runs, strict=True):
        run = runs[module, lambd]
        unit = {"half squared error": 2, "squared error": 1}[run.loss_unit]
        assert row[1] == str(lambd)
        assert agrees(row[2], run.w_norm)
        # The last one is made of rounding errors, and they may differ.
        noise = (module, lambd) == (concise, 0)
        assert agrees(row[3], unit * run.train_loss[-1]) or noise
        assert agrees(row[4], unit * run.test_loss[-1])
    assert float(table[3][3]) < 1e-9
    assert [row[0] for row in table[:6]] == ["scratch", "", "", "concise", "", ""]
    constant = float(((problem.y_test - 0.05) ** 2).mean())
    assert agrees(table[6][4], constant)

    in_prose = pages["chapter/summary.html"].glued[3 * 6 + 1 :]
    left = [180**0.5 * (1 - 0.003 * lambd) ** 400 for lambd in (0, 3, 10)]
    losses = [2 * runs[scratch, lambd].test_loss[-1] for lambd in (0, 10)]
    fresh = [*left, *losses, constant]
    assert all(map(agrees, in_prose, fresh))
    assert len(in_prose) == len(fresh)


def test_the_first_page_names_the_norm_that_decay_leaves(pages):
    (shown,) = pages["index.html"].glued

    assert agrees(shown, 180**0.5 * 0.991**400)

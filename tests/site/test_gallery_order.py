from gallery_order import by_number


def test_scripts_are_sorted_by_their_number():
    names = ["plot_10_adam.py", "plot_2_concise.py", "plot_1_from_scratch.py"]

    assert sorted(names, key=by_number) == names[::-1]
    assert by_number("somewhere/else_3/plot_12_last.py") == (12, "plot_12_last.py")


def test_a_name_without_a_number_comes_first():
    assert sorted(["plot_1_a.py", "plot.py"], key=by_number) == [
        "plot.py",
        "plot_1_a.py",
    ]

"""What a cell prints does not depend on how its kernel cuts it into messages."""

import itertools

import steady_streams
from myst_nb.core import render, utils
from nbformat.v4 import new_output

PRINTED = "one\n\n  two \nthree\n"


def test_every_cut_gives_the_same(monkeypatch) -> None:
    monkeypatch.setattr(render, "coalesce_streams", utils.coalesce_streams)
    assert cuts_differ()  # MyST-NB alone

    steady_streams.setup(None)

    assert not cuts_differ()
    (output,) = render.coalesce_streams([new_output("stream", text=PRINTED)])
    assert output["text"] == PRINTED


def cuts_differ() -> bool:
    """Tell whether pieces of the same text come out differently."""
    results = set()
    for cut, again in itertools.combinations(range(len(PRINTED) + 1), 2):
        pieces = (PRINTED[:cut], PRINTED[cut:again], PRINTED[again:])
        outputs = [new_output("stream", text=piece) for piece in pieces if piece]
        (output,) = render.coalesce_streams(outputs)
        results.add(output["text"])
    return len(results) > 1


def test_streams_and_pictures_keep_their_places() -> None:
    picture = new_output("display_data", data={"text/plain": "picture"})
    outputs = [
        new_output("stream", name="stdout", text="a"),
        new_output("stream", name="stderr", text="b"),
        picture,
        new_output("stream", name="stdout", text="c"),
    ]

    result = steady_streams.joined(outputs)

    assert [output.get("text") for output in result] == ["ac", "b", None]
    assert result[2] is picture
    assert outputs[0]["text"] == "a"  # the notebook itself stays as it was

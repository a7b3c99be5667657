"""Every check finds its fault on a tiny page, and nothing on a page without it."""

import base64
import io

import checks
import numpy as np
import pytest
from PIL import Image, ImageDraw


def png(ground="white", ink="black"):
    """The address of a picture of 160 × 80 pixels: a line on a ground."""
    image = Image.new("RGB", (160, 80), ground)
    ImageDraw.Draw(image).line((0, 0, 160, 80), fill=ink, width=3)
    file = io.BytesIO()
    image.save(file, "png")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


WIDE = f"<math>{'<mi>w</mi><mo>+</mo>' * 60}</math>"
CLEAN = (
    '<a href="#main">Skip</a><main id="main"><article><h1>A page</h1><p>Text and '
    '<math><mi>w</mi></math>, <a href="#main">back</a></p>'
    f'<img alt="A line." src="{png()}" width="80" height="40">'
    "<details><summary>More</summary><p>Folded</p></details></article></main>"
)
STYLE = "<style>:focus-visible { outline: 2px solid blue; position: relative }</style>"


@pytest.fixture
def show(look, tmp_path):
    """A function that shows a page with this body on a phone, and returns the visit."""

    def show(body):
        file = tmp_path / "index.html"
        head = (
            "<meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        )
        file.write_text(
            f'<!doctype html><html lang="en"><head>{head}<title>Tiny</title>{STYLE}'
            f"</head><body>{body}</body></html>",
            "utf-8",
        )
        return look(file.as_uri(), phone=True)

    return show


def test_a_clean_page_has_no_faults(show, tmp_path):
    visit = show(CLEAN)

    assert visit.errors == visit.foreign == []
    for check in (checks.sideways, checks.formulas, checks.accessibility, checks.walk):
        assert check(visit.window) == [], check.__name__
    assert checks.drawn(visit.window, tmp_path) == []
    picture = checks.pixels(visit.window.locator("img"))
    assert checks.legible(picture, checks.pixels(visit.window)) == []


@pytest.mark.parametrize(
    ("body", "check"),
    [
        ('<p style="width: 600px">Wide</p>', checks.sideways),
        (f'<div style="overflow-x: auto">{CLEAN}{WIDE}</div>', checks.sideways),
        ("<math></math>", checks.formulas),
        (f'<div style="overflow: hidden">{WIDE}</div>', checks.formulas),
        ("<button></button>", checks.accessibility),
        ('<p style="color: #bbb">Pale</p>', checks.accessibility),
        (
            '<pre><i>A</i><span style="color: #bbb">word</span></pre>',
            checks.accessibility,
        ),
        ('<button>First</button><a href="#a">Skip</a>', checks.walk),
        (f'{CLEAN}<a href="#a" style="outline: none">No ring</a>', checks.walk),
        (
            f'{CLEAN}<a href="#" style="position: fixed; left: -9em">Off</a>',
            checks.walk,
        ),
        (f'{CLEAN}<a href="#a" tabindex="2">Jumps</a>', checks.walk),
        (
            '<a href="#">Skip</a><article style="display: flex; flex-direction:'
            'column-reverse"><a href="#a">Below</a><a href="#b">Above</a></article>',
            checks.walk,
        ),
        (
            '<a href="#">Skip</a><a href="#a" onblur="this.focus()">Trap</a>'
            '<a href="#b">Out of reach</a>',
            checks.walk,
        ),
    ],
)
def test_a_fault_is_found(show, body, check):
    assert check(show(body).window)


@pytest.mark.parametrize(
    "body", ["<script>nothing.at_all()</script>", '<img src="lost.png" alt="">']
)
def test_an_error_of_the_page_is_heard(show, body):
    assert show(body).errors


def test_a_request_to_another_host_is_seen(show, site):
    assert show(f'<script src="{site}_static/book.js"></script>').foreign


@pytest.mark.parametrize(
    "attributes",
    [
        'src="lost.png" width="80" height="40"',
        f'src="{png()}"',
        f'src="{png()}" width="80" height="80"',
        'src="small.png" width="80" height="40"',
    ],
)
def test_a_picture_that_is_not_well_shown_is_found(show, tmp_path, attributes):
    Image.new("RGB", (80, 40)).save(tmp_path / "small.png")

    assert checks.drawn(show(f"<img {attributes}>").window, tmp_path)


@pytest.mark.parametrize(
    ("figure", "page"),
    [
        (("white", "black"), "#131416"),  # a white figure in the dark
        (("white", "#bbbbbb"), "white"),  # pale ink
    ],
)
def test_a_figure_that_glares_or_is_pale_is_found(show, figure, page):
    window = show(f'<img src="{png(*figure)}">').window
    around = np.asarray(Image.new("RGB", (9, 9), page))

    assert checks.legible(checks.pixels(window.locator("img")), around)

"""Every check finds its fault on a tiny page, and nothing on a page without it."""

import base64
import io

import checks
import pytest
from conftest import served
from PIL import Image, ImageDraw
from reading import Page

GOOD_ALT = "Two lines that cross in the middle of the picture."


def png(width=80, height=40, ground="white", ink="black"):
    """The address of a picture: a line on a ground."""
    image = Image.new("RGB", (width, height), ground)
    ImageDraw.Draw(image).line((0, 0, width, height), fill=ink, width=3)
    file = io.BytesIO()
    image.save(file, "png")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


CLEAN = (
    '<a href="#main">Skip</a><nav><a href="#main">The page</a></nav>'
    '<main id="main" tabindex="-1"><article><h1>A page</h1><h2>A part</h2><p>Text and '
    "<math><mi>w</mi><mo>=</mo><mn>3</mn></math>.</p>"
    f'<figure><img alt="{GOOD_ALT}" src="{png()}" width="80" height="40">'
    "<figcaption>A picture</figcaption></figure>"
    "<details><summary>More</summary><p>Folded</p></details>"
    '<p><a href="#main">Back</a> <button>Press</button></p></article></main>'
)
DESCRIPTION = '<meta name="description" content="A page that has no faults at all.">'


@pytest.fixture
def parsed(tiny, tmp_path):
    """A tiny page as the checks of the HTML take it."""

    def parse(body, **options):
        tiny(body, **options)
        return Page(tmp_path, "index.html")

    return parse


@pytest.fixture
def shown(tiny, chromium):
    """A tiny page in a window."""
    with chromium.new_context(viewport={"width": 390, "height": 800}) as context:

        def show(body, **options):
            page = context.new_page()
            visit = checks.Visit(page, tiny(body, **options))
            return page, visit

        yield show


# -- In the HTML --------------------------------------------------------------


def test_a_clean_page_has_no_faults(parsed, shown):
    page = parsed(CLEAN, head=DESCRIPTION)
    assert checks.headings(page) == []
    assert checks.ids(page) == []
    assert checks.pictures(page) == []
    assert checks.links(page, {"index.html": page}) == []
    assert checks.head(page) == []

    window, visit = shown(CLEAN, head=DESCRIPTION)
    assert visit.console() == []
    assert visit.foreign() == []
    assert checks.sideways(window) == []
    assert checks.formulas(window) == []
    assert checks.drawn(window) == []
    assert checks.accessibility(window) == []
    tree = checks.Tree(window)
    assert checks.landmarks(tree) == []
    assert checks.outline(tree) == []
    assert checks.spoken_formulas(tree, 1) == []
    assert checks.spoken_pictures(tree, page) == []
    assert checks.folds(tree, 1) == []
    assert checks.nameless(tree) == []
    stops = checks.walk(window)
    assert checks.first_stop(stops) == []
    assert checks.unreached(window, stops) == []
    assert checks.out_of_order(stops) == []
    assert checks.unseen(stops) == []


@pytest.mark.parametrize(
    "body", ["<h2>A</h2>", "<h1>A</h1><h1>B</h1>", "<h1>A</h1><h3>B</h3>", "<p>A</p>"]
)
def test_a_broken_outline_is_found(parsed, body):
    assert checks.headings(parsed(body))


def test_an_id_that_is_there_twice_is_found(parsed):
    assert checks.ids(parsed('<p id="a">A</p><p id="a">B</p>'))


@pytest.mark.parametrize(
    "image",
    [
        '<img src="a.png">',
        '<img src="a.png" alt="">',
        '<img src="a.png" alt="A figure">',
        '<img src="a.png" alt="../_images/one two three four five.png">',
        '<div class="sphx-glr-thumbcontainer"><img src="a.png" alt=""><a></a></div>',
    ],
)
def test_a_picture_without_words_is_found(parsed, image):
    assert checks.pictures(parsed(image))


@pytest.mark.parametrize(
    "tag", ['<a href="lost.html">', '<a href="#lost">', '<img src="lost.png">']
)
def test_a_dead_address_is_found(parsed, tag):
    page = parsed(tag)

    assert checks.links(page, {"index.html": page})


def test_a_page_without_language_or_description_is_found(parsed):
    assert checks.head(parsed(CLEAN, head=DESCRIPTION, attributes=""))
    assert checks.head(parsed(CLEAN))
    assert checks.head(parsed(CLEAN, head=2 * DESCRIPTION))


# -- In the browser -----------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        "<script>console.error('Oh')</script>",
        "<script>nothing.at_all()</script>",
        '<img src="lost.png">',
        "<script>fetch('index.html')</script>",  # not allowed from a folder
    ],
)
def test_an_error_of_the_page_is_found(shown, body):
    _, visit = shown(body)

    assert visit.console()


def test_a_request_to_another_host_is_found(shown, tmp_path):
    with served(tmp_path) as other:
        _, visit = shown(f'<img src="{other}picture.png">')

    assert visit.foreign() == [f"asks {other}picture.png"]


def test_what_a_page_loads_is_weighed(tiny, chromium, tmp_path):
    (tmp_path / "some.css").write_text("p { color: black }")
    tiny("<p>A</p>", head='<link rel="stylesheet" href="some.css?v=1">')
    with served(tmp_path) as address, chromium.new_context() as context:
        visit = checks.Visit(context.new_page(), address)

        files = visit.files(tmp_path, address)
    assert {"index.html", "some.css"} <= {file.name for file in files}


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ('<p style="color: #bbb">Pale</p>', "color-contrast"),
        (
            '<pre><span>A</span> <span style="color: #bbb">word</span></pre>',
            "color-contrast",
        ),
        ("<button></button>", "button-name"),
        ('<p role="heading">A</p>', "aria-required-attr"),
        (f"<pre style='overflow: auto'>{'wide ' * 99}</pre>", "scrollable-region"),
    ],
)
def test_axe_looks_at_the_page(shown, body, rule):
    window, _ = shown(CLEAN.replace("<details>", body + "<details>"))

    assert [found for found in checks.accessibility(window) if rule in found]


def test_axe_gets_in_where_a_policy_forbids_scripts(shown):
    policy = "<meta http-equiv='Content-Security-Policy' content=\"script-src 'none'\">"
    window, visit = shown(CLEAN + "<button></button>", head=policy)

    assert [found for found in checks.accessibility(window) if "button-name" in found]
    assert visit.console() == []


@pytest.mark.parametrize(
    "body",
    [
        '<article><div style="width: 600px">Wide</div></article>',
        '<div style="overflow-x: auto"><article><p style="width: 600px">A</p></article>'
        "</div>",
    ],
)
def test_sideways_scrolling_is_found(shown, body):
    window, _ = shown(body)

    assert checks.sideways(window)


WIDE = f"<math>{'<mi>w</mi><mo>+</mo>' * 60}</math>"


@pytest.mark.parametrize(
    "body",
    [
        "<math></math>",
        '<div style="display: none"><math><mi>w</mi></math></div>',
        f'<div style="overflow: hidden">{WIDE}</div>',
        f'<div style="overflow: auto">{WIDE}</div>',  # not by a key
        WIDE,
    ],
)
def test_a_formula_that_is_not_there_or_cut_is_found(shown, body):
    window, _ = shown(body)

    assert checks.formulas(window)


def test_a_formula_that_scrolls_is_none(shown):
    window, _ = shown(f'<div style="overflow: auto" tabindex="0">{WIDE}</div>')

    assert checks.formulas(window) == []


@pytest.mark.parametrize(
    "attributes",
    [
        'src="lost.png" width="80" height="40"',
        f'src="{png()}"',
        f'src="{png()}" width="80" height="80"',
    ],
)
def test_a_picture_that_is_not_well_shown_is_found(shown, attributes):
    window, _ = shown(f'<img alt="{GOOD_ALT}" {attributes}>')

    assert checks.drawn(window)


def test_a_picture_with_too_few_pixels_is_found(shown, tmp_path):
    Image.new("RGB", (80, 40)).save(tmp_path / "some.png")
    address = tmp_path.as_uri() + "/"

    window, _ = shown('<img src="some.png" width="80" height="40">')
    assert checks.drawn(window, tmp_path, address) == [
        "not sharp: 80 pixels of some.png"
    ]
    window, _ = shown('<img src="some.png" width="40" height="20">')
    assert checks.drawn(window, tmp_path, address) == []


# -- By keyboard --------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "check"),
    [
        ('<button>First</button><a href="#main">Skip</a>', checks.first_stop),
        ('<a href="#a" style="outline: none">No ring</a>', checks.unseen),
        ('<a href="#a" style="position: fixed; left: -9em">Off</a>', checks.unseen),
        ('<a href="#a" tabindex="2">Jumps</a>', checks.out_of_order),
        (
            '<article style="display: flex; flex-direction: column-reverse">'
            '<a href="#a">Below</a><a href="#b">Above</a></article>',
            checks.out_of_order,
        ),
    ],
)
def test_a_fault_of_the_keyboard_is_found(shown, body, check):
    window, _ = shown(body)

    assert check(checks.walk(window))


def test_a_trap_is_found(shown):
    window, _ = shown(
        '<button id="a">In</button><a href="#a">Out of reach</a><script>'
        "document.getElementById('a').addEventListener('keydown', (event) => "
        "{ if (event.key === 'Tab') event.preventDefault(); })</script>"
    )

    assert checks.unreached(window, checks.walk(window))


# -- For a screen reader ------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "check"),
    [
        ("<p>No main part</p>", checks.landmarks),
        ("<main></main><nav>A</nav><nav>B</nav>", checks.landmarks),
        ("<h1>A</h1><p role='heading' aria-level='3'>B</p>", checks.outline),
        ("<div role='heading' aria-level='2'>B</div>", checks.outline),
        ("<a href='#a'></a>", checks.nameless),
        ("<button><svg></svg></button>", checks.nameless),
    ],
)
def test_a_fault_of_the_tree_is_found(shown, body, check):
    window, _ = shown(body)

    assert check(checks.Tree(window))


def test_a_formula_as_a_picture_of_dots_is_found(shown):
    window, _ = shown("<span class='math'>w</span>")

    assert checks.spoken_formulas(checks.Tree(window), 1)


def test_a_formula_without_words_is_found(shown):
    window, _ = shown("<math><mspace width='1em'/></math>")

    assert checks.spoken_formulas(checks.Tree(window), 1)


def test_a_hidden_picture_is_found(shown, parsed):
    body = f'<img alt="{GOOD_ALT}" src="{png()}" aria-hidden="true">'
    window, _ = shown(body)

    assert checks.spoken_pictures(checks.Tree(window), parsed(body))


def test_a_fold_that_only_a_script_knows_is_found(shown):
    window, _ = shown("<p onclick='alert(1)'>More</p>")

    assert checks.folds(checks.Tree(window), 1)


# -- In both themes -----------------------------------------------------------


@pytest.mark.parametrize(
    ("ground", "ink", "page"),
    [
        ("white", "black", (19, 20, 22)),  # a white figure in the dark
        ("white", "#bbbbbb", (255, 255, 255)),  # pale ink
    ],
)
def test_a_figure_that_glares_or_is_pale_is_found(shown, ground, ink, page):
    window, _ = shown(f'<img src="{png(200, 100, ground, ink)}">')

    assert checks.legible(checks.pixels_of(window.locator("img")), page)


def test_a_legible_figure_is_none(shown):
    window, _ = shown(f'<img src="{png(200, 100)}">')

    assert (
        checks.legible(checks.pixels_of(window.locator("img")), (255, 255, 255)) == []
    )


def test_bright_patches_on_a_dark_figure_are_found(shown):
    patch = "<div style='background: white; height: 30px; width: 100px'></div>"
    window, _ = shown(
        f"<div id='a' style='background: #131416; height: 100px'>{patch}</div>"
    )

    pixels = checks.pixels_of(window.locator("#a"))
    assert [
        fault for fault in checks.legible(pixels, (19, 20, 22)) if "bright" in fault
    ]


def test_colours_that_some_cannot_tell_apart_are_found(shown):
    red, green = "#c55a11", "#7f7f00"
    stripe = "<div style='background: {}; height: 30px'></div>"
    space = "<div style='height: 60px'></div>"
    window, _ = shown(
        f"<div id='a'>{stripe.format(red)}{space}{stripe.format(green)}</div>"
    )
    figure = window.locator("#a")
    masks = [checks.near(checks.pixels_of(figure), colour) for colour in (red, green)]

    found = {}
    for sight in checks.SIGHTS:
        with checks.seen_with(window, sight):
            found[sight] = checks.confused(checks.pixels_of(figure), *masks)
    assert found["none"] == []
    assert found["deuteranopia"]

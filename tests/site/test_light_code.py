import re
from pathlib import Path
from types import SimpleNamespace

import light_code
import pytest
from light_code import lighten
from pygments.token import STANDARD_TYPES


def light(body):
    context = {"body": body}
    lighten(SimpleNamespace(), "page", "page.html", context, None)
    return context["body"]


def test_plain_tokens_lose_their_span_and_others_keep_it():
    code = '<span class="k">if</span><span class="w"> </span><span class="n">x</span>'

    assert light(code) == '<span class="k">if</span> x'
    assert light('<span class="n">a &lt; b</span>') == "a &lt; b"
    assert light('<code><span class="pre">w</span></code>') == "<code>w</code>"
    assert light('<span class="n"><span class="pre">x</span></span>') == "x"
    assert light('<span class="nn">torch</span>') == '<span class="nn">torch</span>'


def test_a_page_without_a_body_stays_as_it_is():
    context = {}

    lighten(SimpleNamespace(), "search", "search.html", context, None)
    assert context == {}


def test_the_text_of_a_page_is_the_same(book, pages):
    # What is left out has no colour of its own in either theme.
    sheet = (book / "_static" / "pygments.css").read_text("utf-8")
    colours = re.findall(r"\.highlight \.(\w+) \{ color: (#\w+)", sheet)
    own = {name for name, _ in colours}
    base = set(re.findall(r"\.highlight *\{[^}]*color: (#\w+)", sheet))
    for token in ("n", "p"):
        assert token in STANDARD_TYPES.values()
        assert token not in own or {c for name, c in colours if name == token} <= base
    for page in pages.values():
        unread = "article span.n, article span.p, article span.pre"
        assert not page.html.select(unread)
    sheets = [book / "_static" / name for name in ("all.css", "print.css")]
    for sheet in [*sheets, Path(light_code.__file__).with_name("epub_book.css")]:
        assert not re.search(r"\.pre\b(?!-)", sheet.read_text("utf-8")), sheet.name


@pytest.mark.parametrize("token", ["k", "s2", "mi", "c1"])
def test_what_has_a_colour_keeps_it(pages, token):
    page = pages["auto_examples/plot_1_from_scratch.html"]

    assert page.html.select(f".highlight span.{token}")

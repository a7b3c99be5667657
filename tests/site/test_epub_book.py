"""From a page of the site to a page for an e-reader, and to the same file each time."""

import shutil
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from bs4 import BeautifulSoup
from epub_book import tidy
from mathml import _as_mathml_3
from PIL import Image
from sphinx.testing.util import SphinxTestApp

STATIC = Path(__file__).parents[2] / "docs" / "_static"
MATHML = "http://www.w3.org/1998/Math/MathML"


def tidied(body):
    return BeautifulSoup(tidy(body, lambda address: 640), "html.parser")


def test_of_two_sizes_the_larger_is_shown_as_wide_as_the_smaller():
    image = tidied('<img src="a.png" srcset="a.png, a2.png 2.00x" alt="A." />').img

    assert image.attrs == {"src": "a2.png", "alt": "A.", "width": "640"}


def test_a_single_picture_stays_as_it_is():
    assert tidy('<img alt="A." src="a.png"/>', int) == '<img alt="A." src="a.png"/>'


def test_folded_code_stands_open_without_its_switch():
    page = tidied(
        '<details class="admonition hide above-input"><summary><p>Show</p></summary>'
        "<pre>code</pre></details>"
    )

    assert str(page) == '<div class="folded-code"><pre>code</pre></div>'


def test_cards_become_a_list_of_links():
    page = tidied(
        '<div class="sphx-glr-thumbnails"><div class="sphx-glr-thumbcontainer" '
        'tooltip="T"><img alt="" src="t.png"/><p><a class="reference" href="a.xhtml">A'
        '</a></p><div class="sphx-glr-thumbnail-title">A</div></div></div>'
    )

    assert str(page) == (
        '<ul class="simple"><li><a class="reference" href="a.xhtml">A</a></li></ul>'
    )


def test_downloads_scripts_and_deprecated_roles_are_left_out():
    page = tidied(
        '<p class="sphx-glr-download-link-note">Go</p><script>1</script>'
        '<div class="sphx-glr-footer">Get</div><div role="doc-biblioentry">B</div>'
    )

    assert str(page) == "<div>B</div>"


@pytest.mark.parametrize(
    ("core", "older"),
    [
        (
            '<mfrac displaystyle="false"><mi>a</mi><mi>b</mi></mfrac>',
            '<mstyle displaystyle="false"><mfrac><mi>a</mi><mi>b</mi></mfrac></mstyle>',
        ),
        (
            '<mtable displaystyle="true" scriptlevel="0"><mtr><mtd><mfrac '
            'displaystyle="false"><mi>a</mi><mi>b</mi></mfrac></mtd></mtr></mtable>',
            '<mstyle scriptlevel="0"><mtable displaystyle="true"><mtr><mtd><mstyle '
            'displaystyle="false"><mfrac><mi>a</mi><mi>b</mi></mfrac></mstyle></mtd>'
            "</mtr></mtable></mstyle>",
        ),
        ("<mi>x</mi><mo>&lt;</mo>", "<mi>x</mi><mo>&lt;</mo>"),
    ],
)
def test_style_of_a_formula_moves_to_where_mathml_3_allows_it(core, older):
    start = f'<math xmlns="{MATHML}" display="block">'

    assert _as_mathml_3(f"{start}{core}</math>") == f"{start}{older}</math>"


CONF = """\
from datetime import UTC, datetime
project = author = project_copyright = "Tiny"
html_static_path = ["_static"]
version = "1"
extensions = ["myst_parser", "mathml", "epub_book"]
myst_enable_extensions = ["dollarmath"]
html_math_renderer = "mathml"
mathml_font = "fonts/stix-two-math-subset.woff2"
epub_basename = "tiny"
epub_description = "A tiny book."
epub_identifier = "urn:uuid:5edcc7b9-5301-5b7a-88c9-ca7d140f6578"
epub_uid = "book"
epub_use_index = False
epub_tocscope = "includehidden"
epub_book_date = datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC)
"""
INDEX = """\
# Tiny

![A grey square for a test.](grey.png)

```{toctree}
:caption: The part
:hidden:

one
two
```
"""


@pytest.fixture
def epub(tmp_path):
    """Build a tiny book into a folder of this name."""

    def build(name):
        source = tmp_path / name
        shutil.copytree(STATIC / "fonts", source / "_static" / "fonts")
        shutil.copy(STATIC / "mathml.css", source / "_static")
        (source / "conf.py").write_text(CONF, "utf-8")
        (source / "index.md").write_text(INDEX, "utf-8")
        (source / "one.md").write_text("# One & all\n\n$x$\n\n## Section\n", "utf-8")
        (source / "two.md").write_text("# Two\n\nWords.\n", "utf-8")
        Image.new("RGB", (9, 9), "grey").save(source / "grey.png")
        (source / "_build/epub/_images").mkdir(parents=True)
        (source / "_build/epub/_images/old.png").touch()
        app = SphinxTestApp("epub", srcdir=source)
        try:
            app.build()
            assert app.warning.getvalue() == ""
            return app.outdir / "tiny.epub"
        finally:
            app.cleanup()

    return build


def test_two_builds_make_the_same_file(epub):
    first, second = epub("first"), epub("second")

    assert first.read_bytes() == second.read_bytes()
    with zipfile.ZipFile(first) as archive:
        dates = {entry.date_time for entry in archive.infolist()}
    assert dates == {datetime(2026, 1, 2, 3, 4, 6, tzinfo=UTC).timetuple()[:6]}


def test_the_package_document_tells_what_the_pages_hold(epub):
    with zipfile.ZipFile(epub("book")) as archive:
        names = archive.namelist()
        nav = BeautifulSoup(archive.read("nav.xhtml"), "html.parser")
        package = ET.fromstring(archive.read("content.opf"))
        old = ET.fromstring(archive.read("toc.ncx"))

    items = package.iterfind(".//{*}item")
    declared = {item.get("href"): item.get("properties") for item in items}
    assert declared["one.xhtml"] == "mathml"
    assert declared["two.xhtml"] is None
    assert declared["_static/fonts/stix-two-math-subset.woff2"] is None
    assert names[:2] == ["mimetype", "META-INF/container.xml"]
    assert "_images/grey.png" in names
    assert "_images/old.png" not in names
    assert not [name for name in names if name.endswith(".js")]
    assert package.find(".//{*}contributor") is None
    titles = ["Tiny", "The part", "One & all", "Two"]
    assert [link.text for link in nav.find_all("a")] == titles
    labels = old.iterfind(".//{*}navPoint/{*}navLabel/{*}text")
    assert [label.text for label in labels] == titles
    identifier = package.find(".//{*}identifier").text
    assert old.find(".//{*}meta[@name='dtb:uid']").get("content") == identifier

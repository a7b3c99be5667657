"""The font of the formulas: it has every sign of the book, in every size."""

from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

FONTS = Path(__file__).parents[2] / "docs" / "_static" / "fonts"


@pytest.fixture(scope="module")
def font():
    with TTFont(FONTS / "stix-two-math-subset.woff2") as opened:
        yield opened


def lacking(html, font):
    """The characters of a page's formulas that the font does not have."""
    written = "".join(formula.text for formula in html.find_all("math"))
    known = {*map(chr, font.getBestCmap()), "\ufe00"}  # it chooses a form of a letter
    return {sign for sign in written if not sign.isspace()} - known


def test_the_font_has_every_character_of_the_formulas(pages, font):
    assert sum(len(page.html.find_all("math")) for page in pages.values()) > 1000
    found = {name: lacking(page.html, font) for name, page in pages.items()}
    # Add to CHARACTERS in docs/tools/font.py, and run it as fonts/README.md says.
    assert {name: signs for name, signs in found.items() if signs} == {}


@pytest.mark.parametrize("sign", "()[]{}√")
def test_tall_brackets_and_roots_leave_no_gap(font, sign):
    """Chromium leaves as much room beside a low one as the widest needs."""
    variants = font["MATH"].table.MathVariants
    base = font.getBestCmap()[ord(sign)]
    index = variants.VertGlyphCoverage.glyphs.index(base)
    tall = variants.VertGlyphConstruction[index]
    glyphs = [record.VariantGlyph for record in tall.MathGlyphVariantRecord]
    glyphs += [part.glyph for part in tall.GlyphAssembly.PartRecords]

    assert len(glyphs) > 5
    assert max(font["hmtx"][g][0] for g in glyphs) - font["hmtx"][base][0] < 130


def test_primes_stand_where_exponents_do(font):
    assert font["glyf"][font.getBestCmap()[ord("′")]].yMin < 150

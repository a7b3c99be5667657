"""Cuts STIX Two Math down for the book: ``python docs/tools/font.py TTF WOFF2``.

A plain ``pyftsubset`` does not do, because of what browsers make of the font. Chromium
reserves the width of the widest variant for each bracket and root, so that 5 px of
nothing follow √180. Primes come out too small and too high, and so do the exponents of
brackets. All three are mended here, in the tables of the font.
"""

from __future__ import annotations

import sys

from fontTools import subset
from fontTools.ttLib import TTFont

# What LaTeX has commands for, not only what the book uses today.
CHARACTERS = """
    20-7E A0-B7 B9 D7 F7 131 237 2C6-2DD 300-30C 332 391-3C9 3D1-3D6 3F0-3F5
    2002-200A 2013-2014 2016 2018-201D 2020-2026 2032-2034 203E 2061-2064 2070-208E
    20D7 2102 210B-2113 2115 2119-211D 2124 212C-2134 2190-2199 21A6 21D0-21D5
    2200-22FF 2308-230B 239B-23B5 23DC-23DF 25A0-25A1 27C2 27E8-27E9 27F5-27FC
    2A00-2A02 2A7D-2A7E 2AAF-2AB0 1D400-1D4CF 1D538-1D56B 1D670-1D755 1D7CE-1D7FF
"""
# The font's own forms for exponents; the others are small and raised already, and
# would be made so a second time.
PRIMES = {0x2032: "minute.ssty", 0x2033: "second.ssty", 0x2034: "uni2034.ssty"}
# TeX raises the exponent of ")" no more than that of "x". Rules are 1 px at 16 px.
CONSTANTS = {"SuperscriptBaselineDropMax": 386, "SubscriptBaselineDropMin": 50}
CONSTANTS |= {
    f"{of}RuleThickness": 62 for of in ("Fraction", "Radical", "Overbar", "Underbar")
}
STRETCHED = "()[]{}⌊⌋⌈⌉⟨⟩√"
WIDER = 120  # by how much a variant may be wider than the smallest, in 1/1000 em


def narrow(font: TTFont) -> None:
    """Squeeze the wide variants and pieces of brackets and roots."""
    variants = font["MATH"].table.MathVariants
    bases = variants.VertGlyphCoverage.glyphs
    constructions = dict(zip(bases, variants.VertGlyphConstruction, strict=True))
    widths = font["hmtx"].metrics
    limits: dict[str, int] = {}
    for character in STRETCHED:
        base = font.getBestCmap()[ord(character)]
        stretched = constructions[base]
        names = [record.VariantGlyph for record in stretched.MathGlyphVariantRecord]
        if stretched.GlyphAssembly:
            names += [part.glyph for part in stretched.GlyphAssembly.PartRecords]
        limits |= dict.fromkeys(names, widths[base][0] + WIDER)
    for name, limit in limits.items():
        if widths[name][0] > limit:
            glyph = font["glyf"][name]
            glyph.coordinates.scale((limit / widths[name][0], 1))
            glyph.coordinates.toInt()
            glyph.recalcBounds(font["glyf"])
            widths[name] = (limit, glyph.xMin)


def main(source: str, target: str) -> None:
    """Write the subset of the font `source` to `target` as WOFF2."""
    font = TTFont(source, recalcTimestamp=False)
    for cmap in font["cmap"].tables:
        cmap.cmap |= PRIMES
    for name, value in CONSTANTS.items():
        getattr(font["MATH"].table.MathConstants, name).Value = value
    narrow(font)

    options = subset.Options(flavor="woff2", hinting=False, notdef_outline=True)
    options.layout_features = ["ccmp", "dtls", "kern"]
    options.name_IDs += [13, 14]  # the licence
    worker = subset.Subsetter(options)
    worker.populate(unicodes=subset.parse_unicodes(CHARACTERS))
    worker.subset(font)
    subset.save_font(font, target, options)


if __name__ == "__main__":
    main(*sys.argv[1:])

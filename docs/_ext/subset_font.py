"""Cut STIX Two Math down to the glyphs that the book's formulas need.

``python subset_font.py STIXTwoMath-Regular.ttf out.woff2`` writes the same
bytes on every run. The MATH table stays, with the size variants, assembly
pieces and italic corrections of the glyphs that are kept.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from fontTools import subset
from fontTools.ttLib import TTFont

RANGES = [
    (0x0020, 0x007E),  # ASCII
    (0x00A0, 0x00B7),  # no-break space, section, macron, degree, ±, ², ³, ·
    (0x00B9, 0x00B9),  # ¹
    (0x00D7, 0x00D7),  # ×
    (0x00F7, 0x00F7),  # ÷
    (0x0131, 0x0131),  # dotless i
    (0x0237, 0x0237),  # dotless j
    (0x02C6, 0x02DD),  # accents as \hat, \bar, \tilde, \dot set them
    (0x0300, 0x030C),  # combining accents, stretched over wide formulas
    (0x0332, 0x0332),  # \overline, \underline
    (0x0391, 0x03C9),  # Greek
    (0x03D1, 0x03D6),  # ϑ, ϕ, ϖ
    (0x03F0, 0x03F5),  # ϰ, ϱ, ϵ
    (0x2002, 0x200A),  # spaces
    (0x2013, 0x2014),  # dashes
    (0x2016, 0x2016),  # ‖
    (0x2018, 0x201D),  # quotation marks
    (0x2020, 0x2026),  # dagger, bullet, ellipsis
    (0x2032, 0x2034),  # primes
    (0x203E, 0x203E),  # overline
    (0x2061, 0x2064),  # invisible operators
    (0x2070, 0x208E),  # superscript and subscript digits
    (0x20D7, 0x20D7),  # \vec
    (0x2102, 0x2102),  # ℂ
    (0x210B, 0x2113),  # script and black-letter letters, ℎ, ℓ
    (0x2115, 0x2115),  # ℕ
    (0x2119, 0x211D),  # ℙ to ℝ
    (0x2124, 0x2124),  # ℤ
    (0x212C, 0x2134),  # script letters
    (0x2190, 0x2199),  # arrows
    (0x21A6, 0x21A6),  # ↦
    (0x21D0, 0x21D5),  # double arrows
    (0x2200, 0x222E),  # quantifiers, ∂, ∇, ∈, ∏, ∑, √, ∞, ∥, ∩, ∪, integrals
    (0x2234, 0x2237),  # therefore, because, ratio, proportion
    (0x223C, 0x223D),  # ∼
    (0x2242, 0x224D),  # ≃, ≅, ≈, ≍
    (0x2254, 0x2254),  # ≔
    (0x225C, 0x225F),  # ≜, ≝, ≟
    (0x2260, 0x226B),  # ≠, ≡, ≤, ≥, ≪, ≫
    (0x2272, 0x2273),  # ≲, ≳
    (0x227A, 0x228B),  # orders and subsets
    (0x2295, 0x2299),  # ⊕ to ⊙
    (0x22A2, 0x22A5),  # ⊢ to ⊥
    (0x22BA, 0x22BA),  # \intercal
    (0x22C0, 0x22C6),  # large ∧, ∨, ∩, ∪, ⋅, ⋆
    (0x22EE, 0x22F1),  # ⋮, ⋯, ⋱
    (0x2308, 0x230B),  # ceiling, floor
    (0x239B, 0x23B0),  # pieces of tall brackets
    (0x23B4, 0x23B5),  # \overbracket, \underbracket
    (0x23DC, 0x23DF),  # \overbrace, \underbrace
    (0x25A0, 0x25A1),  # ■, □
    (0x27C2, 0x27C2),  # \perp
    (0x27E8, 0x27E9),  # ⟨, ⟩
    (0x27F5, 0x27FC),  # long arrows
    (0x2A00, 0x2A02),  # large ⊙, ⊕, ⊗
    (0x2A7D, 0x2A7E),  # ⩽, ⩾
    (0x2AAF, 0x2AB0),  # ⪯, ⪰
    (0x1D400, 0x1D49B),  # bold, italic and bold italic Latin
    (0x1D49C, 0x1D4CF),  # script
    (0x1D538, 0x1D56B),  # blackboard bold
    (0x1D670, 0x1D6A3),  # monospace
    (0x1D6A4, 0x1D6A5),  # italic dotless i, j
    (0x1D6A8, 0x1D755),  # bold, italic and bold italic Greek
    (0x1D7CE, 0x1D7E1),  # bold and blackboard bold digits
    (0x1D7F6, 0x1D7FF),  # monospace digits
]

PRIMES = [0x2032, 0x2033, 0x2034]
BRACKETS = "()[]{}⌊⌋⌈⌉"
RADICAL = "√"
LOW_LINE = "\u0332"


def code_points() -> set[int]:
    """Return the code points that the book's font is meant to cover."""
    return {point for first, last in RANGES for point in range(first, last + 1)}


def _use_script_primes(font: TTFont) -> None:
    """Map the primes to their superscript forms.

    Browsers differ on the feature ssty that asks for them, and the other forms,
    already small and raised, would be made small and raised a second time.
    """
    gsub = font["GSUB"].table
    for record in gsub.FeatureList.FeatureRecord:
        if record.FeatureTag != "ssty":
            continue
        for index in record.Feature.LookupListIndex:
            for subtable in gsub.LookupList.Lookup[index].SubTable:
                forms = getattr(subtable, "ExtSubTable", subtable).alternates
                for cmap in font["cmap"].tables:
                    for point in PRIMES if cmap.format != 14 else ():
                        if cmap.cmap.get(point) in forms:
                            cmap.cmap[point] = forms[cmap.cmap[point]][0]


def _place_scripts(font: TTFont) -> None:
    """Take the script drops of TeX's own fonts, and a rule of 1 px at 16 px.

    TeX raises the exponents of ")" and "d" no more than that of "x"; browsers
    raise them with the height of the base, less these drops.
    """
    constants = font["MATH"].table.MathConstants
    constants.SuperscriptBaselineDropMax.Value = 386
    constants.SubscriptBaselineDropMin.Value = 50
    for name in ("Fraction", "Radical", "Overbar", "Underbar"):
        getattr(constants, f"{name}RuleThickness").Value = 62


def _reshape(font: TTFont, name: str, shift: int, scale: float, advance: int) -> None:
    """Move a glyph sideways, then narrow it, and set its advance width."""
    glyph = font["glyf"][name]
    glyph.coordinates.translate((shift, 0))
    glyph.coordinates.scale((scale, 1))
    glyph.coordinates.toInt()
    glyph.recalcBounds(font["glyf"])
    font["hmtx"][name] = (advance, glyph.xMin)


def _narrow_stretched_glyphs(font: TTFont) -> None:
    """Keep stretched brackets and radicals about as wide as the smallest one.

    Chromium reserves the width of the widest variant for every one of them, so
    that a gap of up to 0.4 em follows each small bracket or radical.
    """
    variants = font["MATH"].table.MathVariants
    cmap, glyf, hmtx = font.getBestCmap(), font["glyf"], font["hmtx"]

    def construction(character: str, direction: str) -> Any:
        glyphs = getattr(variants, f"{direction}GlyphCoverage").glyphs
        constructions = getattr(variants, f"{direction}GlyphConstruction")
        return constructions[glyphs.index(cmap[ord(character)])]

    pieces: dict[str, tuple[int, int]] = {}
    for bracket in BRACKETS:
        stretched = construction(bracket, "Vert")
        # Six sizes, up to 2.1 em; what is taller is assembled from pieces, which
        # for braces begin at 3.5 em.
        if bracket not in "{}":
            stretched.MathGlyphVariantRecord = stretched.MathGlyphVariantRecord[:6]
        stretched.VariantCount = len(stretched.MathGlyphVariantRecord)
        base = cmap[ord(bracket)]
        names = [part.glyph for part in stretched.GlyphAssembly.PartRecords]
        shift = glyf[base].xMin - min(glyf[name].xMin for name in names)
        right = hmtx[base][0] - glyf[base].xMax
        advance = max(glyf[name].xMax for name in names) + shift + right
        # Floor and ceiling share pieces with the square brackets.
        pieces |= {name: (shift, advance) for name in names if name not in pieces}
    for name, (shift, advance) in pieces.items():
        _reshape(font, name, shift, 1, advance)

    radical = construction(RADICAL, "Vert")
    names = [record.VariantGlyph for record in radical.MathGlyphVariantRecord[1:]]
    parts = [part.glyph for part in radical.GlyphAssembly.PartRecords]
    left = glyf[cmap[ord(RADICAL)]].xMin
    for group in [[name] for name in names] + [parts]:
        shift = left - min(glyf[name].xMin for name in group)
        for name in group:
            advance = round((hmtx[name][0] + shift) * 0.78)
            _reshape(font, name, shift, 0.78, advance)

    # The sizes of the low line are half an em apart; its pieces fit exactly.
    line = construction(LOW_LINE, "Horiz")
    line.MathGlyphVariantRecord = line.MathGlyphVariantRecord[:1]
    line.VariantCount = 1


def make_subset(source: Path, target: Path) -> None:
    """Write the subset of the font `source` to `target` as WOFF2."""
    font = TTFont(source, recalcTimestamp=False)
    _use_script_primes(font)
    _place_scripts(font)
    _narrow_stretched_glyphs(font)

    options = subset.Options()
    options.flavor = "woff2"
    options.layout_features = ["ccmp", "dtls", "kern"]
    options.hinting = False
    options.notdef_outline = True
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]  # 13 and 14: the licence
    options.drop_tables += ["DSIG"]
    worker = subset.Subsetter(options)
    worker.populate(unicodes=code_points())
    worker.subset(font)
    subset.save_font(font, target, options)


def main(argv: list[str] | None = None) -> None:
    """Read the two paths from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "source", type=Path, help="the whole STIX Two Math, .ttf or .woff2"
    )
    parser.add_argument("target", type=Path, help="the .woff2 file to write")
    arguments = parser.parse_args(argv)
    make_subset(arguments.source, arguments.target)


if __name__ == "__main__":
    main()

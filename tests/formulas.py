"""Arithmetic in MathML: what the sides of a formula without letters are worth."""

import math

APART = "\u2063"  # keeps the leaves of a formula from running together in a text
OPERATORS = dict(zip("·⋅×−+/()", "***-+/()", strict=True))
INVISIBLE = {"\u2061", "\u2062", ""}
RELATIONS = {"=", "≈", "<", ">", "≤", "≥", "≪", ","}
PATTERNS = {
    "msqrt": "sqrt({})",
    "mrow": "({})",
    "mstyle": "({})",
    "mfrac": "(({})/({}))",
    "msup": "({})**({})",
}


def inner(tag):
    """The tags in a tag."""
    return [child for child in tag.children if child.name]


def arithmetic(tags):
    """A piece of MathML as an expression of Python; None if there are letters in it."""
    out = ""
    for tag in tags:
        text = "".join(tag.text.split())
        match tag.name:
            case "mspace":
                continue
            case "mo" | "mi" if text == "%":
                part = "/100"
            case "mo" if text in INVISIBLE:
                continue
            case "mo" if text in OPERATORS:
                part = OPERATORS[text]
            case "mn":
                part = text.replace("\u2009", "")
            case "mfrac" | "msup" | "msqrt" | "mrow" | "mstyle":
                pair = tag.name in {"mfrac", "msup"}
                groups = [[child] for child in inner(tag)] if pair else [inner(tag)]
                worked = [arithmetic(group) for group in groups]
                if not all(worked):
                    return None
                closing = worked[0] == ")"  # the power of what stands in brackets
                pattern = "{}**({})" if closing else PATTERNS[tag.name]
                part = pattern.format(*worked)
            case _:
                return None
        if out and out[-1] not in "*-+/(" and part[0] not in "*-+/)":
            out += "*"
        out += part
    return out


def calculate(expression):
    """The value of an expression; None if it has none."""
    try:
        return float(eval(expression, {"sqrt": math.sqrt, "__builtins__": {}}))
    except (SyntaxError, TypeError, ArithmeticError, ValueError, NameError):
        return None


def sides(formula):
    """What stands between the signs of equality, each with the sign before it."""
    tags = inner(formula)
    while len(tags) == 1 and tags[0].name in {"mrow", "mstyle", "semantics"}:
        tags = inner(tags[0])
    found = [("", [])]
    for tag in tags:
        if tag.name == "mo" and tag.text.strip() in RELATIONS:
            found.append((tag.text.strip(), []))
        else:
            found[-1][1].append(tag)
    return found


def sums(formula):
    """The values of the sides that are more than a number."""
    longer = [tags for _, tags in sides(formula) if any(t.name != "mn" for t in tags)]
    worked = [arithmetic(tags) for tags in longer]
    found = [calculate(expression) for expression in worked if expression]
    return [value for value in found if value is not None]


def roundly(formula):
    """The integers that stand alone behind ≈."""
    return {
        tags[0].text.strip()
        for sign, tags in sides(formula)
        if sign == "≈" and len(tags) == 1 and tags[0].name == "mn"
    }


def factors(formula):
    """The integers by which a formula multiplies or divides something."""
    for tag in formula.find_all("mn"):
        before, after = tag.find_previous_sibling(), tag.find_next_sibling()
        parent = tag.parent.name
        below = parent == "mfrac" and before is not None
        divides = before is not None and before.text == "/"
        multiplies = parent not in {"msub", "msup", "msubsup", "mfrac"} and (
            after is not None and after.name in {"mi", "msub"}
        )
        if below or divides or multiplies:
            yield tag.text.strip()

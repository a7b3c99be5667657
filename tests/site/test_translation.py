"""docs/locale: each catalogue says in Chinese what the page says, and only that."""

import json
import re
from collections import Counter

import pytest
import translate
from babel.messages.catalog import Catalog
from translation import has_words

LOCALE = translate.LOCALE
CATALOGUES = sorted(LOCALE.rglob("*.po"))
CHINESE = r"[\u3400-\u9fff]"
# Roles with their target, code, formulas, addresses: in MyST and in reStructuredText.
TERM = re.compile(r"(?:\{term\}|:term:)`(?:[^`<]*<)?([^`<>]+)>?`")
ROLE = re.compile(r"\{([\w:]+)\}`([^`]+)`|:([\w:]+):`([^`]+)`")
CODE = re.compile(r"(`+)(.+?)\1_?")
FORMULA = re.compile(r"(?<!\\)\$[^$]+\$")
LINK = re.compile(r"\]\([^)\s]+\)|https?://[^\s)>]+")
NUMBER = re.compile(r"(?<![A-Za-z\d])\d+(?:[.,]\d+)*")


def take(pattern, text, found):
    """Move what a pattern finds from a text into a list; a letter keeps its place."""
    found += [match[0] for match in pattern.finditer(text)]
    return pattern.sub("x", text)


def parts(message):
    """Return what a translation may not change, and the text around it."""
    found = [f"term {len(TERM.findall(message))}"]
    text = TERM.sub("x", message)
    for match in ROLE.finditer(text):
        role, content = match[1] or match[3], match[2] or match[4]
        target = re.search(r"<([^<>]+)>$", content)
        found.append(f"{role} {' '.join((target or [0, content])[1].split())}")
    text = ROLE.sub("x", text)
    for pattern in (CODE, FORMULA, LINK):
        text = take(pattern, text, found)
    numbers = [f"number {number}" for number in NUMBER.findall(text)]
    found += [*numbers, f"bold {text.count('**')}"]
    return Counter(" ".join(part.split()) for part in found), text


def differences(english, chinese):
    """List what a message has and its translation has not, and the other way round."""
    one, other = parts(english)[0], parts(chinese)[0]
    return sorted(
        [f"missing {p}" for p in one - other] + [f"new {p}" for p in other - one]
    )


def faults_of_type(chinese):
    """List spaces and signs that a Chinese text does not have."""
    text = re.sub(rf"\w\((?:(?!{CHINESE})[^()])*\)", "x", parts(chinese)[1])  # f(3)
    faults = re.findall(rf"{CHINESE} +\w|\w +{CHINESE}", text)
    faults += re.findall(rf"{CHINESE} *[,.:;?!()]|[,:;?!()] *{CHINESE}", text)
    return faults + re.findall(r"[，。：；？！、）（] | [，。：；？！、）（]", text)


def terms():
    """Return the terms of more than one word, each with its one translation."""
    glossary = read(LOCALE / "reference" / "glossary.po")
    return {
        m.id.lower(): m.string
        for m in glossary
        if re.fullmatch(r"[\w-]+( [\w-]+)+", m.id)
    }


def wrong_terms(english, chinese, known):
    """List the terms of a message that are not in its translation."""
    text = " ".join(parts(english)[1].lower().split())
    used = TERM.findall(english)
    text = " ".join([text, *(" ".join(term.lower().split()) for term in used)])
    return [
        term
        for term, word in known.items()
        if re.search(rf"\b{term}\b", text) and word not in chinese
    ]


def read(path):
    return [entry for entry in translate.read(path) if entry.id]


def name(path):
    return str(path.relative_to(LOCALE).with_suffix(""))


@pytest.mark.parametrize("path", CATALOGUES, ids=name)
def test_a_translation_has_all_parts_of_its_message_and_no_other(path):
    found = {
        m.id: differences(m.id, m.string) for m in read(path) if path.stem != "sphinx"
    }
    assert not {message: wrong for message, wrong in found.items() if wrong}


@pytest.mark.parametrize("path", CATALOGUES, ids=name)
def test_a_translation_is_chinese_with_chinese_signs(path):
    entries = [entry for entry in read(path) if has_words(entry.id)]
    assert not [entry.id for entry in entries if not re.search(CHINESE, entry.string)]
    found = {entry.string: faults_of_type(entry.string) for entry in entries}
    assert not {message: wrong for message, wrong in found.items() if wrong}


@pytest.mark.parametrize("path", CATALOGUES, ids=name)
def test_a_term_is_translated_as_the_glossary_has_it(path):
    known = terms()
    assert len(known) > 10
    found = {m.id: wrong_terms(m.id, m.string, known) for m in read(path)}
    assert not {message: wrong for message, wrong in found.items() if wrong}


@pytest.mark.parametrize(
    ("english", "chinese", "fault"),
    [
        ("Take $w$ and 3.", "取$v$和3。", ["missing $w$", "new $v$"]),
        (
            "See {ref}`here <there>`.",
            "见{ref}`这里 <where>`。",
            ["missing ref there", "new ref where"],
        ),
        (
            "It is {glue:text}`a.md::b:s`.",
            "它是0.3。",
            ["missing glue:text a.md::b:s", "new number 0.3"],
        ),
        (
            "A **bold** {term}`loss`.",
            "一个{term}`损失`。",
            ["missing bold 2", "new bold 0"],
        ),
        ("Call `step()`.", "调用`step()`两次。", []),
        ("In 20 steps :math:`w` halves.", ":math:`w`在20步里减半。", []),
    ],
)
def test_a_part_that_is_lost_or_changed_is_found(english, chinese, fault):
    assert differences(english, chinese) == fault


@pytest.mark.parametrize(
    "text", ["权重 w", "用 Adam", "权重,", "(权重)", "权重 。", "见 {ref}`这 <x>`"]
)
def test_a_sign_or_a_space_of_english_is_found(text):
    assert faults_of_type(text)


@pytest.mark.parametrize(
    "text", ["用AdamW训练", "权重$w$，偏置", "weight decay", "取`a, b`"]
)
def test_chinese_signs_pass(text):
    assert not faults_of_type(text)


def test_a_term_with_another_word_is_found():
    known = {"weight decay": "权重衰减"}
    assert wrong_terms("Weight decay helps.", "权重衰退有用。", known) == [
        "weight decay"
    ]
    assert not wrong_terms("`weight decay` helps.", "它有用。", known)


# -- The tools ------------------------------------------------------------------------


def template(messages):
    found = Catalog()
    for message in messages:
        found.add(message)
    return found


def test_a_catalogue_keeps_what_fits_and_lists_the_rest(tmp_path, monkeypatch):
    monkeypatch.setattr(translate, "LOCALE", tmp_path)
    path = tmp_path / "chapter" / "page.po"
    first = ["One sentence.", "Another sentence, a longer one."]

    assert len(translate.update(path, template(first))) == 2
    path.write_text(path.read_text("utf-8").replace('msgstr ""\n\n', 'msgstr "甲"\n\n'))
    assert translate.update(path, template(first)) == []
    second = [first[0], "Another sentence, the longer one.", "Zzz"]
    left = translate.update(path, template(second))

    assert [line.split(": ")[1] for line in left] == ["fuzzy", "new"]
    assert left[0].startswith("chapter/page.po")
    assert translate.read(path)[first[0]].string == "甲"
    assert "obsolete" not in path.read_text("utf-8")


@pytest.mark.parametrize("state", ["there", "fuzzy", "missing"])
def test_a_page_that_is_not_translated_whole_is_not_built(build_page, tmp_path, state):
    pages = {
        "index": ["A title", "Some words."],
        "reference/glossary": ["weight decay"],
    }
    for page, messages in pages.items():
        path = tmp_path / f"zh_CN/LC_MESSAGES/{page}.po"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [f'msgid "{message}"\nmsgstr "权重衰减"\n' for message in messages]
        if page == "index" and state != "there":
            lines[1] = f"#, fuzzy\n{lines[1]}" if state == "fuzzy" else ""
        path.write_text(translate.HEADER + "\n".join(lines), "utf-8")

    built = build_page(
        "# A title\n\nSome words.\n\n$$x$$\n\n`code`\n",
        extensions=["mathml", "myst_parser", "translation"],
        language="zh_CN",
        html_search_language="en",  # jieba leaves a file open
        locale_dirs=[str(tmp_path)],
        html_search_options={"dict": str(tmp_path / "words.txt")},
    )

    assert ("not translated: Some words." in built.warnings) == (state != "there")
    assert built.warnings.count("not translated") == (state != "there")
    assert (tmp_path / "words.txt").read_text("utf-8") == "权重衰减 1000\n"


# -- The finished edition ------------------------------------------------------------


def test_both_editions_have_the_same_pages(pages, chinese):
    assert chinese.keys() == pages.keys()
    assert len(pages) > 50


def outline(page):
    """What both editions have alike: headings by depth, anchors, figures, numbers."""
    tags = page.article.find_all(["h1", "h2", "h3", "h4"])
    images = [image["src"].rpartition("/")[2] for image in page.article.find_all("img")]
    return {
        "headings": [tag.name for tag in tags],
        "anchors": sorted(tag["id"] for tag in page.article.find_all(id=True)),
        "figures": images,
        "numbers": sorted(page.glued),
        "formulas": sorted(math["alttext"] for math in page.article.find_all("math")),
        "printed": page.printed,
    }


def test_a_page_differs_from_its_twin_in_its_words_only(pages, chinese):
    # The index is sorted by its words, and the search page has nothing to compare.
    for name in pages.keys() - {"genindex.html", "search.html"}:
        one, other = outline(pages[name]), outline(chinese[name])
        for part in one:
            assert one[part] == other[part], (name, part)


def test_a_page_says_its_language_and_links_to_its_twin(book, pages, chinese):
    for name, page in [*pages.items(), *chinese.items()]:
        here, there = ("en", "zh-CN") if page.book == book else ("zh-CN", "en")
        twin = page.html.select_one(".twin > a")
        assert page.html.html["lang"] == here, name
        assert twin["hreflang"] == twin["lang"] == there, name
        target = (page.book / name).parent / twin["href"]
        other = "zh-cn" if here == "en" else ""
        assert target.resolve() == book / other / name


def test_a_chinese_page_shows_no_marks_and_no_english_of_ours(chinese):
    for name, page in chinese.items():
        assert page.html.title.text != "", name
        for tag in page.article.find_all(["p", "li", "dt", "td", "figcaption"]):
            text = "".join(tag.find_all(string=True, recursive=False))
            assert not re.search(r"\*\*|`|::|\{\w+\}", text), (name, text)
        for image in page.article.select("img[alt]:not([alt=''])"):
            assert re.search(CHINESE, image["alt"]), (name, image["alt"])


def test_the_search_knows_the_words_of_the_glossary(book):
    index = (book / "zh-cn" / "searchindex.js").read_text("utf-8")
    for word in ("权重衰减", "岭回归", "正则化", "学习率", "过拟合"):
        assert f"{json.dumps(word)}:" in index, word

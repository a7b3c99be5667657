"""The bibliography: every source has an address of the right form, and is cited."""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pybtex.database import Entry, parse_file, parse_string

ROOT = Path(__file__).parents[2]
BIBLIOGRAPHY = "reference/bibliography.html"

# The DOI handbook: a prefix 10.registrant, a slash, and a suffix of printing signs.
DOI = re.compile(r"10\.\d{4,9}(?:\.\d+)*/[!-~]+")
NEW_ARXIV = re.compile(r"(\d\d)(0[1-9]|1[0-2])\.(\d{4,5})(?:v[1-9]\d*)?")
OLD_ARXIV = re.compile(r"[a-z-]+(?:\.[A-Z]{2})?/(\d\d)(0[1-9]|1[0-2])\d{3}")


@pytest.fixture(scope="module")
def entries():
    return parse_file(ROOT / "docs" / "reference" / "references.bib").entries


def addresses(fields):
    """The addresses to which an entry has to lead."""
    found = [fields["url"]] if "url" in fields else []
    found += [f"https://arxiv.org/abs/{fields['eprint']}"] if "eprint" in fields else []
    return found + ([f"https://doi.org/{fields['doi']}"] if "doi" in fields else [])


def is_doi(text):
    return DOI.fullmatch(text) and text[-1] not in ".,;:" and "//" not in text


def is_arxiv(text, year):
    """Whether this is an arXiv id of its time, and not younger than the publication."""
    if new := NEW_ARXIV.fullmatch(text):
        # Five digits since 2015; ids of this form begin in April 2007.
        written, month = int("20" + new[1]), int(new[2])
        digits = 5 if written >= 2015 else 4
        return len(new[3]) == digits and (2007, 4) <= (written, month) <= (year, 12)
    old = OLD_ARXIV.fullmatch(text)
    return bool(old) and (int(old[1]) >= 91 or int(old[1]) <= 7)


def is_isbn(text):
    """Whether the last digit of an ISBN is that of the others."""
    digits = text.replace("-", "").upper()
    if re.fullmatch(r"\d{9}[\dX]", digits):
        values = [10 if digit == "X" else int(digit) for digit in digits]
        return sum((10 - i) * value for i, value in enumerate(values)) % 11 == 0
    if re.fullmatch(r"97[89]\d{10}", digits):
        return sum(int(d) * (1 + 2 * (i % 2)) for i, d in enumerate(digits)) % 10 == 0
    return False


def is_url(text):
    parts = urlsplit(text)
    host = re.fullmatch(r"(?:[a-z0-9-]+\.)+[a-z]{2,}", parts.netloc)
    return parts.scheme == "https" and host and not re.search(r"[\s{}\\<>]", text)


def faults(key, fields):
    """What is wrong with an entry, and what to do."""
    if not fields.keys() & {"doi", "eprint", "url"}:
        yield f"{key} has no address: give its doi, eprint (arXiv) or url."
    if "year" not in fields:
        yield f"{key} has no year."
        return
    if "doi" in fields and not is_doi(fields["doi"]):
        yield f"{key}: {fields['doi']!r} is no DOI; write 10.NNNN/suffix, nothing else."
    if "eprint" in fields:
        if fields.get("archiveprefix") != "arXiv":
            yield f"{key}: say archiveprefix = {{arXiv}} beside the eprint."
        if not is_arxiv(fields["eprint"], int(fields["year"])):
            yield f"{key}: {fields['eprint']!r} is no arXiv id of {fields['year']}."
    if "isbn" in fields and not is_isbn(fields["isbn"]):
        yield f"{key}: the check digit of the ISBN {fields['isbn']!r} is wrong."
    if "url" in fields and not is_url(fields["url"]):
        yield f"{key}: {fields['url']!r} is no https address."
    if any("doi.org" in fields.get(name, "") for name in ("url", "eprint")):
        yield f"{key}: a DOI belongs in the field doi."
    if not key.endswith(fields["year"]) and fields["year"] not in key:
        yield f"{key}: the key does not name the year {fields['year']}."


def twice(entries):
    """What two entries have in common, and one source would have only once."""
    seen = {}
    for key, entry in entries.items():
        fields = entry.fields
        title = re.sub(r"\W", "", fields["title"]).lower()
        ids = [("title", title)]
        ids += [(n, fields[n].lower()) for n in ("doi", "eprint", "url") if n in fields]
        for thing in ids:
            if thing in seen:
                yield f"{key} and {seen[thing]} have the same {thing[0]}."
            seen.setdefault(thing, key)


def test_every_entry_has_an_address_of_the_right_form(entries):
    found = [f for key, entry in entries.items() for f in faults(key, entry.fields)]

    assert len(entries) > 30
    assert found == []


def test_no_source_stands_there_twice(entries):
    assert list(twice(entries)) == []


def test_the_links_of_an_entry_lead_to_its_addresses(pages, entries):
    shown = pages[BIBLIOGRAPHY].article.select(".citation")
    links = {
        entry["id"].removeprefix("source-"): [
            link["href"] for link in entry.select("a.external")
        ]
        for entry in shown
    }

    wanted = {key: addresses(entry.fields) for key, entry in entries.items()}
    assert len(shown) == len(links)
    assert {key: sorted(found) for key, found in links.items()} == {
        key: sorted(found) for key, found in wanted.items()
    }


def test_every_entry_is_cited_and_every_citation_has_an_entry(pages, entries):
    cited = {
        link["href"].rpartition("#source-")[2]
        for page in pages.values()
        for link in page.article.select('a[href*="#source-"]')
    }

    assert cited == set(entries)


# -- Planted faults ---------------------------------------------------------------

GOOD = {"title": "A title", "year": "2020", "doi": "10.1016/j.neunet.2020.08.022"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"doi": None}, "no address"),
        ({"year": None}, "no year"),
        ({"doi": "https://doi.org/10.1016/j.neunet"}, "is no DOI"),
        ({"doi": "doi:10.1016/j.neunet.2020.08.022"}, "is no DOI"),
        ({"doi": "10.1016/j.neunet.2020.08.022."}, "is no DOI"),
        ({"doi": "10.1016/j.neunet 2020"}, "is no DOI"),
        ({"doi": "10.16/j.neunet"}, "is no DOI"),
        ({"doi": "10.1016"}, "is no DOI"),
        ({"eprint": "1913.01234", "archiveprefix": "arXiv"}, "is no arXiv id"),  # month
        ({"eprint": "1901.0123", "archiveprefix": "arXiv"}, "is no arXiv id"),
        ({"eprint": "1412.06980", "archiveprefix": "arXiv"}, "is no arXiv id"),
        ({"eprint": "2101.01234", "archiveprefix": "arXiv"}, "id of 2020"),
        ({"eprint": "arXiv:1901.01234", "archiveprefix": "arXiv"}, "is no arXiv id"),
        ({"eprint": "cs/991302", "archiveprefix": "arXiv"}, "is no arXiv id"),
        ({"eprint": "1901.01234"}, "archiveprefix"),
        ({"isbn": "978-0-262-03561-4"}, "check digit"),
        ({"isbn": "0-262-03561-9"}, "check digit"),
        ({"url": "http://example.org/paper"}, "is no https address"),
        ({"url": "https://example/paper"}, "is no https address"),
        ({"url": "https://example.org/a paper"}, "is no https address"),
        ({"url": "https://doi.org/10.1016/x"}, "belongs in the field doi"),
        ({"year": "2021"}, "does not name the year"),
    ],
)
def test_a_wrong_entry_is_found(change, said):
    fields = {name: text for name, text in {**GOOD, **change}.items() if text}

    assert any(said in fault for fault in faults("name2020title", fields))


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"doi": "10.1214/17-AOS1549"},
        {"doi": "10.1002/(SICI)1097-0258(19980815)17:15<1661::AID-SIM>3.0.CO;2"},
        {"eprint": "1412.6980", "archiveprefix": "arXiv"},
        {"eprint": "2012.13841", "archiveprefix": "arXiv"},
        {"eprint": "math.ST/0406456", "archiveprefix": "arXiv"},
        {"isbn": "978-0-262-03561-3"},
        {"isbn": "0-262-03561-8"},
        {"url": "https://example.org/paper.html"},
    ],
)
def test_a_right_entry_passes(change):
    assert list(faults("name2020title", {**GOOD, **change})) == []


def test_a_source_that_stands_there_twice_is_found():
    entry = "@misc{{{}, title = {{{}}}, year = {{2020}}, doi = {{{}}}}}"
    three = ("a2020", "One", "10.1000/a"), ("b2020", "{O}ne", "10.1000/b")
    three += (("c2020", "Two", "10.1000/A"),)
    entries = parse_string("\n".join(entry.format(*t) for t in three), "bibtex").entries

    assert isinstance(entries["a2020"], Entry)
    assert list(twice(entries)) == [
        "b2020 and a2020 have the same title.",
        "c2020 and a2020 have the same doi.",
    ]

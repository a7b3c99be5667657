"""The bibliography: every source has an address of the right form, and is cited."""

import re
from pathlib import Path

import pytest
from pybtex.database import parse_file

ROOT = Path(__file__).parents[2]
FORMS = {
    "doi": re.compile(r"10\.\d{4,9}/(?!\S*//)[!-~]*[^.,;:\s]"),
    # Five digits since 2015; before April 2007 the ids had another form.
    "eprint": re.compile(
        r"(1[5-9]|[2-9]\d)(0[1-9]|1[0-2])\.\d{5}"
        r"|(0[7-9]|1[0-4])(0[1-9]|1[0-2])\.\d{4}"
        r"|[a-z-]+(\.[A-Z]{2})?/\d{7}"
    ),
    "url": re.compile(r"https://(?!doi\.org|arxiv\.org)[a-z0-9.-]+\.[a-z]{2,}(/\S*)?"),
}
PREFIXES = {"doi": "https://doi.org/", "eprint": "https://arxiv.org/abs/", "url": ""}


@pytest.fixture(scope="module")
def entries():
    """The fields of every entry, by its key."""
    found = parse_file(ROOT / "docs" / "reference" / "references.bib").entries
    return {key: dict(entry.fields.items()) for key, entry in found.items()}


def faults(fields):
    """What is wrong with an entry, and what to do."""
    if not FORMS.keys() & fields.keys():
        yield "no address: give its doi, eprint (arXiv) or url"
    for name in FORMS.keys() & fields.keys():
        if not FORMS[name].fullmatch(fields[name]):
            yield f"{fields[name]!r} is no {name} (bare doi; arXiv: eprint; other: url)"
    if "eprint" in fields and fields.get("archiveprefix") != "arXiv":
        yield "say archiveprefix = {arXiv} beside the eprint"


def test_every_entry_has_an_address_of_the_right_form(entries):
    found = {key: list(faults(fields)) for key, fields in entries.items()}

    assert {key: said for key, said in found.items() if said} == {}
    assert [key for key, fields in entries.items() if fields["year"] not in key] == []


def test_no_source_stands_there_twice(entries):
    for name in ("title", "doi", "eprint", "url"):
        known = {}
        for key, fields in entries.items():
            thing = re.sub(r"[{}\s]", "", fields.get(name, key)).lower()
            first = known.setdefault(thing, key)
            assert first == key, f"{key} and {first} have the same {name}"


def test_the_links_of_an_entry_lead_to_its_addresses(pages, entries):
    shown = pages["reference/bibliography.html"].article.select(".citation")
    links = {
        source["id"].removeprefix("source-"): {
            link["href"] for link in source.select("a.external")
        }
        for source in shown
    }

    assert links == {
        key: {PREFIXES[name] + fields[name] for name in FORMS if name in fields}
        for key, fields in entries.items()
    }


def test_every_entry_is_cited(pages, entries):
    cited = {
        link["href"].rpartition("#source-")[2]
        for page in pages.values()
        for link in page.article.select('a[href*="#source-"]')
    }

    assert cited == set(entries)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "no address"),
        ({"doi": "https://doi.org/10.1016/j.neunet"}, "is no doi"),
        ({"doi": "10.1016/j.neunet.2020.08.022."}, "is no doi"),
        ({"doi": "10.1016"}, "is no doi"),
        ({"eprint": "1913.01234", "archiveprefix": "arXiv"}, "is no eprint"),
        ({"eprint": "arXiv:1901.01234", "archiveprefix": "arXiv"}, "is no eprint"),
        ({"eprint": "1901.01234"}, "archiveprefix"),
        ({"url": "http://example.org/paper"}, "is no url"),
        ({"url": "https://doi.org/10.1016/x"}, "is no url"),
    ],
)
def test_a_wrong_address_is_found(fields, said):
    assert [fault for fault in faults(fields) if said in fault]

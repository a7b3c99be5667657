"""The date that the book bears: the environment's, the last release's, the year's."""

from datetime import UTC, datetime

import pytest
from edition import edition_date

UNRELEASED = "# Changelog\n\n## [Unreleased]\n\n- A thing of 2031-01-01.\n"
RELEASED = "\n## [0.2.0] - 2027-03-04\n\n- More.\n\n## [0.1.0] - 2026-12-01\n"


@pytest.fixture
def date(tmp_path, monkeypatch):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)

    def of(text):
        changelog = tmp_path / "CHANGELOG.md"
        changelog.write_text(text, "utf-8")
        return edition_date(changelog, 2026)

    return of


def test_before_the_first_release_it_is_the_year_of_the_copyright(date):
    assert date(UNRELEASED) == datetime(2026, 1, 1, tzinfo=UTC)


def test_it_is_the_date_of_the_newest_release(date):
    assert date(UNRELEASED + RELEASED) == datetime(2027, 3, 4, tzinfo=UTC)


def test_a_date_in_the_environment_goes_first(date, monkeypatch):
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")

    assert date(UNRELEASED + RELEASED) == datetime(1970, 1, 2, tzinfo=UTC)

"""The date of this edition of the book, which never is the date of a build.

Forms of the book that must carry a date (EPUB, PDF) take this one, so that the same
sources make the same file on any day.
"""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime
from pathlib import Path

RELEASE = re.compile(r"^## \[[^\]]+\] - (\d{4}-\d{2}-\d{2})$", re.MULTILINE)


def edition_date(changelog: Path, year: int) -> datetime:
    """Return the date that the book bears.

    Parameters
    ----------
    changelog : pathlib.Path
        A file in the form of Keep a Changelog.
    year : int
        The year of the copyright.

    Returns
    -------
    datetime.datetime
        The variable SOURCE_DATE_EPOCH where it is set; else the date of the newest
        release in the changelog; else, before the first release, the first day of
        the year. In UTC.
    """
    if epoch := os.environ.get("SOURCE_DATE_EPOCH"):
        return datetime.fromtimestamp(int(epoch), UTC)
    released = RELEASE.findall(changelog.read_text("utf-8"))
    newest = max(released, default=f"{year}-01-01")
    return datetime.fromisoformat(newest).replace(tzinfo=UTC)

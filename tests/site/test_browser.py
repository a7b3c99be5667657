"""docs/_ext/browser.py: which Chromium is taken, and what is said where none is."""

import browser
import pytest


@pytest.fixture
def bare(tmp_path, monkeypatch):
    """Leave an empty folder as the only place for programs."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    return tmp_path


def program(folder, name):
    path = folder / name
    path.touch(mode=0o755)
    return str(path)


def test_without_a_browser_the_message_says_how_to_get_one(bare):
    with pytest.raises(browser.NoChromiumError, match="apt-get install chromium"):
        browser.find_chromium(str(bare / "not-downloaded"))


def test_a_browser_that_is_named_comes_first(bare, monkeypatch):
    program(bare, "chromium")
    chosen = program(bare, "mine")
    monkeypatch.setenv("CHROMIUM", chosen)

    assert browser.find_chromium() == chosen


def test_a_wrong_name_is_an_error_that_names_it(bare, monkeypatch):
    program(bare, "chromium")
    monkeypatch.setenv("CHROMIUM", "/no/such/browser")

    with pytest.raises(browser.NoChromiumError, match="/no/such/browser"):
        browser.find_chromium()


def test_an_installed_browser_comes_before_a_downloaded_one(bare):
    downloaded = program(bare, "own")
    assert browser.find_chromium(downloaded) == downloaded

    installed = program(bare, "google-chrome")

    assert browser.find_chromium(downloaded) == installed

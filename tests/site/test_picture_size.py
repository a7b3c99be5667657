"""docs/_ext/picture_size.py: the size of a picture is that at which it was drawn."""

import pytest
from picture_size import size, with_sizes
from PIL import Image


@pytest.fixture
def folder(tmp_path):
    Image.new("RGB", (1280, 720)).save(tmp_path / "sharp.png", dpi=(200, 200))
    Image.new("RGB", (640, 360)).save(tmp_path / "plain.png", dpi=(100, 100))
    Image.new("RGB", (320, 224)).save(tmp_path / "thumb.png")
    size.cache_clear()
    return tmp_path


@pytest.mark.parametrize("name", ["sharp.png", "plain.png"])
def test_a_picture_is_as_large_as_it_was_drawn(folder, name):
    page = with_sizes(f'<p><img src="{name}" alt="a > b"/></p>', folder)

    assert page == (f'<p><img src="{name}" alt="a > b" width="640" height="360" /></p>')


def test_without_a_resolution_the_pixels_count(folder):
    assert 'width="320" height="224"' in with_sizes('<img src="thumb.png">', folder)


@pytest.mark.parametrize(
    "image",
    [
        '<img src="sharp.png" width="9" height="9" />',
        '<img src="lost.png" />',
        '<img src="drawing.svg" />',
        '<img src="https://example.org/a.png" />',
    ],
)
def test_any_other_picture_stays_as_it_is(folder, image):
    assert with_sizes(image, folder) == image


def test_a_second_time_changes_nothing(folder):
    once = with_sizes('<img class = "a" src="sharp.png">', folder)

    assert with_sizes(once, folder) == once


def test_all_but_the_first_picture_are_loaded_when_they_are_near(folder):
    page = with_sizes('<img src="sharp.png"><p><img src="plain.png"></p>', folder)

    first, second = page.split("<p>")
    assert "lazy" not in first
    assert 'loading="lazy"' in second

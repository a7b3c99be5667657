"""docs/_ext/pictures.py: small files, of the size at which they were drawn."""

import pytest
from pictures import COLOURS, shrink_png, size, with_sizes
from PIL import Image


@pytest.fixture
def folder(tmp_path):
    Image.new("RGB", (1280, 720)).save(tmp_path / "sharp.png", dpi=(200, 200))
    Image.new("RGB", (640, 360)).save(tmp_path / "plain.png", dpi=(100, 100))
    size.cache_clear()
    return tmp_path


@pytest.mark.parametrize("name", ["sharp.png", "plain.png"])
def test_a_picture_is_as_large_as_it_was_drawn(folder, name):
    page = with_sizes(f'<p><img src="{name}" alt="a > b"/></p>', folder)

    assert page == f'<p><img src="{name}" alt="a > b" width="640" height="360" /></p>'
    assert with_sizes(page, folder) == page


@pytest.mark.parametrize(
    "image",
    [
        '<img src="sharp.png" width="9" height="9" />',
        '<img src="drawing.svg" />',
        '<img src="https://example.org/a.png" />',
    ],
)
def test_any_other_picture_stays_as_it_is(folder, image):
    assert with_sizes(image, folder) == image


def test_all_but_the_first_picture_are_loaded_when_they_are_near(folder):
    page = with_sizes('<img src="sharp.png"><p><img src="plain.png"></p>', folder)

    first, second = page.split("<p>")
    assert "lazy" not in first
    assert 'loading="lazy"' in second


def test_a_picture_gets_a_palette_and_keeps_its_look(tmp_path):
    path = tmp_path / "figure.png"
    image = Image.effect_noise((300, 200), 20).convert("RGBA")
    image.paste((127, 127, 127, 255), (140, 90, 160, 110))
    image.paste((0, 0, 0, 0), (0, 0, 300, 20))  # thumbnails have such a rim
    image.save(path, dpi=(200, 200))
    before = path.stat().st_size

    shrink_png(path)
    with Image.open(path) as after:
        assert (after.mode, after.size) == ("P", (300, 200))
        assert len(after.getcolors()) <= COLOURS
        assert round(after.info["dpi"][0]) == 200
        middle = after.convert("RGB").getpixel((150, 100))
        assert abs(middle[0] - 127) <= 3
        assert after.convert("RGB").getpixel((150, 5)) == (255, 255, 255)
    assert path.stat().st_size < before


def test_the_pictures_of_the_book_have_a_palette_and_a_size(pages, book):
    for path in book.glob("_images/*.png"):
        with Image.open(path) as image:
            assert image.mode == "P", path
    for name, page in pages.items():
        for image in page.html.select("img[src$='.png']"):
            assert int(image["width"]) > 100, f"{name}: {image}"
            assert int(image["height"]) > 50, f"{name}: {image}"

from PIL import Image
from small_images import COLOURS, shrink_png


def drawing(path, mode="RGB"):
    """A picture of many colours, noise on grey, with a transparent rim if it can."""
    image = Image.effect_noise((300, 200), 20).convert("RGBA")
    image.paste((127, 127, 127, 255), (140, 90, 160, 110))
    if mode == "RGBA":
        image.paste((0, 0, 0, 0), (0, 0, 300, 20))
    image.convert(mode).save(path)
    return path.stat().st_size


def test_a_picture_gets_a_palette_and_keeps_its_look(tmp_path):
    path = tmp_path / "figure.png"
    before = drawing(path)

    shrink_png(path)
    after = Image.open(path)
    assert after.mode == "P"
    assert after.size == (300, 200)
    assert len(after.getcolors()) <= COLOURS
    assert path.stat().st_size < before
    middle = after.convert("RGB").getpixel((150, 100))
    assert abs(middle[0] - 127) <= 3


def test_a_transparent_rim_becomes_white(tmp_path):
    path = tmp_path / "thumb.png"
    drawing(path, "RGBA")

    shrink_png(path)
    assert Image.open(path).convert("RGB").getpixel((150, 5)) == (255, 255, 255)


def test_a_second_time_changes_nothing(tmp_path):
    path = tmp_path / "figure.png"
    drawing(path)
    shrink_png(path)
    once = path.read_bytes()

    shrink_png(path)
    assert path.read_bytes() == once


def test_the_resolution_stays(tmp_path):
    path = tmp_path / "figure.png"
    drawing(path)
    with Image.open(path) as image:
        image.save(path, dpi=(200, 200))
    shrink_png(path)

    with Image.open(path) as image:
        assert round(image.info["dpi"][0]) == 200

"""Downloads are packed so that their bytes tell nothing but what is in them."""

import os
from pathlib import Path
from zipfile import ZipFile

import steady_zips


def test_bytes_depend_on_names_and_contents_only(tmp_path: Path) -> None:
    packed = []
    for name, order, year in (("one", "ab", 2001), ("two", "ba", 2022)):
        folder = tmp_path / name
        folder.mkdir()
        for letter in order:
            file = folder / f"{letter}.py"
            file.write_text(f"print({letter!r})\n" * 100)
            file.chmod(0o644 if name == "one" else 0o600)
            os.utime(file, (year * 3e7 - 6e10 + 1e9, year * 3e7 - 6e10 + 1e9))
        archive = folder / "all.zip"
        with ZipFile(archive, "w") as file:
            for letter in order:
                file.write(folder / f"{letter}.py", f"{letter}.py")
        packed.append(archive)
    assert packed[0].read_bytes() != packed[1].read_bytes()

    for archive in packed:
        steady_zips.steady(archive)

    assert packed[0].read_bytes() == packed[1].read_bytes()
    with ZipFile(packed[0]) as file:
        assert file.testzip() is None
        assert file.namelist() == ["a.py", "b.py"]
        assert file.read("b.py") == b"print('b')\n" * 100
    before = packed[0].read_bytes()
    steady_zips.steady(packed[0])
    assert packed[0].read_bytes() == before

"""Compares two folders byte for byte.

Usage: ``python tests/repro/compare.py FOLDER FOLDER``. Names each file that differs or
is missing, with the first bytes that differ, and then fails.
"""

import sys
from pathlib import Path

SHOWN = 40  # bytes around the first difference


def files_in(folder: Path) -> dict[str, Path]:
    """Return the files below a folder by their names in it."""
    return {
        path.relative_to(folder).as_posix(): path
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def first_difference(one: bytes, two: bytes) -> str:
    """Say where two byte strings part, and what stands there."""
    pairs = zip(one, two, strict=False)
    place = next((i for i, (a, b) in enumerate(pairs) if a != b), None)
    if place is None:
        place = min(len(one), len(two))
    start = max(0, place - SHOWN)
    around = slice(start, place + SHOWN)
    return f"byte {place}:\n    {one[around]!r}\n    {two[around]!r}"


def differences(one: Path, two: Path) -> list[str]:
    """List how two folders differ; an empty folder is a difference too."""
    ones, twos = files_in(one), files_in(two)
    found = [f"{folder} is empty" for folder in (one, two) if not files_in(folder)]
    for name in sorted(ones.keys() | twos.keys()):
        if name not in twos:
            found.append(f"{name}: only in {one}")
        elif name not in ones:
            found.append(f"{name}: only in {two}")
        else:
            a, b = ones[name].read_bytes(), twos[name].read_bytes()
            if a != b:
                found.append(f"{name}: {first_difference(a, b)}")
    return found


def main(one: str, two: str) -> None:
    """Compare two folders; fail if they differ."""
    found = differences(Path(one), Path(two))
    if found:
        sys.exit("\n".join([f"{len(found)} differences", *found]))
    print(f"{len(files_in(Path(one)))} files are the same.")


if __name__ == "__main__":
    main(*sys.argv[1:])

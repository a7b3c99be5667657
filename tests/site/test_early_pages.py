"""Pages executed beside the gallery: into the same cache, and never instead of it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs a safe fork")

EXTENSIONS = Path(__file__).parents[2] / "docs" / "_ext"
CONF = f"""
import os, sys, time
sys.path.insert(0, {str(EXTENSIONS)!r})
extensions = ["early_pages", "myst_nb"]
nb_execution_mode = "cache"
nb_execution_cache_path = "_build/cache"
nb_execution_raise_on_error = True
exclude_patterns = ["_build"]

def gallery(app):
    # Scripts take long enough for a page to begin meanwhile, or no time at all.
    for _ in range({{wait}}):
        if os.path.exists("notes"):
            break
        time.sleep(0.1)

def setup(app):
    app.connect("builder-inited", gallery)
"""
PAGE = """---
file_format: mystnb
kernelspec:
  name: python3
---
# A page

```{{code-cell}} python
{code}
```
"""
# A page notes how often it is executed.
NOTE = "open('notes', 'a').write('executed ')\nprint('the answer')"


def build(folder, code, wait):
    (folder / "conf.py").write_text(CONF.format(wait=wait), "utf-8")
    (folder / "index.md").write_text(PAGE.format(code=code), "utf-8")
    command = [sys.executable, "-m", "sphinx", "-W", "-b", "html", ".", "_build/html"]
    return subprocess.run(
        command, cwd=folder, env=dict(os.environ), capture_output=True, text=True
    )


@pytest.mark.parametrize("wait", [0, 300])
def test_a_page_is_executed_once_early_or_late(tmp_path, wait):
    done = build(tmp_path, NOTE, wait)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "notes").read_text() == "executed "
    assert "the answer" in (tmp_path / "_build/html/index.html").read_text("utf-8")
    if wait:  # the reader finds in the cache what was executed meanwhile
        assert "Using cached notebook" in done.stdout


def test_a_page_that_fails_early_is_reported_by_its_reader(tmp_path):
    done = build(
        tmp_path, "open('notes', 'a').close()\nraise ValueError('planted')", 300
    )

    assert done.returncode != 0
    # By the reader alone.
    assert done.stderr.count("Executing notebook failed") == 1

"""The documentation as a reader has it who opens build/site from a folder, without a server."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["index.html", "guides/bounces.html"])
def test_search_finds_a_page_from_a_folder(browser, site, name):
    """Browsers forbid such a page what the search usually needs, a worker and its index by request."""
    said, asked = [], []
    tab = browser.new_page()
    tab.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    tab.on("pageerror", lambda error: said.append(str(error)))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto((site / name).as_uri())
    tab.locator(".md-search__input").click()
    tab.keyboard.type("Vakhitov")
    first = tab.locator(".md-search-result__link").first
    first.wait_for(timeout=1_000_000)
    found = first.get_attribute("href")
    tab.close()
    assert found.partition("?")[0] == (site / "theory.html").as_uri()
    assert said == []
    assert [url for url in asked if not url.startswith((site.as_uri(), "about:", "data:"))] == []


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    pytest.importorskip("mkdocs", reason="the site needs pip install 'supersoliton[docs]'")
    folder = tmp_path_factory.mktemp("site")
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    subprocess.run(build, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, check=True)
    return folder

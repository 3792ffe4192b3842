"""A real Chromium for the tests, and how a page is opened in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SECOND = 1000  # milliseconds, as the browser counts
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
_OPTIONS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
_BEYOND = """([width, but]) => [...document.querySelectorAll("body *")]
  .filter(e => e.checkVisibility({visibilityProperty: true, opacityProperty: true}))
  .filter(e => !but || !e.matches(but))
  .map(e => [e, e.getBoundingClientRect()])
  .filter(([_, box]) => box.width > 1 && box.height > 1 && (box.right > width || box.left < 0))
  .map(([e, box]) => `${e.tagName} ${e.getAttribute("class")}: ${box.left} to ${box.right}`)
"""


@contextmanager
def running_chromium() -> Iterator[Browser]:
    """Run Chromium until the block ends; skips the test where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if CHROMIUM is None:
        pytest.skip("needs chromium: apt-get install chromium")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=CHROMIUM, args=_OPTIONS)
        yield chromium
        chromium.close()


@contextmanager
def opened(browser: Browser, address: str | Path, **options: Any) -> Iterator[Page]:
    """Open a page as a new visitor; in the end it told no error and asked for nothing elsewhere.

    Args:
        browser: that runs.
        address: URL of a site, or a file.
        options: of the visitor's window, such as `PHONE`.
    """
    url = address.as_uri() if isinstance(address, Path) else address
    context = browser.new_context(accept_downloads=True, **options)
    page = context.new_page()
    page.set_default_timeout(60 * SECOND)
    asked: list[str] = []
    errors: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda told: errors.append(told.text) if told.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(url)
    yield page
    assert not {other for other in asked if not other.startswith((url, "blob:", "data:"))}
    assert not errors
    context.close()


def beyond_the_sides(page: Page, but: str = "") -> list[str]:
    """What is seen and stands out at a side.

    Args:
        page: that is open.
        but: selector of what may stand out, such as what is scrolled by itself.
    """
    return page.evaluate(_BEYOND, [page.viewport_size["width"], but])

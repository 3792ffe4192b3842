"""The page in a real browser: samples, a category of one's own, a broken file, a telephone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import drugtext

SAMPLES = Path(__file__).parents[1] / "samples"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OPTIONS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
SECOND = 1000  # milliseconds, as the browser counts


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The page over the bundled checkpoint, on a free port."""
    os.environ["GRADIO_TEMP_DIR"] = str(tmp_path_factory.mktemp("gradio"))
    pytest.importorskip("gradio", reason="the page needs the extra: pip install '.[app]'")
    from drugtext.app import launch_options, make_page

    blocks = make_page(drugtext.load())
    _, url, _ = blocks.launch(prevent_thread_lock=True, **launch_options())
    yield url
    blocks.close()


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if CHROMIUM is None:
        pytest.skip("needs chromium: apt-get install chromium")
    with playwright.sync_playwright() as running:
        chromium = running.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield chromium
        chromium.close()


@pytest.fixture
def visit(browser, address):
    """A visitor's page, and the addresses that it asked for."""
    context = browser.new_context(accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(60 * SECOND)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(address)
    page.wait_for_selector("text=It knows")
    yield page
    outside = {url for url in asked if not url.startswith((address, "blob:", "data:"))}
    assert not outside, "the page sends nothing out"
    context.close()


def upload(page, files, nth=0):
    page.locator("input[type=file]").nth(nth).set_input_files([str(file) for file in files])
    for file in files:
        stem = file.name[:6]
        page.locator(f".file-preview >> text={stem}").first.wait_for()


def classify(page):
    page.get_by_role("button", name="Classify", exact=True).click()
    page.locator("article.card, p.problem").first.wait_for()


@pytest.mark.parametrize(
    ("sample", "code"),
    [
        ("metoral-spl.xml", "C07"),
        ("sugarnorm-openfda.json", "A10"),
        ("levetira-eu-leaflet.txt", "N03"),
    ],
)
def test_each_sample_is_classified_with_its_reasons(visit, sample, code):
    upload(visit, [SAMPLES / sample])
    classify(visit)
    card = visit.locator("article.card")
    assert card.locator("p.answer .id").inner_text().startswith(code)
    assert card.locator(".bar").count() == 5 and card.locator("ol.path li").count() >= 2
    assert card.locator("ul.reasons li").count() >= 1
    card.locator("summary").click()
    assert card.locator(".sentence").first.is_visible()
    with visit.expect_download() as download:
        visit.get_by_role("button", name="Download the answers").click()
    assert code in Path(download.value.path()).read_text()


def test_what_cannot_be_classified_is_told(visit, tmp_path):
    broken = tmp_path / "broken.json"
    broken.write_text('{"results": [{"indications')
    upload(visit, [SAMPLES / "mingkang-zh.txt", broken])
    classify(visit)
    visit.locator("p.problem").nth(1).wait_for()
    told = " ".join(visit.locator("p.problem").all_inner_texts())
    assert (
        "mingkang-zh.txt: is written in 'zh'" in told and "broken.json: the JSON is damaged" in told
    )
    assert "Traceback" not in visit.content()


def test_a_category_of_ones_own_is_used_at_once_and_downloaded(visit, browser, address, tmp_path):
    files = []
    for name in ("Starlight", "Moonbeam"):
        file = tmp_path / f"{name}.txt"
        file.write_text(
            f"{name} lantern oil\nINDICATIONS AND USAGE\n{name} is oil for ship lanterns and makes"
            " the lamp of a lighthouse burn bright.\n"
        )
        files.append(file)
    visit.get_by_role("tab", name="New category").click()
    visit.get_by_label("Its name, or its code in the taxonomy").fill("lantern oils")
    upload(visit, files, nth=-1)
    visit.get_by_role("button", name="Learn it").click()
    visit.locator("p.note", has_text="Learnt 'lantern oils'").wait_for()
    visit.get_by_role("button", name="Pack the new checkpoint").click()
    visit.locator("p.note", has_text="Packed").wait_for()
    with visit.expect_download() as download:
        visit.get_by_role("button", name="Download it").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        archive.extractall(tmp_path)
    assert drugtext.load(tmp_path / "drugtext-checkpoint").category_ids[-1] == "lantern oils"

    visit.get_by_role("tab", name="Classify").click()
    visit.get_by_label("or the text of one").fill(
        "Oil for the lamp of a lighthouse and for lanterns."
    )
    classify(visit)
    assert visit.locator("p.answer .id").inner_text() == "lantern oils"

    other = browser.new_page()  # nobody else's page knows it
    other.goto(address)
    other.get_by_label("or the text of one").fill("Oil for the lamp of a lighthouse.")
    classify(other)
    assert other.locator("p.answer .id").inner_text() != "lantern oils"
    other.close()


def test_a_mistake_is_told_beside_the_button(visit):
    visit.get_by_role("tab", name="New category").click()
    visit.get_by_role("button", name="Learn it").click()
    visit.locator("p.problem", has_text="the category has no name").wait_for()
    visit.get_by_role("button", name="Pack the new checkpoint").click()
    visit.locator("p.problem", has_text="learn one first").wait_for()


def test_it_fits_a_telephone(visit):
    visit.set_viewport_size({"width": 390, "height": 844})
    upload(visit, [SAMPLES / "metoral-spl.xml"])
    classify(visit)
    visit.locator("summary").click()
    width = visit.evaluate("document.documentElement.scrollWidth")
    assert width <= 390, "nothing is cut off at the side"


def test_without_gradio_the_extra_is_named():
    code = "import sys; sys.modules['gradio'] = None\nfrom drugtext.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "app"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and "pip install 'drugtext[app]'" in done.stderr
    assert "Traceback" not in done.stderr

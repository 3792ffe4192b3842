"""The page in a real browser: samples, a category of one's own, a broken file, a telephone."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from browser import PHONE, beyond_the_sides, opened

import drugtext

SAMPLES = Path(__file__).parents[1] / "samples"
LONG_NAME = f"lantern oils for ships, lighthouses and harbours in all weathers {'unbroken' * 12}"
DROP = """([target, name, text]) => {
  const carried = new DataTransfer();
  carried.items.add(new File([text], name));
  const told = {dataTransfer: carried, bubbles: true, cancelable: true};
  for (const event of ["dragenter", "dragover", "drop"])
    target.dispatchEvent(new DragEvent(event, told));
}"""


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


@pytest.fixture
def visit(browser, address):
    """A visitor's page."""
    with opened(browser, address) as page:
        page.wait_for_selector("text=It knows")
        yield page


@pytest.fixture
def phone(browser, address):
    """The page on a telephone; in the end, nothing is cut off at a side."""
    with opened(browser, address, **PHONE) as page:
        page.wait_for_selector("text=It knows")
        yield page
        assert not cut_off(page)


@pytest.fixture
def oils(tmp_path):
    """Two inserts of a category that no taxonomy has."""
    files = [tmp_path / f"{name}.txt" for name in ("Starlight", "Moonbeam")]
    for file in files:
        file.write_text(
            f"{file.stem} lantern oil\nINDICATIONS AND USAGE\n{file.stem} is oil for ship lanterns"
            " and makes the lamp of a lighthouse burn bright.\n"
        )
    return files


@pytest.fixture
def broken(tmp_path):
    file = tmp_path / "broken.json"
    file.write_text('{"results": [{"indications')
    return file


def upload(page, files, nth=0):
    page.locator("input[type=file]").nth(nth).set_input_files([str(file) for file in files])
    for file in files:
        page.locator(f".file-preview >> text={file.name[:6]}").first.wait_for()


def classify(page):
    page.get_by_role("button", name="Classify", exact=True).click()
    page.locator("article.card, p.problem").first.wait_for()


def cut_off(page):
    """What stands out at a side, once Gradio's bar of what is awaited has slid away."""
    page.locator(".eta-bar").first.wait_for(state="detached")
    return beyond_the_sides(page)


def learn(page, name, files):
    page.get_by_role("tab", name="New category").click()
    page.get_by_label("Its name, or its code in the taxonomy").fill(name)
    upload(page, files, nth=-1)
    page.get_by_role("button", name="Learn it").click()
    page.locator("p.note", has_text="Learnt").wait_for()


@pytest.mark.parametrize(
    ("sample", "code", "drug"),
    [
        ("metoral-spl.xml", "C07", "metoprolol"),
        ("sugarnorm-openfda.json", "A10", "metformin"),
        ("levetira-eu-leaflet.txt", "N03", "levetiracetam"),
    ],
)
def test_each_sample_is_classified_with_its_reasons(visit, sample, code, drug):
    upload(visit, [SAMPLES / sample])
    classify(visit)
    card = visit.locator("article.card")
    assert card.locator("p.answer .id").inner_text().startswith(code)
    assert card.locator(".bar").count() == 5 and card.locator("ol.path li").count() >= 2
    assert card.locator("ul.reasons li").count() >= 1
    nearest = [line.split() for line in card.locator("ul.nearest li").all_inner_texts()]
    assert len(nearest) == 5 and drug in [words[0] for words in nearest]
    assert all(0 < float(words[-1]) <= 1 for words in nearest)
    card.locator("summary").click()
    assert card.locator(".sentence").first.is_visible()
    with visit.expect_download() as download:
        visit.get_by_role("button", name="Download the answers").click()
    assert code in Path(download.value.path()).read_text()


def test_a_file_is_dropped(visit):
    file = SAMPLES / "levetira-eu-leaflet.txt"
    target = visit.get_by_role("button", name="Click to upload or drop files").first
    visit.evaluate(DROP, [target.element_handle(), file.name, file.read_text()])
    visit.locator(".file-preview >> text=leveti").wait_for()
    classify(visit)
    assert visit.locator("p.answer .id").inner_text().startswith("N03")


def test_what_cannot_be_classified_is_told(visit, broken):
    upload(visit, [SAMPLES / "mingkang-zh.txt", broken])
    classify(visit)
    visit.locator("p.problem").nth(1).wait_for()
    told = " ".join(visit.locator("p.problem").all_inner_texts())
    assert (
        "mingkang-zh.txt: is written in 'zh'" in told and "broken.json: the JSON is damaged" in told
    )
    assert "Traceback" not in visit.content()


def test_a_category_of_ones_own_is_used_at_once_and_downloaded(
    visit, browser, address, oils, tmp_path
):
    learn(visit, "lantern oils", oils)
    visit.get_by_role("button", name="Pack checkpoint").click()
    visit.locator("p.note", has_text="Packed").wait_for()
    with visit.expect_download() as download:
        visit.get_by_role("button", name="Download it").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        archive.extractall(tmp_path)
    assert drugtext.load(tmp_path / "drugtext-checkpoint").category_ids[-1] == "lantern oils"
    visit.get_by_role("tab", name="Classify").click()
    text = "Oil for the lamp of a lighthouse and for lanterns."
    visit.get_by_label("or the text of one").fill(text)
    classify(visit)
    assert visit.locator("p.answer .id").inner_text() == "lantern oils"
    nearest = visit.locator("ul.nearest li").all_inner_texts()
    assert {line.split()[0] for line in nearest[:2]} == {"Starlight", "Moonbeam"}

    with opened(browser, address) as other:  # nobody else's page knows it
        other.get_by_label("or the text of one").fill(text)
        classify(other)
        assert other.locator("p.answer .id").inner_text() != "lantern oils"

    learn(visit, "ship oils", oils)  # what was packed does not hold it
    visit.locator("button:disabled", has_text="Download it").wait_for()


def test_a_mistake_is_told_beside_the_button(visit):
    visit.get_by_role("tab", name="New category").click()
    visit.get_by_role("button", name="Learn it").click()
    visit.locator("p.problem", has_text="the category has no name").wait_for()
    visit.get_by_role("button", name="Pack checkpoint").click()
    visit.locator("p.problem", has_text="learn one first").wait_for()


def test_a_file_that_is_too_large_is_refused_in_plain_words(browser, address, tmp_path):
    large = tmp_path / "large.txt"
    large.write_bytes(b"a" * 33 * 2**20)
    page = browser.new_page()
    page.goto(address)
    page.locator("input[type=file]").first.set_input_files(str(large))
    page.get_by_text("exceed the maximum allowed size of 32").wait_for()
    assert not page.locator(".file-preview").count()
    page.close()


def test_answers_fit_a_telephone_and_are_shown(phone):
    assert not cut_off(phone)
    upload(phone, [SAMPLES / "metoral-spl.xml"])
    classify(phone)
    phone.wait_for_function("document.querySelector('article h3').getBoundingClientRect().top < 99")
    phone.locator("summary").click()


def test_a_problem_fits_a_telephone(phone, broken):
    file = broken.rename(broken.with_name(f"{'broken' * 20}.json"))
    upload(phone, [file])
    classify(phone)
    assert file.name in phone.locator("p.problem").inner_text()


def test_a_long_category_fits_a_telephone_in_both_tabs(phone, oils):
    learn(phone, LONG_NAME, oils)
    assert not cut_off(phone)
    phone.get_by_role("tab", name="Classify").click()
    phone.get_by_label("or the text of one").fill("Oil for lanterns of a lighthouse.")
    classify(phone)
    assert phone.locator("p.answer .id").inner_text() == LONG_NAME


def test_without_gradio_the_extra_is_named():
    code = "import sys; sys.modules['gradio'] = None\nfrom drugtext.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "app"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and "pip install 'drugtext[app]'" in done.stderr
    assert "Traceback" not in done.stderr

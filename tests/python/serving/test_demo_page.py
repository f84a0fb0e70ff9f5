"""The demonstration page in headless Chromium: who comes, what they see, and that a click changes the list."""

import shutil
import socket
import threading
import time

import pytest
from serving_worlds import OLD, random_world, write_release

pytest.importorskip("fastapi", reason="pip install -r requirements-serving.txt")
playwright = pytest.importorskip("playwright.sync_api", reason="pip install -r requirements-dev.txt")

from kindred.serving.api import create_app, read_page  # noqa: E402, the packages may be missing

CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


# A person whose published list is longer than the page's.
FULL = next(user for user, one in random_world(3)["lists"].items() if len(one["items"]) == 20)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo") / "shop_serving"


@pytest.fixture(scope="module")
def address(folder):
    import uvicorn

    world = random_world(3)
    world["items"]["i001"]["title"] = "<b>Bold</b> & <script>document.title = 'taken'</script>"
    for one in world["lists"].values():
        one["history"] = ["i001", *one["history"][:3]]
    world["lists"][FULL]["rules"] = [["more", "boost", "4 7 15"], ["spring", "pin", "1"]]
    write_release(folder, world, OLD)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create_app(folder), host="127.0.0.1", port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium here: install it (apt-get install chromium) to test the demonstration page")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, address):
    page = browser.new_page()
    page.set_default_timeout(10_000)
    page.problems, page.requested = [], []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda message: message.type == "error" and page.problems.append(message.text))
    page.on("request", lambda request: page.requested.append(request.url))
    page.goto(address)
    page.wait_for_selector("#list li")
    yield page
    assert page.problems == []
    assert all(url.startswith((address, "data:")) for url in page.requested)
    page.close()


def shown(page):
    return page.eval_on_selector_all("#list button", "cards => cards.map(card => card.dataset.item)")


def click(page, number):
    """Click the card at a place of the list; wait for the list that answers it."""
    before = page.get_attribute("#list", "data-list")
    page.click(f"#list li:nth-child({number}) button")
    page.wait_for_function("before => document.getElementById('list').dataset.list !== before", arg=before)


def test_a_visitor_clicks_and_the_list_follows(page):
    assert not page.is_visible("#history") and page.inner_text("#release") == OLD
    first = shown(page)
    click(page, 2)
    second = shown(page)
    assert first[1] not in second and len(second) == 12
    assert page.locator("#session li").count() == 1
    assert "because you just looked at" in page.inner_text("#list")
    click(page, 1)
    assert {first[1], second[0]}.isdisjoint(shown(page)) and page.locator("#session li").count() == 2
    page.click("#reset")
    page.wait_for_function("() => !document.querySelector('#session li')")
    page.wait_for_function("first => document.querySelector('#list button').dataset.item === first", arg=first[0])
    assert shown(page) == first


def test_a_person_has_a_history_and_reasons(page):
    stranger = shown(page)
    page.select_option("#person", "u1")
    page.wait_for_selector("#history li")
    page.wait_for_function("() => document.getElementById('list-note').textContent.includes('u1')")
    assert shown(page) != stranger
    assert page.locator("#list .reason").count() == 12
    # What the catalogue says is text, whatever it looks like.
    assert "<b>Bold</b>" in page.inner_text("#history") and page.title() != "taken"


def test_the_keyboard_is_enough(page):
    page.focus("#list li:nth-child(3) button")
    before = page.get_attribute("#list", "data-list")
    page.keyboard.press("Enter")
    page.wait_for_function("before => document.getElementById('list').dataset.list !== before", arg=before)
    place = page.evaluate("[...document.querySelectorAll('#list button')].indexOf(document.activeElement)")
    assert place == 2


@pytest.mark.parametrize("width", [320, 375, 1200])
def test_fits_the_screen(page, width):
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    smallest = page.evaluate(
        "Math.min(...[...document.querySelectorAll('button, select')].map(one => one.getBoundingClientRect().height))"
    )
    assert smallest >= 44


def why(page):
    """Follow the link of the list to its explanation."""
    page.click("#why")
    page.wait_for_selector("#items li")


def test_each_list_links_to_why_it_is_so(page):
    page.select_option("#person", FULL)
    page.wait_for_function("user => document.getElementById('list-note').textContent.includes(user)", arg=FULL)
    items = shown(page)
    words = page.locator("#list .reason").all_inner_texts()
    why(page)
    assert page.inner_text("h1") == f"Why this list for {FULL}?" and "at the last build" in page.inner_text("#made")
    assert page.locator("#items li").count() == 12
    explained = page.locator("#items li .facts").all_inner_texts()
    assert [text.split(" · ")[0] for text in explained] == items
    assert [text.lower() for text in page.locator("#items .words").all_inner_texts()] == [
        text.lower() for text in words
    ]
    assert page.locator("#items .rule").all_inner_texts() == [
        "rule spring (pin)",
        "rule more (boost)",
        "rule more (boost)",
    ]
    assert "rule more (boost)" in page.inner_text("#items li:nth-child(4)")
    assert OLD in page.inner_text("#facts")


def test_why_of_a_visit_of_nobody(page):
    click(page, 2)
    items = shown(page)
    why(page)
    assert page.inner_text("h1") == "Why this list?" and "from the items of the visit" in page.inner_text("#made")
    assert [text.split(" · ")[0] for text in page.locator("#items li .facts").all_inner_texts()] == items
    # What the catalogue says is text here too.
    assert page.title() == "kindred: why this list"


@pytest.mark.parametrize("width", [320, 1200])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_why_fits_the_screen_and_can_be_read(page, address, width, scheme):
    page.set_viewport_size({"width": width, "height": 800})
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{address}why?user={FULL}")
    page.wait_for_selector("#items li")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    # Contrast by WCAG 2 of what is small: 4.5 at least.
    contrast = page.evaluate("""() => {
      const light = (color) => {
        const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map((one) => {
          const share = one / 255;
          return share <= .03928 ? share / 12.92 : ((share + .055) / 1.055) ** 2.4;
        });
        return .2126 * r + .7152 * g + .0722 * b;
      };
      const back = light(getComputedStyle(document.querySelector(".items")).backgroundColor);
      return Math.min(...[".facts", ".words", ".rank"].map((name) => {
        const front = light(getComputedStyle(document.querySelector("#items " + name)).color);
        return (Math.max(front, back) + .05) / (Math.min(front, back) + .05);
      }));
    }""")
    assert contrast >= 4.5


def test_a_refused_question_is_said(page, address):
    page.goto(f"{address}why?user={FULL}&release=20200101T000000-none")
    page.wait_for_selector("#error:not([hidden])")
    assert "is not kept any more" in page.inner_text("#error")
    page.problems.clear()


def test_the_link_to_the_report(page, address, folder):
    assert not page.is_visible("#report")
    (folder / "report.html").write_text(
        "<!doctype html><link rel=icon href=data:,><h1>All is well</h1>", encoding="utf-8"
    )
    page.goto(address)
    page.wait_for_selector("#list li")
    page.click("#report a")
    page.wait_for_selector("h1")
    assert page.inner_text("h1") == "All is well"
    (folder / "report.html").unlink()


def test_names_for_who_cannot_see(page):
    for control in page.query_selector_all("select"):
        assert control.evaluate("one => one.labels.length") == 1
    assert page.get_attribute("html", "lang") == "en" and page.locator("h1").count() == 1
    assert page.get_attribute("#list-note", "aria-live") == "polite"


@pytest.mark.parametrize("name", ["demo.html", "why.html"])
def test_needs_nothing_from_elsewhere(name):
    text = read_page(name)
    assert "http://" not in text and "https://" not in text and "innerHTML" not in text
    assert '<link rel="stylesheet"' not in text and "--paper: #faf8f4" in text


def test_documentation_opens_without_the_internet(page, address):
    page.goto(f"{address}docs")
    page.wait_for_selector("#operations-default-recommendations_recommendations__user_id__get")

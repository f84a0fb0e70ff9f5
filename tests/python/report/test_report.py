"""The page in headless Chromium, opened from disk with the network cut off, and what may not stand in it."""

import datetime
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser

import duckdb
import pytest
from conftest import REPOSITORY
from reported_shop import (
    ReportedShop,
    arms,
    check,
    evaluation,
    experiment,
    experimenting_shop,
    measured_shop,
    performance,
    result,
)

from kindred.report.experiments import read_experiments
from kindred.report.tables import Tables
from kindred.report.write import render

playwright = pytest.importorskip("playwright.sync_api", reason="pip install -r requirements-dev.txt")

CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
NOW = datetime.datetime(2026, 6, 2, 8, 30)
# Markup, an attribute's end, a style's end, a mark that turns the direction of writing, and no blank to break at.
HOSTILE = [
    "<script>document.title = 'taken'</script>",
    "\" onmouseover=\"document.title = 'taken'",
    "</style><img src=x onerror=\"document.title = 'taken'\">",
    "\u202egnp.exe' style='position:fixed",
    "W" * 300,
]
PEOPLE = ["person-4711", "mallory@example.org"]
# Contrast of each text with what lies behind it, as WCAG 2.2 computes it; colours may be translucent.
CONTRASTS = r"""() => {
  const channels = (text) => {
    const numbers = text.match(/-?[\d.]+(e-?\d+)?/g).map(Number);
    const scale = text.startsWith("color(") ? 1 : 255;
    return [...numbers.slice(0, 3).map((one) => one / scale), numbers.length > 3 ? numbers[3] : 1];
  };
  const behind = (element) => {
    let layers = [];
    for (let one = element; one; one = one.parentElement) layers.push(channels(getComputedStyle(one).backgroundColor));
    return layers.reverse().reduce((below, [r, g, b, a]) =>
      [r, g, b].map((one, place) => one * a + below[place] * (1 - a)), [1, 1, 1]);
  };
  const light = (color) => {
    const [r, g, b] = color.map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !element.getClientRects().length) continue;
    const [ink, ground] = [channels(getComputedStyle(element).color).slice(0, 3), behind(element)];
    const [low, high] = [light(ink), light(ground)].sort((a, b) => a - b);
    found.push([(high + 0.05) / (low + 0.05), walker.currentNode.data.trim().slice(0, 60), element.className]);
  }
  return found;
}"""
# What reaches beyond the right edge of the page.
TOO_WIDE = """() => [...document.querySelectorAll("body *")]
  .filter((one) => one.getClientRects().length && one.getBoundingClientRect().right > innerWidth + 0.5)
  .map((one) => `${one.tagName} ${one.className} ${one.textContent.slice(0, 40)}`)"""


def written(shop, served=None):
    """The page of a shop."""
    with Tables(shop).opened() as tables:
        return render(tables, read_experiments(tables), served, NOW)


def logged(run_id, lists):
    """Rows of recommendation_log. lists: {user_id: item_ids}."""
    return [
        {"run_id": run_id, "list_id": f"{run_id}-{user}", "user_id": user, "rank": rank, "item_id": item}
        for user, items in lists.items()
        for rank, item in enumerate(items, start=1)
    ]


def release(run_id, published_at, **given):
    row = {"release_id": f"20260601T020000-{run_id}", "run_id": run_id, "store": "sqlite", "n_lists": 60, "n_items": 9}
    return row | {"bytes": 10_000, "as_of": "2026-06-01", "published_at": published_at, "overridden_gates": ""} | given


def hostile_shop(folder):
    """Every text that comes from outside is hostile."""
    shop = experimenting_shop(folder)
    first, second, third, fourth, fifth = HOSTILE
    shop.add("checked_experiments", [experiment(first, metric=second), experiment(third, problem=fourth)])
    shop.add("checked_arms", arms(first, fifth, third))
    shop.add(
        "experiment_results",
        [
            result(first, third, metric=second, note=fifth, verdict="worse"),
            *(
                result(first, third, metric=second, segment_by="segment", segment=segment, n=500)
                for segment in (fourth, fifth)
            ),
        ],
    )
    shop.add("experiment_checks", [check(first, "srm", is_passed=False, is_decisive=False, explanation=third)])
    shop.add("evaluation_metrics", [evaluation(text, 0.3) for text in HOSTILE])
    shop.add("list_performance", [performance(text, 0.05, 500) for text in HOSTILE])
    gates = [{"run_id": "new", "gate": text, "is_passed": False, "is_overridden": False} for text in HOSTILE]
    moments = {"explanation": first, "generated_at": "2026-06-01", "evaluated_at": "2026-06-01"}
    shop.add("publish_gates", [gate | moments for gate in gates])
    shop.add("releases", [release("old", "2026-05-31", overridden_gates=first), release("new", "2026-06-01")])
    people = [*PEOPLE, *(f"person-{number:04}" for number in range(60))]
    before, now = ["item-a", "item-b"], ["item-a", first]
    shop.add("recommendation_log", logged("old", dict.fromkeys(people, before)))
    shop.add("recommendation_log", logged("new", dict.fromkeys(people, now) | {PEOPLE[0]: ["item-of-one", "item-a"]}))
    shop.add("items", [{"item_id": "item-b", "title": third}, {"item_id": first, "title": second}])
    return shop


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """{name: the file of a page}."""
    folder = tmp_path_factory.mktemp("report")
    shops = {"tested": experimenting_shop(folder / "tested"), "hostile": hostile_shop(folder / "hostile")}
    shops["measured"] = measured_shop(folder / "measured")
    shops["empty"] = ReportedShop(folder / "empty").add("builds", [])
    found = {}
    for name, shop in shops.items():
        found[name] = folder / f"{name}.html"
        found[name].write_text(written(shop, served="20260601T020000-new"), encoding="utf-8")
    return found


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium here: install it (apt-get install chromium) to test the report")
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, pages):
    """Opens a page from disk; what it says and asks for is in its `said` and `asked`."""
    contexts = []

    def open_page(name, **given):
        context = browser.new_context(offline=True, viewport={"width": 1200, "height": 900}, **given)
        contexts.append(context)
        page = context.new_page()
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("dialog", lambda dialog: page.said.append(dialog.message) or dialog.dismiss())
        page.goto(pages[name].as_uri())
        page.wait_for_timeout(100)
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.mark.parametrize("name", ["tested", "hostile", "measured", "empty"])
def test_opens_from_disk_and_asks_for_nothing(opened, pages, name):
    page = opened(name)
    assert page.said == []
    assert [url for url in page.asked if not url.startswith("data:")] == [pages[name].as_uri()]
    assert page.title() == "Recommendations report"
    assert page.locator("script, iframe, object, embed, form, link:not([href^='data:'])").count() == 0
    assert pages[name].stat().st_size < 2_000_000
    assert not re.search(r"https?://", pages[name].read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["tested", "hostile", "measured", "empty"])
@pytest.mark.parametrize("width", [320, 390, 768, 1400])
def test_nothing_scrolls_sideways(opened, name, width):
    page = opened(name)
    page.set_viewport_size({"width": width, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(TOO_WIDE) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["tested", "hostile", "measured"])
def test_every_text_can_be_read(opened, name, scheme):
    found = opened(name, color_scheme=scheme).evaluate(CONTRASTS)
    assert len(found) > 100
    assert [one for one in found if one[0] < 4.5] == []
    ground = opened(name, color_scheme=scheme).evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 200) == (scheme == "dark")


def test_print(opened):
    """Dark on white whatever the screen has, no links that lead nowhere, and no figure cut by a page's end."""
    page = opened("tested", color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert not page.locator("nav").is_visible()
    assert [one for one in page.evaluate(CONTRASTS) if one[0] < 4.5] == []
    assert page.evaluate(
        "[...document.querySelectorAll('figure')].every((one) => getComputedStyle(one).breakInside == 'avoid')"
    )
    assert page.pdf(format="A4").startswith(b"%PDF")


class Figures(HTMLParser):
    """The captions of the figures of a page."""

    def __init__(self):
        super().__init__()
        self.n_figures, self.captions, self.is_inside = 0, [], False

    def handle_starttag(self, tag, attributes):
        self.n_figures += tag == "figure"
        if tag == "figcaption":
            self.captions.append("")
            self.is_inside = True

    def handle_endtag(self, tag):
        self.is_inside = self.is_inside and tag != "figcaption"

    def handle_data(self, data):
        if self.is_inside:
            self.captions[-1] += data


@pytest.mark.parametrize("name", ["tested", "hostile", "measured"])
def test_every_figure_says_n_and_unit(pages, name):
    figures = Figures()
    figures.feed(pages[name].read_text(encoding="utf-8"))
    assert figures.n_figures == len(figures.captions) > 5
    for caption in figures.captions:
        assert re.match(r"n = .*\d.* · unit: \S+", caption), caption


def test_few_people_are_left_out_and_counted(pages):
    page = pages["tested"].read_text(encoding="utf-8")
    # The mean of 19 people, the click rate of 19 people, and the segment that the others would tell.
    assert "0.987654"[:5] not in page
    assert "9 %</div>" not in page and "tiny" not in page
    assert "FR: fresh" not in page
    assert "1 cell of fewer than 20 people" in page
    assert "1 result of fewer than 20 people in an arm left out" in page
    # 410 less 400 people are 10 people, 1,000 less 995 are 5: of two such days the later stays.
    assert "2 days that added fewer than 20 people" in page


def test_shares_and_preferences(pages):
    """Of the newest build; the few who clicked more of the other policy are not counted."""
    page = pages["tested"].read_text(encoding="utf-8")
    assert "70.0 %" in page and "best with 90 %" in page and "12.3 %" not in page and "98.7 %" not in page
    assert "People click items of main more: of 200 people 90 clicked more of main, fewer than 20 more of fresh" in page


def test_a_failed_check_takes_the_figures(pages):
    page = pages["tested"].read_text(encoding="utf-8")
    [card] = [one for one in page.split("<article")[1:] if "<h3>broken" in one]
    assert "the check srm fails. There is no verdict" in card and "exposures get lost" in card
    assert "<figure" not in card.split("</article>")[0]


def test_min_people_counts_where_it_is_more(tmp_path):
    page = written(experimenting_shop(tmp_path, privacy={"min_people": 500}))
    assert "about fewer than 500 people are left out" in page
    # 900 people were shown lists, 400 are in the backtest.
    assert "9,700" not in page and "Offline: the backtest" not in page and "Online: lists that were shown" in page


def test_hostile_texts_are_texts(opened, pages):
    page = opened("hostile")
    source = pages["hostile"].read_text(encoding="utf-8")
    assert page.locator("section").count() == 5
    assert page.locator("img, [onmouseover], [style*='position:fixed']").count() == 0
    assert page.get_by_text("<script>document.title = 'taken'</script>").count() > 0
    assert "\u202e" not in source and "<script" not in source
    for figure in page.locator("figure").all()[:20]:
        figure.hover()
    assert page.title() == "Recommendations report" and page.said == []


def test_nobody_is_named(pages):
    page = pages["hostile"].read_text(encoding="utf-8")
    assert not [person for person in PEOPLE if person in page] and "person-0" not in page
    # What one person's list alone gained.
    assert "item-of-one" not in page


def test_what_the_last_release_changed(pages):
    page = pages["hostile"].read_text(encoding="utf-8")
    assert "62 people with a list in both releases" in page
    assert "Items in more lists than before" in page and "Items in fewer lists than before" in page
    assert "+61" in page and "-62" in page
    assert page.count("apps read it") == 1


def test_business_and_health(pages):
    page = pages["measured"].read_text(encoding="utf-8")
    titles = re.findall(r"<figure class=\"card\"><h3>(.*?)</h3>", page)
    # Orders of a day are few, those of a week enough; nobody watches films here.
    assert {"Active people by day", "Click rate by day", "Revenue by week", "Order value by week"} <= set(titles)
    assert not any("Watch" in title for title in titles)
    assert {"Who came back", "Customer value by the chance to be still active", "What lists brought"} <= set(titles)
    assert {"events: rows by day", "Drift since the release before", "Concentration of lists"} <= set(titles)
    assert {"What the last run took", "How long apps wait"} <= set(titles)
    assert "1 unusual day." in page and "3 hours old" in page
    assert "1 of 2 columns drifted" in page and "past" not in page
    assert (
        "The run took 70 s" in page
        and "took 0.125 credits" in page
        and "missed" in page
        and "rises over releases" in page
    )
    # The day, the cohort, the category, the holdout and the column of few people.
    assert "of_few" not in page and "rare" not in page and "123,456" not in page and ">small<" not in page
    assert "9 Mar" not in page and "2 Mar" in page
    assert "customer-" not in page and "&lt;b&gt;books&lt;/b&gt;" in page
    assert len(re.findall("left out: 1 cell of fewer than 20 people", page)) >= 5


def test_an_empty_warehouse_says_so(pages):
    page = pages["empty"].read_text(encoding="utf-8")
    said = re.findall(r'<p class="card quiet">(.*?)</p>', page)
    assert len(said) == 5 and all(sentence.count(".") >= 1 for sentence in said)
    assert "<figure" not in page


def test_much_stays_small(tmp_path):
    """A hundred experiments of four months, of three arms and eight metrics."""
    shop = ReportedShop(tmp_path).add("builds", [])
    names = [f"experiment_{number}" for number in range(100)]
    shop.add("checked_experiments", [experiment(name) for name in names])
    shop.add("checked_arms", [arm for name in names for arm in arms(name, "a", "b", "c")])
    days = "step = 119 as is_newest, 300 * step as n, 300 * step as n_control"
    days = f"select * replace (cast(date '2026-01-01' + step::int as date) as day, {days}) from experiment_results"
    metrics = ["ctr", *(f"metric_{number}" for number in range(7))]
    shop.add("experiment_results", [result(names[0], arm, metric=metric) for arm in "bc" for metric in metrics])

    with duckdb.connect(str(shop.database_file)) as connection:
        connection.execute(f"create table many as {days} cross join range(120) as days (step)")
        connection.execute("drop table experiment_results")
        connection.execute(
            "create table experiment_results as select * replace (concat('experiment_', e) as experiment_id) from many "
            "cross join range(100) as experiments (e)"
        )
    page = written(shop)
    assert page.count("<article") == 100
    assert len(page.encode()) < 2_000_000


def test_the_command(sample_shop, tmp_path):
    """Of the sample shop as it is built: both files, whole, and the warehouse as it was."""
    folder = tmp_path / "serving"
    before = sample_shop.database.read_bytes()
    # Of the build's own files: dbt isn't started, which would write its own.
    target = sample_shop.database.parent / "target"
    (tmp_path / "target").mkdir()
    shutil.copy(target / "manifest.json", tmp_path / "target")
    done = subprocess.run(
        [sys.executable, "-m", "kindred.cli", "report", "--folder", str(folder)]
        + ["--output", str(tmp_path / "a place" / "page.html"), "--target-path", str(tmp_path / "target")]
        + ["--log-path", str(tmp_path / "logs")],
        cwd=REPOSITORY,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(REPOSITORY / "src"), "DBT_PROFILES_DIR": str(REPOSITORY)}
        | {"KINDRED_DUCKDB_PATH": str(sample_shop.database), "KINDRED_TEMP_DIRECTORY": str(tmp_path / "temp")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    page = (tmp_path / "a place" / "page.html").read_text(encoding="utf-8")
    assert str(tmp_path / "a place" / "page.html") in done.stdout
    assert {path.name for path in folder.iterdir()} == {"metrics.json"}
    assert {path.name for path in (tmp_path / "target").iterdir()} == {"manifest.json"}
    assert not (tmp_path / "logs").exists()
    assert "There are no experiments" in page and "Offline: the backtest" in page and "Publish gates" in page
    people = sample_shop.column("select user_id from users union select identity_id from identities")
    words = set(re.findall(r"[\w@.-]+", page))
    assert not words & set(people)
    assert sample_shop.database.read_bytes() == before


def test_no_build_yet(tmp_path):
    shop = ReportedShop(tmp_path)
    shop.database_file.unlink()
    with pytest.raises(RuntimeError, match="run `dbt build` first"), Tables(shop).opened():
        pass

"""The report in a real browser: it fits every screen, says nothing to the console, asks no host, and can be used."""

import json

import pytest

pytestmark = pytest.mark.browser

WIDTHS = (360, 768, 1440)
BEYOND = """
[...document.body.querySelectorAll("*")]
  .filter((it) => !it.closest(".table-box, .panel, nav, pre, .unseen, .skip") && it.checkVisibility())
  .filter((it) => it.getBoundingClientRect().right > innerWidth + 0.5)
  .map((it) => it.outerHTML.slice(0, 120))
"""
CELLS = """
((index) => [...document.querySelector("table[id^=leaderboard-]").tBodies].map(
  (body) => [...body.rows].map((row) => row.cells[index].innerText.trim())))
"""
HEADING = '((index) => document.querySelector("table[id^=leaderboard-]").tHead.rows[0].cells[index])'
SHOWN = """
[...document.querySelector("table[id^=leaderboard-]").tBodies]
  .flatMap((body) => [...body.rows]).filter((row) => row.checkVisibility()).map((row) => row.cells[0].innerText.trim())
"""


@pytest.fixture(scope="module")
def page(report):
    return report / "index.html"


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_screen(page, browser, width):
    browser.visit(page, width)
    browser.evaluate("document.querySelectorAll('details').forEach((it) => (it.open = true))")
    assert browser.evaluate("innerWidth") == width
    assert browser.evaluate(BEYOND) == []
    assert browser.evaluate("document.documentElement.scrollWidth") <= width


def test_the_measure_of_width_finds_what_is_too_wide(page, browser):
    browser.visit(page, 360)
    browser.evaluate("document.querySelector('h1').style.width = '500px'")
    assert [found[:3] for found in browser.evaluate(BEYOND)] == ["<h1"]


@pytest.mark.parametrize("width", WIDTHS)
def test_letters_in_figures_can_be_read(page, browser, width):
    browser.visit(page, width)
    heights = "[...document.querySelectorAll('.panel svg text')].map((it) => it.getBoundingClientRect().height)"
    assert min(browser.evaluate(heights)) >= 8


@pytest.mark.parametrize("dark", [False, True])
def test_the_console_stays_empty_and_no_host_is_asked(page, browser, dark):
    browser.visit(page, dark=dark)
    assert browser.complaints() == []
    assert browser.requests() == [page.as_uri()]
    ground = "rgb(20, 23, 27)" if dark else "rgb(255, 255, 255)"
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == ground


def test_what_goes_to_the_console_and_to_hosts_is_noticed(report, browser):
    loud = report / "loud.html"
    loud.write_text("<img src='http://127.0.0.1:9/x.png'><script>console.warn('heard')</script>", encoding="utf-8")
    browser.visit(loud)
    assert any("heard" in said for said in browser.complaints())
    assert "http://127.0.0.1:9/x.png" in browser.requests()


def test_tables_are_sorted_by_a_click(page, browser):
    browser.visit(page)
    before = browser.evaluate(f"{CELLS}(1)")
    browser.evaluate(f"{HEADING}(1).querySelector('button').click()")
    first = browser.evaluate(f"{CELLS}(1)")
    assert browser.evaluate(f"{HEADING}(1).getAttribute('aria-sort')") == "descending"
    numbers = [[float(value.rstrip("*")) for value in body] for body in first]
    assert all(body == sorted(body, reverse=True) for body in numbers)
    browser.evaluate(f"{HEADING}(1).querySelector('button').click()")
    second = browser.evaluate(f"{CELLS}(1)")
    assert browser.evaluate(f"{HEADING}(1).getAttribute('aria-sort')") == "ascending"
    assert second == [body[::-1] for body in first]
    # Controls stay below the contest, whatever is sorted.
    assert [sorted(body) for body in second] == [sorted(body) for body in before]
    browser.evaluate(f"{HEADING}(0).querySelector('button').click()")
    names = browser.evaluate(f"{CELLS}(0)")
    assert browser.evaluate(f"{HEADING}(1).getAttribute('aria-sort')") is None
    assert all([n.lower() for n in body] == sorted(n.lower() for n in body) for body in names)


def test_a_table_with_headings_above_its_headings_is_sorted_by_its_columns(page, browser):
    browser.visit(page)
    overview = "document.querySelector('#overview')"
    browser.evaluate(f"{overview}.querySelectorAll('thead button')[2].click()")
    bodies = browser.evaluate(
        f"[...{overview}.tBodies].map((body) => [...body.rows].map((row) => row.cells[2].dataset.value))"
    )
    assert len(bodies) == 2
    assert all(body == sorted(body, key=float, reverse=True) for body in bodies)


def test_tables_are_sorted_by_keys_too(page, browser):
    browser.visit(page)
    browser.evaluate(f"{HEADING}(1).querySelector('button').focus()")
    browser.press("Enter")
    assert browser.evaluate(f"{HEADING}(1).getAttribute('aria-sort')") == "descending"


def test_rows_are_chosen_by_text_and_by_kind(page, browser):
    browser.visit(page)
    every = browser.evaluate(SHOWN)
    form = "document.querySelector('form.filters')"
    write = f"""(words) => {{
        const field = {form}.querySelector("input[type=search]");
        field.value = words;
        field.dispatchEvent(new Event("input", {{bubbles: true}}));
    }}"""
    browser.evaluate(f"({write})('HYDRA')")
    assert browser.evaluate(SHOWN) == [name for name in every if "hydra" in name.lower()] != []
    assert browser.evaluate(f"{form}.querySelector('output').textContent") == f"1 of {len(every)} rows"
    browser.evaluate(f"({write})('')")
    assert browser.evaluate(SHOWN) == every
    browser.evaluate(f"{form}.querySelector('input[value=trained]').click()")
    left = browser.evaluate(SHOWN)
    assert left
    assert not any(name.startswith(("SASRec", "HydraRecUni")) for name in left)


def test_a_link_to_a_run_unfolds_its_card(page, browser):
    browser.visit(page)
    target = browser.evaluate("document.querySelector('table.sortable tbody a').getAttribute('href').slice(1)")
    card = f"document.getElementById({json.dumps(target)})"
    assert browser.evaluate(f"{card}.open") is False
    browser.evaluate("document.querySelector('table.sortable tbody a').click()")
    browser.evaluate("new Promise((done) => setTimeout(done, 50))")
    assert browser.evaluate(f"{card}.open") is True


SCROLL = """
((selector, below) => new Promise((done) => {
  scrollTo({top: document.querySelector(selector).getBoundingClientRect().top + scrollY + below, behavior: "instant"});
  requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 50)));
}))
"""
AT = "((selector) => document.querySelector(selector).getBoundingClientRect().top)"


@pytest.mark.parametrize("width", [360, 1440])
def test_the_sections_stay_at_the_top_in_one_line_and_the_one_that_is_read_is_marked(page, browser, width):
    browser.visit(page, width)
    browser.evaluate(f"{SCROLL}('#beyond', 100)")
    assert browser.evaluate(f"{AT}('nav')") == 0
    assert browser.evaluate("document.querySelector('nav').offsetHeight") < 60
    marked = "[...document.querySelectorAll('nav [aria-current]')]"
    assert browser.evaluate(f"{marked}.map((it) => it.hash)") == ["#beyond"]
    seen = f"(() => {{ const box = {marked}[0].getBoundingClientRect(); return [box.left, box.right]; }})()"
    left, right = browser.evaluate(seen)
    assert 0 <= left < right <= width
    # What a link leads to is not hidden below the line.
    browser.evaluate("location.hash = 'checks'; undefined")
    browser.evaluate("new Promise((done) => setTimeout(done, 600))")
    assert browser.evaluate(f"{AT}('#checks-title')") >= browser.evaluate("document.querySelector('nav').offsetHeight")


def test_the_head_of_a_table_that_fits_stays_in_sight(page, browser):
    browser.visit(page)
    table = "#times-made-0-loo"
    assert browser.evaluate(f"document.querySelector('{table}').parentElement.className") == "table-box fits"
    browser.evaluate(f"{SCROLL}('{table} tbody', 20)")
    head = browser.evaluate(f"{AT}('{table} thead th')")
    assert head == pytest.approx(browser.evaluate("document.querySelector('nav').offsetHeight"), abs=1)
    assert head > browser.evaluate(f"{AT}('{table} tbody')")
    # One that does not fit scrolls sideways in its own box instead.
    browser.visit(page, 360)
    assert browser.evaluate(f"document.querySelector('{table}').parentElement.className") == "table-box"


def test_the_tables_of_results_fit_into_a_small_laptops_screen(page, browser):
    browser.visit(page, 1280)
    long = "A smoothed Markov chain of the second order (recency, 90 days)"
    tables = "[id=overview], [id^=leaderboard-], [id^=contrasts-], [id^=margins-], [id^=times-]"
    boxes = f"[...document.querySelectorAll('table:is({tables})')]"
    browser.evaluate(f"{boxes}.forEach((it) => (it.querySelector('tbody th a').innerText = '{long}'))")
    widths = f"{boxes}.map((it) => [it.id, it.offsetWidth, it.parentElement.clientWidth])"
    found = browser.evaluate(widths)
    assert len(found) >= 6
    assert [one for one in found if one[1] > one[2]] == []


@pytest.mark.parametrize("width", [360, 768])
def test_on_small_screens_tables_of_sentences_are_lists_with_the_headings_before_the_values(page, browser, width):
    browser.visit(page, width)
    browser.evaluate("document.querySelectorAll('details').forEach((it) => (it.open = true))")
    boxes = "[...document.querySelectorAll('table.prose')].map((it) => it.parentElement)"
    assert browser.evaluate(f"{boxes}.length") >= 2
    assert (
        browser.evaluate(f"{boxes}.filter((it) => it.scrollWidth > it.clientWidth + 1).map((it) => it.innerHTML)") == []
    )
    before = "getComputedStyle(document.querySelector('#gates-passed td:last-child'), '::before').content"
    assert browser.evaluate(before) == '"Finding: "'
    browser.visit(page)
    browser.evaluate("document.querySelectorAll('details').forEach((it) => (it.open = true))")
    assert browser.evaluate(before) == "none"


def test_headings_tables_and_figures_say_their_own_addresses(page, browser):
    browser.visit(page)
    own = """[...document.querySelectorAll("h2 .here, caption .number-of, figcaption .number-of")].map((it) =>
        [it.textContent, it.hash.slice(1), it.closest("section, figure, table").id])"""
    found = browser.evaluate(own)
    assert all(address == here for _, address, here in found)
    for kind in ("Table", "Figure"):
        numbers = [int(text.split()[1]) for text, *_ in found if text.startswith(kind)]
        assert numbers == list(range(1, len(numbers) + 1)) != []
    everything = "document.querySelectorAll('table, figure, h2').length"
    assert len(found) == browser.evaluate(everything)


def test_the_first_stop_of_the_tab_key_skips_to_the_results(page, browser):
    browser.visit(page)
    browser.press("Tab")
    assert browser.evaluate("document.activeElement.className") == "skip"
    assert browser.evaluate("document.activeElement.getBoundingClientRect().left") >= 0


def test_on_paper_there_is_no_navigation_and_no_dark_ground(page, browser, tmp_path):
    browser.visit(page, dark=True, media="print")
    assert browser.evaluate("document.querySelector('nav').checkVisibility()") is False
    assert browser.evaluate("document.querySelector('form.filters').checkVisibility()") is False
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    browser.print(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")


def test_nothing_is_wider_than_the_paper(page, browser):
    # A4 with the margins that browsers leave. On paper nothing scrolls, so what stands in tables counts too.
    browser.visit(page, 718, media="print")
    browser.evaluate("document.querySelectorAll('details').forEach((it) => (it.open = true))")
    everything = BEYOND.replace(".table-box, .panel, nav, pre, ", "")
    assert browser.evaluate(everything) == []
    browser.evaluate("document.querySelector('td').style.minWidth = '800px'")
    assert browser.evaluate(everything)


def test_the_page_reads_without_scripts(page, browser):
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.visit(page)
        assert browser.evaluate("document.querySelector('form.filters').checkVisibility()") is False
        assert len(browser.evaluate(SHOWN)) == 6
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)

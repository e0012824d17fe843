"""The report in a real browser: fits small and large screens, logs no error, asks no host, sorts its tables."""

import html
import json
import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.browser

MEASURE = """
<script>
addEventListener("load", () => {
  const root = document.documentElement;
  const inBox = (element) => element.closest(".table-box, .panel, pre, .unseen, .skip");
  const beyond = [...document.body.querySelectorAll("*")].filter(
    (element) => !inBox(element) && element.getBoundingClientRect().right > innerWidth + 0.5);
  const texts = [...document.querySelectorAll(".panel svg text")].map((text) => text.getBoundingClientRect().height);
  const out = document.createElement("output");
  out.id = "measured";
  out.textContent = JSON.stringify({
    width: innerWidth, scroll: root.scrollWidth, beyond: beyond.map((element) => element.outerHTML.slice(0, 80)),
    smallest: Math.min(...texts), paper: getComputedStyle(document.body).backgroundColor,
  });
  parent.document.body.append(out);
});
</script>
"""

SORT = """
<script>
addEventListener("load", () => {
  const table = document.querySelector("table.sortable");
  const read = (index) => [...table.tBodies].map((body) => [...body.rows].map((row) => row.cells[index].textContent));
  const head = (index) => table.tHead.rows[0].cells[index];
  const seen = {before: read(1)};
  head(1).querySelector("button").click();
  seen.first = [read(1), head(1).getAttribute("aria-sort")];
  head(1).querySelector("button").click();
  seen.second = [read(1), head(1).getAttribute("aria-sort")];
  head(0).querySelector("button").click();
  seen.words = [read(0), head(0).getAttribute("aria-sort"), head(1).getAttribute("aria-sort")];
  const out = document.createElement("output");
  out.id = "measured";
  out.textContent = JSON.stringify(seen);
  parent.document.body.append(out);
});
</script>
"""


def visit_with(script: str, report: Path, chromium, width: int, *options: str) -> tuple[dict, str]:
    """Open the page with a measuring script added to it and return what the script wrote, and the log.

    The page stands in a frame, because windows of the browser cannot be as narrow as a telephone.
    """
    page = (report / "index.html").read_text(encoding="utf-8").replace("</body>", script + "</body>")
    frame = f'<iframe style="border: 0; width: {width}px; height: 900px" srcdoc="{html.escape(page)}"></iframe>'
    harness = report / "harness.html"
    harness.write_text(f"<!DOCTYPE html><html><body style='margin: 0'>{frame}</body></html>", encoding="utf-8")
    dom, log = chromium(harness, max(width, 600), *options)
    found = re.search(r'<output id="measured">(.*?)</output>', dom, re.DOTALL)
    assert found, log[-2000:]
    return json.loads(html.unescape(found.group(1))), log


@pytest.mark.parametrize(("width", "dark"), [(400, False), (400, True), (1400, False), (1400, True)])
def test_the_page_fits_and_logs_nothing(report, chromium, width, dark):
    scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
    measured, log = visit_with(MEASURE, report, chromium, width, scheme)
    assert measured["width"] == width
    assert measured["scroll"] <= width, measured["beyond"]
    assert measured["beyond"] == []
    assert measured["smallest"] >= 8
    assert measured["paper"] == ("rgb(20, 23, 27)" if dark else "rgb(255, 255, 255)")
    assert "CONSOLE" not in log


def test_no_host_is_asked(report, chromium, tmp_path):
    record = tmp_path / "net.json"
    chromium(report / "index.html", 1400, f"--log-net-log={record}")
    asked = re.findall(r'"url":"((?:https?|wss?|ftp):[^"]*)"', record.read_text(encoding="utf-8", errors="replace"))
    # The browser itself may call home; a page on disk that asks anyone does so with the origin "null" or file.
    own = re.compile(r"^https?://([a-z0-9-]+\.)*(google|googleapis|gvt1|gstatic)\.com/")
    assert [url for url in asked if not own.match(url)] == []


def test_tables_are_sorted_by_a_click(report, chromium):
    seen, _ = visit_with(SORT, report, chromium, 1400)
    first, direction = seen["first"]
    assert direction == "descending"
    assert all(body == sorted(body, key=float, reverse=True) for body in first)
    second, direction = seen["second"]
    assert direction == "ascending"
    assert second == [body[::-1] for body in first]
    # Controls stay below the contest, whatever is sorted.
    assert [sorted(body) for body in second] == [sorted(body) for body in seen["before"]]
    words, by_word, by_number = seen["words"]
    assert (by_word, by_number) == ("ascending", None)
    assert all([w.strip().lower() for w in body] == sorted(w.strip().lower() for w in body) for body in words)

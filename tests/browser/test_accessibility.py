"""What axe-core says of the page: no violation of WCAG 2.2 at level AA, on white and on dark paper."""

import json

import pytest

pytestmark = pytest.mark.browser

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = f"""
axe.run(document, {{runOnly: {json.dumps(TAGS)}}}).then((found) => ({{
  violations: found.violations.map((it) => [it.id, it.nodes.length, it.nodes[0].html.slice(0, 200)]),
  checked: found.passes.map((it) => it.id),
}}))
"""


def examine(browser, axe, page, width, dark):
    browser.visit(page, width, dark=dark)
    browser.evaluate("document.querySelectorAll('details').forEach((it) => (it.open = true))")
    browser.evaluate(f"{axe}; undefined")
    return browser.evaluate(RUN)


@pytest.mark.parametrize(("width", "dark"), [(360, False), (1440, False), (1440, True)])
def test_axe_finds_nothing(report, browser, axe, width, dark):
    found = examine(browser, axe, report / "index.html", width, dark)
    assert found["violations"] == []
    assert {"color-contrast", "svg-img-alt", "th-has-data-cells", "heading-order", "label"} <= set(found["checked"])


def test_axe_would_find_faint_letters(report, browser, axe):
    faint = report / "faint.html"
    page = (report / "index.html").read_text(encoding="utf-8")
    faint.write_text(page.replace("</head>", "<style>p { color: #bbb !important }</style></head>"), encoding="utf-8")
    found = examine(browser, axe, faint, 1440, False)
    assert [name for name, *_ in found["violations"]] == ["color-contrast"]

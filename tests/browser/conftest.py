"""A rendered report and a browser to open it with."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hydrarec.comparison import check_gates, collect, contrast
from hydrarec.report import render
from tests.fabricate import Tree, config


@pytest.fixture(scope="session")
def report(tmp_path_factory) -> Path:
    """Folder of a report on fabricated results, with labels as long as they get."""
    tree = Tree(config(), tmp_path_factory.mktemp("fabricated") / "results", n_users=120).write()
    tables, output = tmp_path_factory.mktemp("tables"), tmp_path_factory.mktemp("report")
    collect(tree.config, tree.results, tables)
    contrast(tree.config, tree.results, tables)
    check_gates(tree.config, tree.results, tables)
    render(tree.config, tree.results, tables, output)
    return output


@pytest.fixture
def chromium(tmp_path) -> Callable[..., tuple[str, str]]:
    """Open a page without a screen and return its final DOM and what the browser logged; skips without a browser."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("no chromium on the PATH")

    def visit(page: Path, width: int, *options: str) -> tuple[str, str]:
        command = [
            browser, "--headless=new", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--enable-logging=stderr", "--hide-scrollbars",
            f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},900", *options, "--dump-dom",
            page.as_uri(),
        ]  # fmt: skip
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            # Chromium refuses to sandbox itself for root, which is who runs tests in containers.
            command.insert(1, "--no-sandbox")
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        assert "</html>" in done.stdout, done.stderr[-2000:]
        return done.stdout, done.stderr

    return visit

"""Results held to published numbers: what was measured is kept, and a page sets it beside what others published.

`docs/reproduction/published.yaml` says what is held to what and is written by people; `measured.json` beside it and
`docs/reproduction.md` are written here.
"""

from collections.abc import Sequence
from pathlib import Path

from hydrarec.config import BenchmarkConfig, load_file
from hydrarec.config.base import ConfigError
from hydrarec.config.published import Published, load_published
from hydrarec.config.runs import BaselineRun
from hydrarec.files import write_text
from hydrarec.published.measured import find_measurements, merge, read_measured, write_measured
from hydrarec.published.page import page

PUBLISHED = Path("docs/reproduction/published.yaml")
MEASURED = Path("docs/reproduction/measured.json")
PAGE = Path("docs/reproduction.md")


def update(checkout: Path, results: Sequence[Path]) -> None:
    """Take new results in and write the page.

    Parameters
    ----------
    checkout
        Root of a clone of the repository.
    results
        Results folders, of any machines; of two measurements of the same run and seed the newer one stays. None: only
        the page is written.

    Raises
    ------
    ConfigError
        If the published numbers or a configuration have mistakes.
    ValueError
        If a result does not hold what it must, or two are about different test targets.
    """
    published, configs = read_published(checkout)
    wanted: dict[tuple[str, str], list[str]] = {}
    common = published.common
    shown = [r.id for r in configs[common.config].all_runs if not (isinstance(r, BaselineRun) and r.control)]
    wanted[common.config, common.dataset] = shown
    for row in published.rows:
        wanted.setdefault((row.config, row.dataset), []).append(row.run)
    found = [
        measurement
        for folder in results
        for (config, dataset), runs in wanted.items()
        for measurement in find_measurements(folder, configs[config], dataset, dict.fromkeys(runs))
    ]
    measured = merge(read_measured(checkout / MEASURED), found)
    write_measured(checkout / MEASURED, measured)
    write_text(checkout / PAGE, page(published, configs, measured))


def read_published(checkout: Path) -> tuple[Published, dict[str, BenchmarkConfig]]:
    """Read what results are held to, and the configurations it names, by path.

    Raises
    ------
    ConfigError
        If a file has mistakes, or a row names a dataset, protocol or run that its configuration does not have.
    """
    published = load_published(checkout / PUBLISHED)
    paths = dict.fromkeys([published.common.config, *(row.config for row in published.rows)])
    configs = {path: load_file(checkout / path) for path in paths}
    for row in (published.common, *published.rows):
        config = configs[row.config]
        allowed = {"dataset": [d.id for d in config.datasets], "protocol": config.protocols, "run": config.run_ids}
        for key, names in allowed.items():
            if (name := getattr(row, key, names[0])) not in names:
                raise ConfigError(f"{PUBLISHED}: {row.config} has no {key} {name!r}; allowed: {', '.join(names)}")
    return published, configs

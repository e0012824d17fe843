"""The published counts come out of the real files, exactly; and the cards say what is true of them."""

import re
from pathlib import Path

import numpy as np
import pytest

from hydrarec.columns import INTERACTIONS, ITEMS, USERS
from hydrarec.config.built_in import BUILT_IN
from hydrarec.config.datasets import (
    DatasetConfig,
    RatingsReaderConfig,
    SourceConfig,
)
from hydrarec.data.download import download
from hydrarec.data.prepare import prepare
from hydrarec.data.split import split
from hydrarec.files import read_json
from hydrarec.tables import read_table

CARDS = Path(__file__).parents[3] / "docs" / "datasets"

ML_1M_REBUILT = BUILT_IN["ml-1m"].model_copy(
    update={
        "id": "ml-1m-rebuilt",
        "source": SourceConfig(
            file="ml-1m-rebuilt.zip", sha256="182b9d5130fc714adf08e620cf12fa392f7e0d7fcedf0ccb4eede56ef4406303"
        ),
    }
)
ML_100K_REBUILT = BUILT_IN["ml-100k"].model_copy(
    update={
        "id": "ml-100k-rebuilt",
        "source": SourceConfig(
            file="ml-100k-rebuilt.zip", sha256="57a12de2c47a548cb4ce341ab38fdbb1ded5abf41a8460b3d1379f5f9090ce3d"
        ),
    }
)
BEAUTY_5CORE_TABLE = BUILT_IN["beauty"].model_copy(
    update={
        "id": "beauty-5core-table",
        "source": SourceConfig(
            file="amazon-beauty-5core.csv", sha256="76054bb326c1fb6083974ebb9cb696a61e5481a51e6793cf22bf26a2264adbdd"
        ),
        "reader": RatingsReaderConfig(columns=["user", "item", "timestamp"], header=True),
    }
)
ML_1M_COUNTS, BEAUTY_5CORE_COUNTS = (6040, 3416, 999_611), (22_363, 12_101, 198_502)
COUNTS = {
    "ml-1m-sasrec": ML_1M_COUNTS,
    "ml-1m-rebuilt": ML_1M_COUNTS,
    "ml-100k-rebuilt": (943, 1682, 100_000),
    "beauty-bert4rec": (40_226, 54_542, 353_962),
    "beauty-5core": BEAUTY_5CORE_COUNTS,
    "beauty-5core-table": BEAUTY_5CORE_COUNTS,
    "synthetic": (2000, 500, 60_257),
}
CONFIGS = [
    BUILT_IN["ml-1m-sasrec"],
    ML_1M_REBUILT,
    ML_100K_REBUILT,
    BUILT_IN["beauty-bert4rec"],
    BUILT_IN["beauty-5core"],
    BEAUTY_5CORE_TABLE,
]
CARD_OF = {"ml-1m-rebuilt": "ml-1m", "ml-100k-rebuilt": "ml-100k", "beauty-5core-table": "beauty"}
"""Cards of data sets whose own file is not at hand, and what stands in for it here."""


def _prepared(config: DatasetConfig, folder: Path, mirror: Path | None) -> Path:
    raw = download(config, folder / "raw", str(mirror))
    prepare(config, raw, folder / "data")
    return folder / "data"


def _card_row(card: str, label: str) -> tuple[int, ...]:
    """Return the numbers of a row of a card's table of counts."""
    row = re.search(rf"^\| {re.escape(label)} \|(.*)\|$", (CARDS / f"{card}.md").read_text(), re.MULTILINE)
    assert row, f"{card}.md has no row {label!r}"
    return tuple(int(cell.replace(",", "")) for cell in row[1].split("|"))


@pytest.mark.mirror
@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.id)
def test_counts(config, mirror, tmp_path, monkeypatch):
    monkeypatch.delenv("HYDRAREC_MIRROR", raising=False)
    data = _prepared(config, tmp_path, mirror)
    events = read_table(data / "interactions.parquet", INTERACTIONS, ["user", "item"])
    counts = events["user"].nunique(), events["item"].nunique(), len(events)
    assert counts == COUNTS[config.id]
    assert counts == (
        len(read_table(data / "users.parquet", USERS)),
        len(read_table(data / "items.parquet", ITEMS)),
        len(events),
    )
    assert counts == _card_row(CARD_OF.get(config.id, config.id), "prepared")
    card = read_json(data / "card.json")
    assert card["repeats"] == 0
    assert card["lengths"]["min"] >= 5


@pytest.mark.mirror
def test_known_facts_about_times(mirror, tmp_path, monkeypatch):
    """Shares of ties and of the future, and the size of the temporal test part, as measured independently."""
    monkeypatch.delenv("HYDRAREC_MIRROR", raising=False)
    data = _prepared(ML_100K_REBUILT, tmp_path / "100k", mirror)
    times = read_json(data / "card.json")["times"]
    assert times["tie_share"] == pytest.approx(0.76, abs=0.005)
    assert times["last_two_tie_share"] == pytest.approx(0.44, abs=0.005)
    split(data, "loo", data / "loo")
    assert read_json(data / "loo/split.json")["future_share"] == pytest.approx(0.41, abs=0.005)

    data = _prepared(ML_1M_REBUILT, tmp_path / "1m", mirror)
    split(data, "gts", data / "gts")
    assert read_json(data / "gts/split.json")["parts"]["test"]["target_users"] == 1209


@pytest.mark.mirror
def test_text_file_keeps_its_numbers(mirror, tmp_path, monkeypatch):
    """Dense ids of the SASRec file are the ids in the file, so results compare item by item with other code's."""
    monkeypatch.delenv("HYDRAREC_MIRROR", raising=False)
    data = _prepared(BUILT_IN["ml-1m-sasrec"], tmp_path, mirror)
    events = read_table(data / "interactions.parquet", INTERACTIONS, ["user", "item"])
    raw = np.loadtxt(mirror / "sasrec-ml-1m.txt", dtype=np.int64)
    assert np.array_equal(events.to_numpy(), raw)


def test_counts_of_the_embedded_data(tmp_path):
    data = _prepared(BUILT_IN["synthetic"], tmp_path, None)
    card = read_json(data / "card.json")
    assert (
        (card["users"], card["items"], card["interactions"])
        == COUNTS["synthetic"]
        == _card_row("synthetic", "prepared")
    )


def test_three_beauties_are_told_apart():
    titles = {BUILT_IN[name].title for name in ("beauty", "beauty-5core", "beauty-bert4rec")}
    assert len(titles) == 3
    assert all("Beauty" in title and "2014" in title for title in titles)


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_card_names_source_checksum_licence_and_defects(name):
    entry, text = BUILT_IN[name], (CARDS / f"{name}.md").read_text()
    assert text.startswith(f"# `{name}`")
    for heading in ("## Source", "## Licence", "## Counts", "## Filter", "## Order and ties", "## Known defects"):
        assert heading in text, f"{name}.md has no section {heading!r}"
    if entry.source is not None:
        for part in (entry.source.file, entry.source.sha256, *entry.source.urls):
            assert part in text

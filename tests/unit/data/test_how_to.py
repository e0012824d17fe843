"""The example of docs/how-to/add-dataset.md works as it is printed."""

import re
from pathlib import Path

import yaml

from hydrarec.columns import USERS
from hydrarec.config import load
from hydrarec.data.download import download
from hydrarec.data.prepare import prepare
from hydrarec.files import sha256
from hydrarec.tables import read_table

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "add-dataset.md"


def _block(language: str) -> str:
    return re.search(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)[1]


def test_own_data_in_the_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRAREC_MIRROR", raising=False)
    raw = tmp_path / "my-data" / "shop.csv"
    raw.parent.mkdir()
    raw.write_text(_block("csv"))
    config = load(yaml.safe_load(_block("yaml").replace("0" * 64, sha256(raw))))
    shop = config.dataset("shop")
    path = download(shop, tmp_path / "results", config.mirror)
    keep_all = shop.filter.model_copy(update={"min_user_interactions": 1, "min_item_interactions": 1})
    prepare(shop.model_copy(update={"filter": keep_all}), path, tmp_path / "data")
    assert read_table(tmp_path / "data/users.parquet", USERS)["raw_user"].tolist() == ["anna", "ben"]

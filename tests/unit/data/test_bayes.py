"""The best possible row of the embedded data set: exact scores, and well above what simpler knowledge reaches."""

import numpy as np
import pytest
import torch

from hydrarec.baselines import BaselineInputs, bayes, markov, popularity
from hydrarec.columns import ITEMS
from hydrarec.config.built_in import BUILT_IN
from hydrarec.config.datasets import RatingsReaderConfig, SyntheticReaderConfig
from hydrarec.data.prepare import prepare
from hydrarec.data.split import split
from hydrarec.data.synthetic import SyntheticProcess, draw
from hydrarec.ranking.full import rank
from hydrarec.sequences.log import read_cases, read_catalogue, read_train
from hydrarec.tables import read_table

from .conftest import dataset


def _inputs(data, protocol="loo") -> BaselineInputs:
    folder = data / protocol
    split(data, protocol, folder)
    return BaselineInputs(data, folder, read_train(folder), read_cases(folder, "test"), read_catalogue(data, folder), 0)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory) -> BaselineInputs:
    data = tmp_path_factory.mktemp("embedded")
    prepare(BUILT_IN["synthetic"], None, data)
    return _inputs(data)


def _hr10(module, inputs: BaselineInputs) -> float:
    ranks = rank(module.scorer(inputs, {}), inputs.cases, inputs.catalogue, batch_size=500).ranks
    return float((np.clip(10 - ranks["greater"], 0, ranks["equal"] + 1) / (ranks["equal"] + 1)).mean())


def test_embedded_data_tell_methods_apart(embedded):
    of_popularity, of_markov, of_bayes = (_hr10(module, embedded) for module in (popularity, markov, bayes))
    # The figures of docs/datasets/synthetic.md.
    assert (of_popularity, of_markov, of_bayes) == pytest.approx((0.1205, 0.3615, 0.646), abs=1e-6)
    assert of_popularity + 0.15 < of_markov < of_bayes - 0.2


def test_scores_are_the_process_by_dense_id(embedded):
    config = SyntheticReaderConfig()
    process, rows = SyntheticProcess.from_config(config), draw(config)
    raw = read_table(embedded.data / "items.parquet", ITEMS)["raw_item"].astype(int).to_numpy()
    scores = bayes.scorer(embedded, {})(torch.tensor([5, 0]))
    assert scores.dtype == torch.float32
    assert scores.shape == (2, config.n_items + 1)
    # Dense users stand in the order of the draw, so case 5 is the generator's user 5 up to the last item.
    history = rows.loc[rows["user"] == 5, "item"].to_numpy()[:-1]
    np.testing.assert_allclose(scores[0, 1:], process.next_item_probabilities(history)[raw], rtol=1e-6)


def test_other_data_are_refused(tmp_path):
    path = tmp_path / "ratings.csv"
    path.write_text("".join(f"u{user},i{item},{item}\n" for user in range(4) for item in range(4)))
    prepare(dataset(path, RatingsReaderConfig(columns=["user", "item", "timestamp"])), path, tmp_path / "data")
    with pytest.raises(ValueError, match=r"data set tiny was read by ratings; .*allowed: reader synthetic"):
        bayes.scorer(_inputs(tmp_path / "data"), {})


def test_options_are_refused(embedded):
    with pytest.raises(ValueError, match="no such key"):
        bayes.scorer(embedded, {"depth": 3})

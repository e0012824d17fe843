"""Successive targets under `gts`: validation averages each user's targets first, as counted in plain loops."""

import math

import pandas as pd
import pytest
import torch

from hydrarec.config.built_in import BUILT_IN
from hydrarec.config.datasets import SyntheticReaderConfig
from hydrarec.data.prepare import prepare
from hydrarec.data.split import split
from hydrarec.sequences.log import read_cases, read_catalogue, read_train
from hydrarec.training.engine import Trainer
from tests.unit.training.ring import settings


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    """Return the folder of a small embedded data set whose users have from one to twenty targets."""
    folder = tmp_path_factory.mktemp("data") / "synthetic"
    reader = SyntheticReaderConfig(n_users=80, n_items=60)
    prepare(BUILT_IN["synthetic"].model_copy(update={"reader": reader}), None, folder)
    split(folder, "gts", folder / "gts")
    return folder


def test_validation_is_the_mean_over_users_of_their_targets(several):
    folder = several / "gts"
    cases, catalogue = read_cases(folder, "validation"), read_catalogue(several, folder)
    trainer = Trainer(settings(), read_train(folder), cases, catalogue, seed=0, device=torch.device("cpu"))
    found = trainer.epoch()

    parts = {name: pd.read_parquet(folder / f"{name}.parquet") for name in ("train", "validation")}
    events = pd.concat(parts.values()).sort_values(["user", "position"]).groupby("user")["item"].apply(list)
    warm = set(parts["train"]["item"])
    targets = parts["validation"][parts["validation"]["step"] >= 0].sort_values(["user", "step"])
    by_user: dict[int, list[tuple[float, float]]] = {}
    with torch.no_grad():
        products = trainer.scorer(torch.arange(len(targets)))
        table = (products.hidden @ products.output.weight.T).tolist()
    for scores, target in zip(table, targets.itertuples(), strict=True):
        known = events[target.user][: target.position]
        above = [i for i in warm - set(known) if scores[i] > scores[target.item]]
        place = len(above) + 1 if target.item in warm else math.inf
        gain = 1 / math.log2(place + 1) if place <= 10 else 0.0
        by_user.setdefault(target.user, []).append((gain, float(place <= 10)))
    sizes = [len(values) for values in by_user.values()]
    assert min(sizes) < max(sizes) <= 20

    def mean_of_means(column):
        return sum(sum(v[column] for v in values) / len(values) for values in by_user.values()) / len(by_user)

    assert found.validation_ndcg10 == pytest.approx(mean_of_means(0), abs=1e-9)
    assert found.validation_hr10 == pytest.approx(mean_of_means(1), abs=1e-9)
    # Not the mean over targets, which would let users with many of them count for more.
    everything = [value[0] for values in by_user.values() for value in values]
    assert found.validation_ndcg10 != pytest.approx(sum(everything) / len(everything), abs=1e-6)

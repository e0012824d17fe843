"""Popularity and Markov on the real files, against a loop that reads the text and knows nothing of this package."""

import math
from collections import Counter, defaultdict
from itertools import pairwise

import pytest
import torch

from hydrarec.baselines import BaselineInputs, markov, popularity
from hydrarec.config.built_in import BUILT_IN
from hydrarec.data.prepare import prepare
from hydrarec.data.split import split
from hydrarec.metrics import ndcg
from hydrarec.ranking.candidates import Candidates
from hydrarec.ranking.full import count_ranks
from hydrarec.sequences.log import read_cases, read_catalogue, read_train

pytestmark = pytest.mark.mirror


def plain_ndcg10(path):
    """Return NDCG@10 of popularity and of Markov with popular items behind, ties broken by item id."""
    sequences = defaultdict(list)
    for line in path.read_text().splitlines():
        user, item = map(int, line.split())
        sequences[user].append(item)
    counts = Counter(item for items in sequences.values() for item in items[:-2])
    popular = sorted(counts, key=lambda item: (-counts[item], item))
    followers = defaultdict(Counter)
    for items in sequences.values():
        for item, follower in pairwise(items[:-2]):
            followers[item][follower] += 1
    sums = [0.0, 0.0]
    for *history, target in sequences.values():
        seen, after = set(history), followers[history[-1]]
        chain = sorted(after, key=lambda item: (-after[item], -counts[item], item))
        fallback = [item for item in popular[: len(seen) + 10 + len(chain)] if item not in after]
        for i, order in enumerate((popular[: len(seen) + 10], chain + fallback)):
            best = [item for item in order if item not in seen][:10]
            sums[i] += 1 / math.log2(best.index(target) + 2) if target in best else 0
    return [total / len(sequences) for total in sums]


@pytest.mark.parametrize(
    ("dataset", "file", "expected"),
    [
        ("ml-1m-sasrec", "sasrec-ml-1m.txt", (0.0180, 0.1259)),
        ("beauty-bert4rec", "bert4rec-beauty.txt", (0.0035, 0.0287)),
    ],
)
def test_ndcg10_is_that_of_a_plain_loop(dataset, file, expected, mirror, tmp_path):
    torch.set_num_threads(1)
    prepare(BUILT_IN[dataset], mirror / file, tmp_path)
    folder = tmp_path / "loo"
    split(tmp_path, "loo", folder)
    cases, catalogue = read_cases(folder, "test"), read_catalogue(tmp_path, folder)
    inputs = BaselineInputs(tmp_path, folder, read_train(folder), cases, catalogue, seed=0)
    plain = plain_ndcg10(mirror / file)
    assert [round(value, 4) for value in plain] == list(expected)
    for module, value in zip((popularity, markov), plain, strict=True):
        candidates = Candidates(cases, catalogue)
        found = ndcg(*count_ranks(module.scorer(inputs, {}), cases, candidates, batch_size=256), 10).mean()
        # Ties are averaged here and broken by id there.
        assert found == pytest.approx(value, rel=5e-3)

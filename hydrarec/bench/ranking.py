"""Full-catalogue ranking against the bare matrix products that no ranking can do without."""

from collections.abc import Iterator

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from hydrarec.bench.base import Case, Conditions, Need
from hydrarec.config.protocol import LIST_LENGTH
from hydrarec.efficiency.rounds import Subject
from hydrarec.models.base import OutputLayer
from hydrarec.provenance import peak_memory_mib
from hydrarec.ranking.candidates import Candidates
from hydrarec.ranking.full import BATCH_SIZE, count_ranks, rank
from hydrarec.ranking.tiles import Products
from hydrarec.sequences.log import Cases, Catalogue, Log

TITLE = "Ranking"
ABOUT = """One target of every user among all items he has not met, from hidden states and output embeddings of d = 64
(random), histories as long as MovieLens-20M's. The products are those of 256 users at a time with all items, written
over each other. *count* is what validation needs, *rank* adds the unfiltered variant and the table, *rank + lists* the
best 100 candidates of every user in their order. Memory is the peak of the whole process."""
ROUNDS = 5

N_USERS, N_ITEMS, WIDTH = 138_493, 26_744, 64
"""MovieLens-20M's users and items."""
MEAN_LENGTH, SHORTEST, LONGEST = 144, 20, 9_000
"""MovieLens-20M's histories."""


def cases(conditions: Conditions) -> Iterator[Case]:
    """Build the one case."""
    n_users, n_items = (600, 500) if conditions.quick else (N_USERS, N_ITEMS)
    held_out, catalogue = _histories(n_users, n_items)
    device = conditions.device
    generator = torch.Generator().manual_seed(0)
    hidden = torch.randn(n_users, WIDTH, generator=generator).to(device)
    weight = (torch.randn(n_items + 1, WIDTH, generator=generator) / WIDTH**0.5).to(device)
    product = torch.empty(BATCH_SIZE, n_items + 1, device=device)

    def products() -> None:
        for part in hidden.split(BATCH_SIZE):
            torch.mm(part, weight.T, out=product[: len(part)])

    def score(rows: Int[Tensor, " B"]) -> Products:
        return Products(hidden[rows.to(device)], OutputLayer(weight, None))

    candidates = Candidates(held_out, catalogue)
    need = Need(flops=2.0 * n_users * (n_items + 1) * WIDTH)
    case = Case(
        name=f"{n_users:,} users, {n_items:,} items",
        unit="user",
        subjects=[
            Subject("count", lambda: count_ranks(score, held_out, candidates, batch_size=BATCH_SIZE), n_users),
            Subject("rank", lambda: rank(score, held_out, catalogue, batch_size=BATCH_SIZE), n_users),
            Subject(
                "rank + lists",
                lambda: rank(score, held_out, catalogue, batch_size=BATCH_SIZE, top_k=LIST_LENGTH),
                n_users,
            ),
            Subject("products", products, n_users),
        ],
        against="products",
        needs=dict.fromkeys(["count", "rank", "rank + lists", "products"], need),
    )
    yield case
    case.peak_mib["rank + lists"] = peak_memory_mib()


def _histories(n_users: int, n_items: int) -> tuple[Cases, Catalogue]:
    """Draw histories without repeats whose last item is the target; popularity falls with the rank to the power 0.8."""
    stream = np.random.default_rng(0)
    lengths = SHORTEST + stream.lognormal(3.95, 1.25, n_users)
    lengths = (lengths * MEAN_LENGTH / lengths.mean()).clip(SHORTEST, min(LONGEST, n_items // 2)).astype(int)
    running = np.cumsum(_popularity(n_items))
    rows = []
    for length in lengths:
        # More than are needed, since repeats fall out.
        drawn = np.searchsorted(running, stream.random(2 * length) * running[-1])
        rows.append(stream.permutation(np.unique(drawn))[:length] + 1)
    offsets = torch.from_numpy(np.cumsum([0, *map(len, rows)]))
    users = torch.arange(1, n_users + 1, dtype=torch.int32)
    log = Log(torch.from_numpy(np.concatenate(rows).astype(np.int32)), offsets, users)
    stops = offsets[1:] - 1
    held_out = Cases(log, users, torch.zeros_like(users), log.items[stops], offsets[:-1], stops)
    warm = torch.arange(n_items + 1) > 0
    return held_out, Catalogue(n_items, warm, warm.long(), has_repeats=False)


def _popularity(n_items: int) -> Float[np.ndarray, " N"]:
    return np.arange(1, n_items + 1) ** -0.8

"""Testing all pairs of runs at MovieLens-20M's size, against the bare random bits and products of the sign flips."""

from collections.abc import Iterator

import numpy as np

from hydrarec.bench.base import Case, Conditions
from hydrarec.efficiency.rounds import Subject
from hydrarec.provenance import peak_memory_mib
from hydrarec.significance.max_t import max_t
from hydrarec.significance.pairs import crossed_pairs

TITLE = "Significance"
ABOUT = """20 runs with 5 seeds on 138,493 users, drawn like NDCG@10 (mostly 0). *max-T* tests all 190 pairs by 10,000
joint sign flips, step-down; *crossed* gives their users x seeds intervals. *bits and products* draws a random bit for
each user and flip and multiplies matrices of the same sizes, nothing else. Memory is the peak of the process."""
ROUNDS = 5

USERS, RUNS, SEEDS, FLIPS = 138_493, 20, 5, 10_000
WORD = 64
"""Users in a product: the bits of a random word."""
MULTIPLICATIONS = 2**18
"""Of a product, few enough to stay in one thread."""


def cases(conditions: Conditions) -> Iterator[Case]:
    """Draw the values and build the one case."""
    n_users, n_flips = (2_000, 200) if conditions.quick else (USERS, FLIPS)
    values = _values(n_users)

    def both() -> None:
        max_t(values.mean(axis=2), n_flips)
        crossed_pairs(values)

    pairs = RUNS * (RUNS - 1) // 2
    case = Case(
        name=f"{n_users:,} users, {RUNS} runs, {SEEDS} seeds, {pairs} pairs, {n_flips:,} flips",
        unit="comparison",
        subjects=[
            Subject("max-T and crossed", both),
            Subject("max-T", lambda: max_t(values.mean(axis=2), n_flips)),
            Subject("crossed", lambda: crossed_pairs(values)),
            Subject("bits and products", lambda: _bits_and_products(n_users, n_flips)),
        ],
        against="bits and products",
    )
    yield case
    case.peak_mib["max-T and crossed"] = peak_memory_mib()


def _values(n_users: int) -> np.ndarray:
    stream = np.random.default_rng(0)
    difficulty = stream.normal(size=(n_users, 1))
    values = np.zeros((RUNS, n_users, SEEDS))
    for run in range(RUNS):
        hit = difficulty + stream.normal(size=(n_users, SEEDS)) < -1.2 + 0.002 * run
        values[run][hit] = 1 / np.log2(stream.integers(2, 12, hit.sum()))
    return values


def _bits_and_products(n_users: int, n_flips: int) -> None:
    rows = max(1, MULTIPLICATIONS // (WORD * RUNS))
    products = -(-n_flips // rows)
    bits = np.random.PCG64(0)
    signs, values = np.ones((products, rows, WORD)), np.ones((WORD, RUNS))
    out = np.empty((products, rows, RUNS))
    for _ in range(-(-n_users // WORD)):
        bits.random_raw(products * rows)
        np.matmul(signs, values, out=out)

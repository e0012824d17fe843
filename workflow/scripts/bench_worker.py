"""What the workers of `hydrarec bench training` share: one library, trained a few steps whenever it is told to.

Runs in a library's own environment, so nothing of `hydrarec` is imported. Batches are built before a clock runs, and
the library's own trainer is left out: what is timed is its network, its loss and its optimiser, in its favour.

    started with   data (items, offsets, n_items), settings, number of steps
    writes         "ready" and the number of steps it has batches for
    for each line  does the steps and writes the CPU seconds that the process has taken so far
"""

import argparse
import json
import logging
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch


@dataclass(frozen=True)
class Sequences:
    """Item sequences of all users, one after the other."""

    items: np.ndarray
    """Items of all events, from 1."""
    offsets: np.ndarray
    """Where each user's events begin, and where the last one's end."""
    n_items: int


@dataclass(frozen=True)
class Library:
    """A library that is ready to train."""

    batches: Iterator[Any]
    """Training batches as its network takes them."""
    loss: Callable[[Any], torch.Tensor]
    """Loss of a batch."""
    optimizer: torch.optim.Optimizer


def serve(prepare: Callable[[Sequences, dict[str, Any]], Library]) -> None:
    """Answer until the input ends.

    Parameters
    ----------
    prepare
        Builds the library's model for some sequences with settings: `model` (sasrec or bert4rec), `d_model`,
        `n_layers`, `n_heads`, `dropout`, `max_length`, `batch_size`, `learning_rate`, `mask_probability`.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--settings", type=json.loads, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(0)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    # A library may write what it likes; the answers go where it does not.
    answers, sys.stdout = sys.stdout, sys.stderr
    with np.load(asked.data) as file:
        sequences = Sequences(file["items"], file["offsets"], int(file["n_items"]))
    library = prepare(sequences, asked.settings)
    batches = list(islice(library.batches, asked.steps))
    print("ready", len(batches), file=answers, flush=True)
    for _ in sys.stdin:
        for batch in batches:
            library.optimizer.zero_grad()
            library.loss(batch).backward()
            library.optimizer.step()
        print(time.process_time(), file=answers, flush=True)

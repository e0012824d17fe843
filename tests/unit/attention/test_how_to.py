"""The operator that the how-to adds works as printed."""

import re
import subprocess
import sys

from tests.conftest import ROOT

HARNESS = """
import inspect, sys
import torch
import hydrarec.attention
import hydrarec.config.attention as room
from hydrarec.efficiency import operations

hydrarec.attention.__path__.append(sys.argv[1])
exec(open(sys.argv[1] + "/configuration.txt").read(), vars(room))
exec(open(sys.argv[1] + "/count.txt").read(), vars(operations))
operations.COUNTS |= eval("{" + open(sys.argv[1] + "/line.txt").read() + "}", vars(operations))

from tests.contract import kinds, test_attention as contract
from tests.unit.efficiency import test_operations as counts

config = next(config for config in kinds.ATTENTIONS if config.kind == "aft")
for causal in (True, False):
    for padded in (True, False):
        contract.test_outputs_and_gradients_equal_the_definition(config, causal, 63, padded)
    for side in ("left", "right"):
        contract.test_padding_changes_nothing(config, causal, 50, side)
    contract.test_an_all_padding_row_gives_finite_values_and_gradients(config, causal)
contract.test_a_later_item_never_changes_an_earlier_output(config)
contract.test_steps_give_what_the_full_pass_gives(config)
for causal in (True, False):
    counts.test_matrix_products_are_those_that_the_counter_sees(config, causal)
counts.test_every_operator_is_counted()
counts.test_counts_grow_with_the_batch_and_with_length(config)
print("all held")
"""


def test_the_example_keeps_the_contract(tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs/how-to/add-attention.md").read_text(), re.DOTALL)
    for file, what in (
        ("configuration.txt", "class AftAttentionConfig("),
        ("aft.py", "class AftAttention("),
        ("count.txt", "def _aft("),
        ("line.txt", '"aft": _aft'),
    ):
        (tmp_path / file).write_text(next(block for block in blocks if what in block))
    command = [sys.executable, "-c", HARNESS, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "all held", done.stderr

"""One new event of one user: its hidden state by `step`, against encoding the history again."""

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own convention
from jaxtyping import Float
from torch import Tensor

from hydrarec.attention.base import IncrementalOperator, State
from hydrarec.attention.softmax import SoftmaxAttention
from hydrarec.bench.base import Case, Conditions, Need
from hydrarec.config import RunSettings
from hydrarec.efficiency.rounds import Subject
from hydrarec.masking.base import Masking
from hydrarec.models.base import SequenceModel
from hydrarec.models.blocks import AttentionLayer
from hydrarec.sequences.batches import Batch
from hydrarec.training import checkpoint

TITLE = "Streaming"
ABOUT = """A user meets one more item, the last of T. How long until the hidden state that predicts the next one is
there, and until all items have scores? bert4rec, causal, d = 64, 2 layers, 2 heads, batch 1. With `step` the model has
the state of the T - 1 items before. Softmax has none and keeps all their keys and values instead, so that its memory
and time grow with T. The others encode all T items again, the last feed-forward part at the newest position only."""
ROUNDS = 15

N_ITEMS = 26_744
"""MovieLens-20M's."""
LENGTHS = (50, 200, 1000)
STEPS, ENCODINGS = 500, 20_000
"""Events in a repetition by `step`, and items that are encoded in one otherwise: both take some tenths of a second."""


class KeepingSoftmax(SoftmaxAttention, IncrementalOperator):
    """Softmax with room for the keys and values of all positions, which a step fills and reads."""

    def step(
        self, q: Float[Tensor, "B D"], k: Float[Tensor, "B D"], v: Float[Tensor, "B D"], state: State | None
    ) -> tuple[Float[Tensor, "B D"], State]:
        """Mix values at the next position; the state's third part is the position, on the CPU."""
        q, k, v = (x.unflatten(-1, (self.n_heads, 1, -1)) for x in (q, k, v))
        room = q.new_empty(2, len(q), self.n_heads, self.max_length, q.shape[-1])
        keys, values, position = state or (*room, torch.tensor(0))
        seen = int(position) + 1
        keys[:, :, seen - 1 : seen], values[:, :, seen - 1 : seen] = k, v
        mixed = F.scaled_dot_product_attention(q, keys[:, :, :seen], values[:, :, :seen])
        return mixed.flatten(1), (keys, values, position + 1)


def cases(conditions: Conditions) -> Iterator[Case]:
    """Build a case for every length, without and with the scores."""
    for length in (5, 10) if conditions.quick else LENGTHS:
        n_items, steps, encodings = (100, 2, 2) if conditions.quick else (N_ITEMS, STEPS, ENCODINGS // length)
        items = torch.randint(1, n_items + 1, (1, length), generator=torch.Generator().manual_seed(0))
        items = items.to(conditions.device)
        stepping, encoding, models = {}, {}, {}
        for kind in ("hydra", "linear", "softmax"):
            model, masking = _build(kind, n_items, length, conditions.device)
            models[f"{kind}, step"] = models[f"{kind}, all again"] = model
            stepping[f"{kind}, step"] = _stepping(model, items)
            encoding[f"{kind}, all again"] = _encoding(model, masking, items)
        for scored in (False, True):
            need = _need(models["hydra, step"], scored)
            yield Case(
                name=f"T = {length}, {f'scores of {n_items:,} items' if scored else 'hidden state'}",
                unit="event",
                subjects=[
                    Subject(name, _work(encode, models[name] if scored else None, events), units=events)
                    for ways, events in ((stepping, steps), (encoding, encodings))
                    for name, encode in ways.items()
                ],
                against="softmax, all again",
                needs={f"{kind}, step": Need(need.flops * steps, need.nbytes * steps) for kind in ("hydra", "linear")},
            )


def _build(attention: str, n_items: int, length: int, device: torch.device) -> tuple[SequenceModel, Masking]:
    settings = RunSettings.model_validate(
        {
            "run": {
                "id": attention,
                "model": {"kind": "bert4rec"},
                "attention": {"kind": attention},
                "masking": {"kind": "causal"},
            },
            "encoder": {"d_model": 64, "n_layers": 2, "n_heads": 2, "max_length": length},
            "loss": {"kind": "cross_entropy"},
            "training": {},
        }
    )
    model, masking = checkpoint.build(settings, n_items)
    for layer in (module for module in model.modules() if isinstance(module, AttentionLayer)):
        old = layer.operator
        if isinstance(old, SoftmaxAttention):
            layer.operator = KeepingSoftmax(
                old.config, d_model=old.d_model, n_heads=old.n_heads, max_length=old.max_length
            )
    return model.to(device).eval(), masking


def _stepping(model: SequenceModel, items: Tensor) -> Callable[[], Tensor]:
    state = None
    with torch.inference_mode():
        for item in items[:, :-1].unbind(1):
            _, state = model.step(item, state)
    # A step leaves the state before it as it was, so the newest event can be met as often as it is timed.
    return lambda: model.step(items[:, -1], state)[0]


def _encoding(model: SequenceModel, masking: Masking, items: Tensor) -> Callable[[], Tensor]:
    batch = Batch(items, torch.tensor([items.shape[1]]))
    return lambda: model(masking.inference_view(batch))


def _work(encode: Callable[[], Tensor], scores_by: SequenceModel | None, events: int) -> Callable[[], None]:
    output = scores_by.output_layer() if scores_by else None

    def work() -> None:
        with torch.inference_mode():
            for _ in range(events):
                hidden = encode()
                if output:
                    F.linear(hidden, output.weight, output.bias)

    return work


def _need(model: SequenceModel, scored: bool) -> Need:
    """Return what a step needs: every weight behind the embeddings, and the output embeddings if there are scores."""
    tables = ("item_embedding", "position_embedding", "output_bias")
    numbers = sum(p.numel() for name, p in model.named_parameters() if not name.startswith(tables))
    numbers += scored * model.output_layer().weight.numel()
    return Need(flops=2.0 * numbers, nbytes=4.0 * numbers)

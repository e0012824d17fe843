"""What every sequence model is, and how its weights begin."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hydrarec.attention.base import State, attention_for_layer
from hydrarec.config.attention import AttentionConfig
from hydrarec.config.encoder import EncoderConfig
from hydrarec.config.models import ModelConfig
from hydrarec.masking.base import View
from hydrarec.sequences.batches import Batch
from hydrarec.sequences.output_positions import OutputPositions
from hydrarec.sequences.visibility import Visibility

INITIAL_STD = 0.02
"""Standard deviation of initial weights, before they are cut at two of it (BERT's; also used by the public
SASRec-with-cross-entropy code)."""


class OutputLayer(NamedTuple):
    """How hidden states become scores: score_i = hidden . weight_i + bias_i."""

    weight: Float[Tensor, "N1 D"]
    """Output embedding of every item id; row 0 is padding."""
    bias: Float[Tensor, " N1"] | None
    """Output bias of every item id."""


@dataclass(frozen=True)
class Blueprint:
    """What a model is built from."""

    config: ModelConfig
    """The model's own settings."""
    encoder: EncoderConfig
    """Its size."""
    attention: AttentionConfig | None
    """The operator inside; None for models without one."""
    n_items: int
    """Items of the data set, N."""
    n_special_tokens: int
    """Tokens with the ids after N (the Cloze mask)."""

    def attention_by_layer(self) -> list[AttentionConfig]:
        """Return the operator of every block, from the input on."""
        if self.attention is None:
            raise ValueError(f"model {self.config.kind} needs an attention")
        return [
            attention_for_layer(self.attention, layer, self.encoder.n_layers) for layer in range(self.encoder.n_layers)
        ]


class SequenceModel(nn.Module, ABC):
    """A sequence model.

    Parameters
    ----------
    blueprint
        Settings, size and items.
    """

    def __init__(self, blueprint: Blueprint) -> None:
        super().__init__()
        self.config = blueprint.config
        self.encoder_config = blueprint.encoder
        self.n_items = blueprint.n_items
        # Row 0 is padding, then the items, then the special tokens.
        n_tokens = 1 + blueprint.n_items + blueprint.n_special_tokens
        self.item_embedding = nn.Embedding(n_tokens, blueprint.encoder.d_model)

    @abstractmethod
    def encode(self, batch: Batch, visibility: Visibility, output_positions: OutputPositions | None = None) -> Tensor:
        """Return the hidden states of a batch; those of padded positions are finite and mean nothing.

        With `output_positions`, those of these positions, one below the other: [M, D] in place of [B, T, D].
        """

    def output_layer(self) -> OutputLayer:
        """Return the output embeddings, tied to the item embeddings; special tokens have none and cannot be scored."""
        weight = self.item_embedding.weight
        # The gradient of a slice is a copy of the table.
        return OutputLayer(weight if len(weight) == self.n_items + 1 else weight[: self.n_items + 1], None)

    def forward(self, view: View) -> Float[Tensor, "M D"]:
        """Return the hidden states of the output positions."""
        return self.encode(view.batch, view.visibility, view.output_positions)

    def step(self, items: Int[Tensor, " B"], state: State | None) -> tuple[Float[Tensor, "B D"], State]:
        """Take in each history's next item, causally: a new item costs the same however long the history is.

        Parameters
        ----------
        items
            Item ids.
        state
            What the step before returned; None at the first item.

        Returns
        -------
        tuple
            The hidden states after these items, equal to those of `encode`, and the new state.

        Raises
        ------
        ValueError
            If the model, or the operator inside, is not incremental; if it has positions and the history grows longer
            than `max_length`.
        """
        raise ValueError(f"model {self.config.kind} is not incremental and cannot take in one item at a time")


class IncrementalModel(SequenceModel):
    """A model that takes in one item at a time whatever its settings: it always has a `step`."""

    @abstractmethod
    def step(self, items: Int[Tensor, " B"], state: State | None) -> tuple[Float[Tensor, "B D"], State]:
        """Take in each history's next item; see `SequenceModel.step`."""


def position_ids(batch: Batch) -> Int[Tensor, " T"]:
    """Return the position of each item in its window, 0 for the oldest.

    Counting from the oldest item leaves the hidden states of earlier items alone when a history grows (the public
    left-padded implementations count from the newest), and gives every index the targets of all users who are
    long enough; the index of the newest item would be trained by one target per user.
    """
    return torch.arange(batch.items.shape[1], device=batch.items.device)


def initialise(model: SequenceModel, seed_for: Callable[[str], int]) -> None:
    """Draw the weights of linear layers and embeddings, each from a stream of its own name.

    Two models with a parameter of the same name and shape therefore start from the same values, whatever
    else they contain: differences between operators are not differences of luck.

    Parameters
    ----------
    model
        Changed in place.
    seed_for
        Gives the seed of a named stream.
    """
    for name, module in model.named_modules():
        if module is model.item_embedding:
            # Apart, so that items start alike in models with and without special tokens.
            _draw(model.item_embedding.weight[: model.n_items + 1], seed_for("init.item_embedding"))
            _draw(model.item_embedding.weight[model.n_items + 1 :], seed_for("init.special_tokens"))
        elif isinstance(module, nn.Linear | nn.Embedding):
            _draw(module.weight, seed_for(f"init.{name}"))
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)


@torch.no_grad()
def _draw(weight: Tensor, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    nn.init.trunc_normal_(weight, std=INITIAL_STD, a=-2 * INITIAL_STD, b=2 * INITIAL_STD, generator=generator)

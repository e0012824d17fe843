"""AdamW (Loshchilov & Hutter 2019, algorithm 2) by PyTorch's fused kernel.

`torch.optim.AdamW` computes the same, bit for bit. It also imports PyTorch's compiler, which takes as long as importing
PyTorch, and spends three times as much of a step in Python, for which a GPU with a small model has to wait.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

BETAS = (0.9, 0.999)
"""Decay of the means of gradients and of their squares; those of Kingma & Ba 2015 and of PyTorch."""
EPS = 1e-8
"""Added to the square root of the mean of squares; likewise."""


class AdamW:
    """The optimiser.

    Parameters
    ----------
    parameters
        What is learnt; all of one type on one device.
    learning_rate
        Size of the steps.
    weight_decay
        Each step takes this share of a parameter off it, times the learning rate.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], *, learning_rate: float, weight_decay: float) -> None:
        self.parameters = list(parameters)
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.n_steps = torch.zeros((), device=self.parameters[0].device)
        """Steps so far, on the parameters' device, where the kernel reads it."""
        self.exp_avg = [torch.zeros_like(parameter) for parameter in self.parameters]
        """Decayed mean of each parameter's gradients."""
        self.exp_avg_sq = [torch.zeros_like(parameter) for parameter in self.parameters]
        """Decayed mean of their squares."""

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Take a step along the gradients; parameters without one stay."""
        self.n_steps += 1
        rows = zip(self.parameters, self.exp_avg, self.exp_avg_sq, strict=True)
        updated = [(parameter, parameter.grad, *means) for parameter, *means in rows if parameter.grad is not None]
        parameters, gradients, exp_avg, exp_avg_sq = map(list, zip(*updated, strict=True))
        torch._fused_adamw_(
            parameters,
            gradients,
            exp_avg,
            exp_avg_sq,
            [],
            [self.n_steps] * len(updated),
            lr=self.learning_rate,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=self.weight_decay,
            eps=EPS,
            amsgrad=False,
            maximize=False,
        )

    def state(self) -> dict[str, Tensor]:
        """Return what the next step depends on: the number of steps, and both means by the parameter's number."""
        means = {"exp_avg": self.exp_avg, "exp_avg_sq": self.exp_avg_sq}
        of_parameters = {
            f"{number}.{name}": tensor for name, tensors in means.items() for number, tensor in enumerate(tensors)
        }
        return {"step": self.n_steps, **of_parameters}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Bring the optimiser into a state.

        Parameters
        ----------
        state
            What `state` returned, on any device.

        Raises
        ------
        ValueError
            If its names or shapes are not those of these parameters.
        """
        own = self.state()
        if _shapes(state) != _shapes(own):
            raise ValueError("the optimiser's state is one of other parameters")
        for name, tensor in own.items():
            tensor.copy_(state[name])


def _shapes(tensors: dict[str, Tensor]) -> dict[str, torch.Size]:
    return {name: tensor.shape for name, tensor in tensors.items()}

"""Matrix factorisation trained on pairs: what a user has met shall score above what the user has not.

The model is that of the `implicit` package. It knows no order, and nothing of what came after the training part.
"""

from typing import Any

import scipy.sparse as sp
import torch
from implicit.bpr import BayesianPersonalizedRanking
from implicit.recommender_base import ModelFitError
from jaxtyping import Float, Int
from torch import Tensor

from hydrarec.baselines import BaselineInputs, read_options
from hydrarec.config.baselines import BprMfOptions
from hydrarec.ranking.full import Scorer
from hydrarec.sequences.matrices import user_items


def scorer(inputs: BaselineInputs, options: dict[str, Any]) -> Scorer:
    """Score every item by the product of the user's and its vector, plus its bias.

    Raises
    ------
    ValueError
        If training does not stay finite.

    Notes
    -----
    One thread, whatever the run may use: threads would update the same vectors at the same time, and no two runs
    would give the same bytes. A user without training events gets popular items. The package draws the other item of a
    pair from the interactions, so by popularity, and not uniformly from all items as the paper does: item biases learn
    little of popularity.

    References
    ----------
    Rendle et al., BPR: Bayesian Personalized Ranking from Implicit Feedback, UAI 2009, section 4.3.1.
    """
    chosen = read_options(BprMfOptions, options)
    model = BayesianPersonalizedRanking(**chosen.model_dump(), use_gpu=False, num_threads=1, random_state=inputs.seed)
    # The package knows only the older of SciPy's two kinds of sparse matrix.
    try:
        model.fit(sp.csr_matrix(user_items(inputs.train, inputs.catalogue.n_items)), show_progress=False)
    except ModelFitError as error:
        raise ValueError(
            f"{inputs.split}: the vectors grew beyond all bounds with learning_rate {chosen.learning_rate:g} and "
            f"regularization {chosen.regularization:g}; take smaller ones"
        ) from error
    # float64, so that the result does not hang on how many rows are multiplied at once.
    users, items = (torch.from_numpy(side).double() for side in (model.user_factors, model.item_factors))
    row = torch.searchsorted(inputs.train.users, inputs.cases.users).clamp(max=len(users) - 1)
    known = inputs.train.users[row] == inputs.cases.users
    popularity = inputs.catalogue.counts.float()

    def score(rows: Int[Tensor, " B"]) -> Float[Tensor, "B N1"]:
        scores = (users[row[rows]] @ items.T).float()
        return torch.where(known[rows, None], scores, popularity)

    return score

"""SASRec and BERT4Rec of RecTools, trained by its own data preparation, Lightning module and trainer."""

import pandas as pd
import torch
from library import EarlyStopping, Job, Trained
from pytorch_lightning import Trainer
from pytorch_lightning.callbacks import LambdaCallback
from rectools import Columns
from rectools.dataset import Dataset
from rectools.models import BERT4RecModel, SASRecModel
from rectools.models.nn.transformers.base import TransformerModelBase

MODELS = {"sasrec": SASRecModel, "bert4rec": BERT4RecModel}
DEFAULTS = {
    "d_model": 64,
    "n_layers": 2,
    "n_heads": 1,
    "dropout": 0.2,
    "max_length": 200,
    "learning_rate": 1e-3,
    "batch_size": 128,
    "max_epochs": 200,
    "patience": 10,
    "loss": "softmax",
    "n_negatives": 1,
    "mask_probability": 0.2,
}


def trained(model: TransformerModelBase, job: Job) -> Trained:
    """Ask the model as its own `recommend` does, for one case each instead of one user each."""
    module, preparator = model.lightning_model, model.data_preparator
    own_ids = pd.Series(preparator.item_id_map.to_internal).drop(list(preparator.item_extra_tokens))
    own_ids = own_ids.reindex(range(len(job.counts)), fill_value=0).to_numpy(dtype=int)

    def score(histories):
        batch = preparator._collate_fn_recommend([(list(history), [], {}) for history in histories])
        users, items = module._get_user_item_embeddings([batch], str(job.device))
        return users.to(items.device) @ items.T

    return Trained(module.torch_model, own_ids, score)


def main() -> None:
    """Train one model and recommend with it."""
    job = Job(DEFAULTS, list(MODELS))
    options = job.options
    stopping = EarlyStopping(job)

    def epoch_ends(trainer, _):
        trainer.should_stop = stopping.epoch_ends(trained(model, job))

    def trainer() -> Trainer:
        # Plain functions, not methods: RecTools trains with a deep copy of this trainer.
        watch = LambdaCallback(on_train_epoch_start=lambda *_: stopping.epoch_begins(), on_train_epoch_end=epoch_ends)
        return Trainer(
            accelerator="gpu" if job.device.type == "cuda" else "cpu",
            devices=1,
            max_epochs=options["max_epochs"],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[watch],
        )

    model = MODELS[job.model](
        n_factors=options["d_model"],
        n_blocks=options["n_layers"],
        n_heads=options["n_heads"],
        dropout_rate=options["dropout"],
        session_max_len=options["max_length"],
        lr=options["learning_rate"],
        batch_size=options["batch_size"],
        loss=options["loss"],
        n_negatives=options["n_negatives"],
        get_trainer_func=trainer,
        **({"mask_prob": options["mask_probability"]} if job.model == "bert4rec" else {}),
    )
    # RecTools orders by time; the place in the sequence is the order that breaks ties as the split does.
    interactions = pd.DataFrame(
        {
            Columns.User: job.train["user"],
            Columns.Item: job.train["item"],
            Columns.Weight: 1.0,
            Columns.Datetime: pd.to_datetime(job.train["position"], unit="s"),
        }
    )
    model.fit(Dataset.construct(interactions))
    with torch.no_grad():
        stopping.finish(trained(model, job))


if __name__ == "__main__":
    main()

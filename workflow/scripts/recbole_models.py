"""SASRec of RecBole, trained by its own data set, data loader and epoch loop."""

import os
import tempfile
from pathlib import Path

import numpy as np
import torch
from library import EarlyStopping, Job, Trained
from recbole.config import Config
from recbole.data import create_dataset
from recbole.data.dataloader import TrainDataLoader
from recbole.data.interaction import Interaction
from recbole.trainer import Trainer
from recbole.utils import get_model

MODELS = {"sasrec": "SASRec"}
DEFAULTS = {
    "d_model": 64,
    "n_layers": 2,
    "n_heads": 1,
    "dropout": 0.2,
    "max_length": 200,
    "learning_rate": 1e-3,
    # Rows are prefixes with one target each, not sequences; this is RecBole's own default.
    "batch_size": 2048,
    "max_epochs": 200,
    "patience": 10,
}


def settings(job: Job, folder: Path) -> dict:
    """Return the run's options in RecBole's words."""
    options = job.options
    return {
        "data_path": str(folder),
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
        "MAX_ITEM_LIST_LENGTH": options["max_length"],
        "hidden_size": options["d_model"],
        "inner_size": options["d_model"],
        "n_layers": options["n_layers"],
        "n_heads": options["n_heads"],
        "hidden_dropout_prob": options["dropout"],
        "attn_dropout_prob": options["dropout"],
        "hidden_act": "relu",
        "loss_type": "CE",
        "train_neg_sample_args": None,
        "learning_rate": options["learning_rate"],
        "train_batch_size": options["batch_size"],
        "epochs": options["max_epochs"],
        "seed": job.seed,
        # RecBole overwrites CUDA_VISIBLE_DEVICES with this, and means the CPU by an empty one.
        "gpu_id": os.environ.get("CUDA_VISIBLE_DEVICES", "0") if job.device.type == "cuda" else "",
        "show_progress": False,
    }


def main() -> None:
    """Train one model and recommend with it."""
    job = Job(DEFAULTS, list(MODELS))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # RecBole leaves folders of logs and weights where it runs.
        os.chdir(folder)
        (folder / "split").mkdir()
        table = job.train.set_axis(["user_id:token", "item_id:token", "timestamp:float"], axis=1)
        table.to_csv(folder / "split" / "split.inter", sep="\t", index=False)
        config = Config(MODELS[job.model], "split", config_dict=settings(job, folder))
        dataset = create_dataset(config)
        token_ids = dataset.field2token_id["item_id"]
        # Turns sequences into prefixes. RecBole does it when it splits; this split is made already.
        dataset._change_feat_format()
        loader = TrainDataLoader(config, dataset, None, shuffle=True)
        network = get_model(config["model"])(config, dataset).to(job.device)
        trainer = Trainer(config, network)
        own_ids = np.array([token_ids.get(str(item), 0) for item in range(len(job.counts))])

        def score(histories):
            newest = [torch.as_tensor(history[-job.options["max_length"] :]) for history in histories]
            batch = Interaction(
                {
                    "item_id_list": torch.nn.utils.rnn.pad_sequence(newest, batch_first=True),
                    "item_length": torch.tensor([len(history) for history in newest]),
                }
            )
            with torch.no_grad():
                return network.full_sort_predict(batch.to(job.device))

        trained = Trained(network, own_ids, score)
        stopping = EarlyStopping(job)
        over = False
        while not over:
            stopping.epoch_begins()
            trainer._train_epoch(loader, len(stopping.epoch_s))
            over = stopping.epoch_ends(trained)
        stopping.finish(trained)


if __name__ == "__main__":
    main()

"""One thread and no network: the same on every machine, busy or not."""

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ["OMP_NUM_THREADS"] = "1"  # before torch: threads that spin are slow beside other work

import torch

torch.set_num_threads(1)

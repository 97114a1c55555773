"""Train a policy that writes workflows: python scripts/train.py --model qwen25-7b."""

import argparse
import sys
from functools import partial
from pathlib import Path

from guerdon.compat.aflow_run import configure, train
from guerdon.compat.configured import start


def main() -> int:
    """Train, or go on with a run that was stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="qwen25-7b", help="qwen25-7b, qwen3-8b, tiny, a folder")
    parser.add_argument("--device", help="cpu or cuda:N; default: device_mapping of the file")
    parser.add_argument("--config", type=Path, default=Path("scripts/config/training.yaml"))
    parser.add_argument(
        "--data-dir", type=Path, help="processed data; default: the file's data_dir"
    )
    parser.add_argument("--restart", action="store_true", help="replace a run of the same name")
    parser.add_argument("overrides", nargs="*", help="trainer.steps=10 and the like")
    given = parser.parse_args()
    configured = partial(
        configure,
        given.model,
        device=given.device,
        training_file=given.config,
        data_dir=given.data_dir,
        overrides=[*given.overrides, *(["run.overwrite=true"] if given.restart else [])],
    )
    return start(configured, train)


if __name__ == "__main__":
    sys.exit(main())

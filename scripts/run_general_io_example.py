"""A few steps of general self-play on a CPU: a tiny policy asks sums and answers them, and a judge
that computes (a server on loopback, asked like any judge) says what both were worth.

With a real model and judge: python scripts/main_azr_ppo.py --config-name=azr_ppo_trainer_general
"""

import argparse
import sys

from guerdon.cli import main

NAME = "general_io_example"

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=5, help="default: 5")
    parser.add_argument("overrides", nargs="*", help="env.num_samples=2 and the like")
    given = parser.parse_intermixed_args()
    fixed = [f"run.name={NAME}", "run.overwrite=true", f"trainer.steps={given.steps}"]
    words = ["--config-name", "self_play_arithmetic", *fixed, "eval.num_tasks=20"]
    sys.exit(main(["train", *words, *given.overrides]))

"""Train in environments over several turns, by one file, into one folder:
python scripts/run_multi_turn_ppo_env_rewards.py --config FILE --output_dir DIR [a.b=c ...]

The file may be RAGEN's, align-anything's or ours, and overrides have its names.
"""

import argparse
import sys
from pathlib import Path

from guerdon.compat.configured import start
from guerdon.compat.multi_turn import configure


def main() -> int:
    """Read, check, train."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = "multi_turn_ppo_env_reward_config"
    parser.add_argument("--config", default=default, help=f"a file or a name; default: {default}")
    parser.add_argument("--output_dir", type=Path, required=True, help="the run directory")
    parser.add_argument("overrides", nargs="*", help="models.policy.path=DIR and the like")
    given = parser.parse_intermixed_args()
    return start(lambda: configure(given.config, given.overrides, given.output_dir))


if __name__ == "__main__":
    sys.exit(main())

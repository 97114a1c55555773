"""Train in environments over several turns: python scripts/train_multi_turn.py
--config-name multi_turn_ppo_env_reward_config [a.b=c ...]

The name is a shipped configuration, a file of scripts/config (multi_turn_ppo_ragen) or a path; the
file may be RAGEN's, align-anything's or ours, and overrides have its names.
"""

import argparse
import sys

from guerdon.compat.configured import start
from guerdon.compat.multi_turn import configure


def main() -> int:
    """Read, check, train."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config-name", default="multi_turn_ppo_env_reward_config")
    parser.add_argument("overrides", nargs="*", help="models.policy.path=DIR and the like")
    given = parser.parse_intermixed_args()
    return start(lambda: configure(given.config_name, given.overrides))


if __name__ == "__main__":
    sys.exit(main())

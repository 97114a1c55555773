"""Train in environments over several turns: python scripts/train_multi_turn.py
--config-name multi_turn_ppo_env_reward_config [a.b=c ...]

The name is a shipped configuration, a file of scripts/config (multi_turn_ppo_ragen) or a path; the
file may be RAGEN's, align-anything's or ours, and overrides have its names.
"""

import argparse
import sys

from guerdon.compat.multi_turn import configure
from guerdon.errors import GuerdonError


def main() -> int:
    """Read, check, train."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config-name", default="multi_turn_ppo_env_reward_config")
    parser.add_argument("overrides", nargs="*", help="models.policy.path=DIR and the like")
    given = parser.parse_intermixed_args()
    try:
        configured = configure(given.config_name, given.overrides)
        for note in configured.notes:
            print(f"note: {note}", file=sys.stderr)
        from guerdon.train.loop import train

        outcome = train(configured.config, configured.values)
    except GuerdonError as error:
        print("\n".join(f"error: {line}" for line in str(error).splitlines()), file=sys.stderr)
        return error.exit_code
    return 130 if outcome.status == "interrupted" else 0


if __name__ == "__main__":
    sys.exit(main())

"""Could a multi-turn run start? Configuration, references, data, conversion, construction; and a
verdict: python scripts/test_multi_turn_setup.py [--config-name NAME] [--data DIR] [a.b=c ...]
"""

import argparse
import sys
from pathlib import Path

from guerdon.compat.multi_turn import examine
from guerdon.errors import GuerdonError


def main() -> int:
    """Print each step as it is done, and end with a verdict."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config-name", default="multi_turn_ppo_env_reward_config")
    parser.add_argument(
        "--data", type=Path, default=Path("data"), help="a folder with train/ and val/"
    )
    parser.add_argument("overrides", nargs="*", help="models.policy.path=DIR and the like")
    given = parser.parse_intermixed_args()
    try:
        for line in examine(given.config_name, given.overrides, given.data):
            print(line)
    except GuerdonError as error:
        problems = str(error).splitlines()
        print("\n".join(f"error: {line}" for line in problems))
        print(f"NOT READY: {len(problems)} to mend")
        return error.exit_code
    print("READY: this run would start")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Self-play, about programs or general questions: python scripts/main_azr_ppo.py
--config-name=azr_ppo_trainer_general [a.b=c ...]; the same as `guerdon train`.

azr.task_type is the configuration's: azr_ppo_trainer (the default) is about programs,
azr_ppo_trainer_general about questions. An upstream file: `guerdon import-config azr FILE`.
"""

import argparse
import sys

from guerdon.cli import main

if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--config-name", default="azr_ppo_trainer")
    parser.add_argument("overrides", nargs="*", help="models.policy.path=DIR and the like")
    given = parser.parse_intermixed_args()
    sys.exit(main(["train", "--config-name", given.config_name, *given.overrides]))

"""Evaluate on the public data sets: python scripts/eval_6datasets.py --model qwen25-7b
--checkpoint checkpoints/qwen25-7b/grpo_mixed/step_100"""

import argparse
import sys
from pathlib import Path

from guerdon.errors import GuerdonError
from guerdon.suite.command import Request, evaluate_six
from guerdon.suite.report import table


def main() -> int:
    """Play the policy and the baselines, and write a report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True, help="qwen25-7b, qwen3-8b, tiny, a folder")
    parser.add_argument("--checkpoint", type=Path, help="…/grpo_mixed/step_N; default: untrained")
    parser.add_argument("--device", help="cpu or cuda:N")
    parser.add_argument("--config", type=Path, default=Path("scripts/config/training.yaml"))
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--n", default="100", help="rows of each data set, or all (default 100)")
    parser.add_argument("--choose", type=int, default=20, metavar="ROWS",
                        help="rows a domain to choose the best fixed workflow by")  # fmt: skip
    parser.add_argument("--datasets", nargs="*", default=(), help="default: all that are there")
    parser.add_argument("--baselines-only", action="store_true")
    parser.add_argument("--out", type=Path, help="default: results/evaluation/MODEL")
    parser.add_argument(
        "overrides", nargs="*", help="models.executor.engine.model=... and the like"
    )
    given = parser.parse_args()
    if given.n != "all" and not (given.n.isdigit() and int(given.n) > 0):
        parser.error(f"--n is {given.n!r}; give a number above 0, or all")
    request = Request(
        model=given.model,
        checkpoint=given.checkpoint,
        training_file=given.config,
        data_dir=given.data_dir,
        device=given.device,
        rows=None if given.n == "all" else int(given.n),
        choose_rows=given.choose,
        datasets=given.datasets,
        baselines_only=given.baselines_only,
        out=given.out or Path("results/evaluation") / Path(given.model).name,
        overrides=given.overrides,
    )
    try:
        record = evaluate_six(request, progress=_progress)
    except GuerdonError as error:
        print("\n".join(f"error: {line}" for line in str(error).splitlines()), file=sys.stderr)
        return error.exit_code
    print(table(record))
    print(f"{request.out}/report.json, report.md, report.png")
    return 0


def _progress(what: str, done: int, total: int) -> None:
    if what:
        print(f"[{done + 1}/{total}] {what}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

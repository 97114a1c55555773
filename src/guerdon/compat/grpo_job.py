"""The launch scripts of SimpleRL-reason and its verifier fork: their flags, as a run of ours.

A flag is one key of verl's configuration, and is read as `guerdon import-config verl` reads that.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from guerdon.compat.foreign import Foreign
from guerdon.compat.verl import converted
from guerdon.config.check import check
from guerdon.config.compose import to_yaml
from guerdon.config.schema import Config
from guerdon.data.readers import read_file
from guerdon.errors import ConfigError, GuerdonError

_ACTOR, _ROLLOUT = "actor_rollout_ref.actor", "actor_rollout_ref.rollout"
FLAGS: dict[str, tuple[Any, str]] = {
    "train_batch_size": (1024, "data.train_batch_size"),
    "val_batch_size": (500, "data.val_batch_size"),
    "max_prompt_length": (1024, "data.max_prompt_length"),
    "max_response_length": (8192, "data.max_response_length"),
    "learning_rate": (5e-7, f"{_ACTOR}.optim.lr"),
    "ppo_mini_batch_size": (256, f"{_ACTOR}.ppo_mini_batch_size"),
    "ppo_micro_batch_size": (2, f"{_ACTOR}.ppo_micro_batch_size_per_gpu"),
    "clip_ratio": (0.2, f"{_ACTOR}.clip_ratio"),
    "kl_loss_coef": (1e-4, f"{_ACTOR}.kl_loss_coef"),
    "kl_loss_type": ("low_var_kl", f"{_ACTOR}.kl_loss_type"),
    "entropy_coeff": (0.001, f"{_ACTOR}.entropy_coeff"),
    "temperature": (1.0, f"{_ROLLOUT}.temperature"),
    "rollout_n": (8, f"{_ROLLOUT}.n"),
    "rollout_gpu_memory_util": (0.75, f"{_ROLLOUT}.gpu_memory_utilization"),
    "rollout_tp": (1, f"{_ROLLOUT}.tensor_model_parallel_size"),
    "micro_rollout_batch_size": (1024, f"{_ROLLOUT}.micro_rollout_batch_size"),
    "log_prob_micro_batch_size": (160, f"{_ROLLOUT}.log_prob_micro_batch_size"),
    "kl_coef": (0.001, "algorithm.kl_ctrl.kl_coef"),
    "save_freq": (5, "trainer.save_freq"),
    "test_freq": (5, "trainer.test_freq"),
}
"""Flag -> its default (the later fork's, or else the original's) and verl's key."""

_SPELLINGS = {"entropy_coeff": ("entropy_coeffient", "entropy_coefficient")}
_PAIRWISE = (
    "--reward_strategy pairwise: answers are compared in pairs by a judge, not by a verifier: see "
    "guerdon train --config-name judge_grpo, and docs/judge.md"
)
_RAY = "--address: ray is not installed (pip install 'ray[default]'); without --address the run " \
       "starts on this machine"  # fmt: skip


@dataclass(frozen=True)
class Job:
    """A run that could start, and the file that says it."""

    file: Path
    config: Config
    values: dict[str, Any]
    notes: tuple[str, ...]


def main(arguments: Sequence[str]) -> int:
    """Check what the run needs, write its configuration, start it; the exit code."""
    parser = _parser()
    given, others = parser.parse_known_args(arguments)
    pairwise = [word for word in others if word.startswith("--pairwise_")]
    if others and not pairwise:
        parser.error(f"unknown: {' '.join(others)}")
    try:
        if pairwise or given.reward_strategy == "pairwise":
            raise ConfigError(_PAIRWISE)
        print(_environment(), file=sys.stderr)
        job = prepare(given)
        for note in job.notes:
            print(f"note: {note}", file=sys.stderr)
        print(f"configuration: {job.file}", file=sys.stderr)
        if given.dry_run:
            print("ok: it would start")
            return 0
        return _submit(given.address, job.file) if given.address else _train(job)
    except GuerdonError as error:
        print("\n".join(f"error: {line}" for line in str(error).splitlines()), file=sys.stderr)
        return 1


def _submit(address: str, file: Path) -> int:
    job = ["ray", "job", "submit", "--address", address, "--", "python", "-m", "guerdon", "train"]
    return subprocess.run([*job, "--config-name", str(file)]).returncode


def _train(job: Job) -> int:
    from guerdon.train.loop import train

    return 130 if train(job.config, job.values).status == "interrupted" else 0


def _environment() -> str:
    import torch

    python = ".".join(map(str, sys.version_info[:3]))
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU: on the CPU"
    return f"environment: Python {python}, torch {torch.__version__}, {device}"


def prepare(given: argparse.Namespace) -> Job:
    """Check everything, and write the configuration into the checkpoint folder.

    Raises:
        ConfigError: all that is missing or wrong.
    """
    problems = _unmet(given)
    if problems:
        raise ConfigError(problems)
    name = f"verl-grpo{given.suffix}_{given.dataset_name}_{Path(given.model_name).name}"
    imported = converted(Foreign(_verl(given, name)))
    values = imported.values
    if given.remove_previous_ckpt:
        values["trainer"]["keep_last"] = 1
    report = check(values)
    if report.config is None:
        raise ConfigError(report.problems)
    file = Path(given.checkpoint_dir) / f"{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(to_yaml(values), encoding="utf-8")
    return Job(file, report.config, values, (*imported.notes, *report.warnings))


def _unmet(given: argparse.Namespace) -> list[str]:
    """What the environment, the data, the models and the cluster lack."""
    from guerdon.hf import check_model

    problems = []
    for flag, file in (("train_file", given.train_file), ("val_file", given.val_file)):
        if file is None or not Path(file).is_file():
            what = "not given" if file is None else f"no file {file!r}"
            problems.append(
                f"--{flag}: {what}; name a parquet file of verl's schema, or export {flag.upper()}"
            )
    given.model_name = _model(given.model_name, given.model_dir)
    problems += [f"--model_name: {line}" for line in check_model(given.model_name)]
    if given.reward_strategy == "verifier":
        given.verifier = _model(given.verifier, given.model_dir)
        problems += [f"--verifier: {line}" for line in check_model(given.verifier)]
    if given.remove_clip:
        problems.append(
            "--remove_clip: updates are always clipped; give --clip_ratio a large value"
        )
    if given.address:
        problems += _cluster(given.address)
    return problems


def _model(name: str, folder: Path) -> str:
    """A path, a directory of the model folder, or a name of the hub."""
    inside = folder / name
    return str(inside) if not Path(name).exists() and inside.is_dir() else name


def _cluster(address: str) -> list[str]:
    if shutil.which("ray") is None:
        return [_RAY]
    status = subprocess.run(["ray", "status", "--address", address], capture_output=True, text=True)
    if status.returncode:
        said = (status.stderr.strip().splitlines() or ["no reason given"])[-1]
        return [f"--address {address}: no Ray cluster answers: {said}"]
    return []


def _verl(given: argparse.Namespace, name: str) -> dict[str, Any]:
    rows = len(read_file(Path(given.train_file)).rows)
    keys = {key: getattr(given, flag) for flag, (_, key) in FLAGS.items()}
    # a step has no more minibatches than rows, as the fork's smaller batches need
    size, mini = given.train_batch_size, given.ppo_mini_batch_size
    keys[f"{_ACTOR}.ppo_mini_batch_size"] = mini if size % mini == 0 else size
    keys |= {
        "algorithm.adv_estimator": "grpo",
        f"{_ACTOR}.use_kl_loss": True,
        "actor_rollout_ref.model.path": given.model_name,
        "data.train_files": str(given.train_file),
        "data.val_files": str(given.val_file),
        "reward_model.enable": given.reward_strategy == "verifier",
        "reward_model.strategy": given.reward_strategy,
        "reward_model.model.path": given.verifier,
        "trainer.total_training_steps": max(1, given.total_epochs * rows // size),
        "trainer.experiment_name": name,
        "trainer.default_local_dir": f"{given.checkpoint_dir}/{name}",
        "trainer.logger": ["console"],
    }
    nested: dict[str, Any] = {}
    for key, value in keys.items():
        *path, last = key.split(".")
        inner = nested
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return nested


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Exit code 1, as the scripts it stands in for."""
        self.print_usage(sys.stderr)
        self.exit(1, f"error: {message}\n")


def _parser(environment: Mapping[str, str] = os.environ) -> argparse.ArgumentParser:
    parser = _Parser(
        prog="start_grpo_ray_job.sh",
        description="GRPO with a verifier that judges answers, or the math rule.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--model_name", required=True, help="a folder, one of --model_dir, a hub name"
    )
    for flag, (default, key) in FLAGS.items():
        names = [f"--{name}" for name in (flag, *_SPELLINGS.get(flag, ()))]
        parser.add_argument(
            *names, dest=flag, type=type(default), default=default, help=f"{key} ({default})"
        )
    parser.add_argument("--total_epochs", type=int, default=20, help="over the training rows (20)")
    parser.add_argument("--dataset_name", default="simplelr_math_35", help="part of the run's name")
    parser.add_argument("--suffix", default="", help="part of the run's name")
    parser.add_argument("--remove_clip", type=_yes, default=False)
    parser.add_argument("--remove_previous_ckpt", type=_yes, default=False)
    parser.add_argument(
        "--reward_strategy", choices=("verifier", "rule", "pairwise"), default="verifier"
    )
    for name, default in (
        ("train_file", None), ("val_file", None), ("verifier", "general-verifier"),
        ("checkpoint_dir", "checkpoints/general_reasoner"), ("model_dir", "models"),
    ):  # fmt: skip
        variable = environment.get(name.upper(), default)
        kind = Path if name == "model_dir" else str
        parser.add_argument(
            f"--{name}", type=kind, default=variable and kind(variable),
            help=f"default: {name.upper()} of the environment, or {default}",
        )  # fmt: skip
    parser.add_argument("--address", help="submit to this Ray cluster; default: run here")
    parser.add_argument("--dry_run", action="store_true", help="check, and start nothing")
    return parser


def _yes(text: str) -> bool:
    known = {"true": True, "1": True, "false": False, "0": False}
    if text.lower() not in known:
        raise argparse.ArgumentTypeError(f"{text!r} is neither True nor False")
    return known[text.lower()]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""RunStore: writes a run directory.

    runs/<name>/  run.json                       id, created, git commit, command, status
                  config.yaml                    resolved, secrets redacted
                  metrics.jsonl                  a row per step
                  episodes/step_000012.jsonl     an episode per line
                  eval/step_000020.jsonl
                  audit/step_000020.jsonl        responses that a second reward scored, if any
                  checkpoints/step_000020/
                  summary.json, curve.png        at the end
                  log.txt

Lines are flushed as they are written, so that a page can follow them.
"""

from __future__ import annotations

import json
import logging
import math
import shutil
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from guerdon.errors import ConfigError
from guerdon.runs import reader
from guerdon.runs.schema import FORMAT, dump_line, episode_to_json
from guerdon.types import Episode, Metrics

log = logging.getLogger("guerdon")


class RunStore:
    """The run directory ``folder``; make one with `create` or `open`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._log_file = logging.FileHandler(folder / "log.txt", encoding="utf-8")
        self._log_file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        log.addHandler(self._log_file)
        if log.level == logging.NOTSET:
            log.setLevel(logging.INFO)

    @classmethod
    def create(cls, folder: Path, config_yaml: str, *, overwrite: bool = False) -> RunStore:
        """Start a new record.

        Raises:
            ConfigError: a run is there already (without ``overwrite``), or no folder can be made.
        """
        if folder.exists() and any(folder.iterdir()):
            if not (folder / "run.json").exists():
                raise ConfigError(f"{folder} is not a run directory; choose another run.name")
            if not overwrite:
                raise ConfigError(
                    f"run {folder.name!r} exists: continue it with --resume {folder}, choose "
                    f"another run.name, or replace it with run.overwrite=true"
                )
            shutil.rmtree(folder)
        try:
            for part in ("episodes", "eval", "checkpoints"):
                (folder / part).mkdir(parents=True, exist_ok=True)
            (folder / "config.yaml").write_text(config_yaml, encoding="utf-8")
        except OSError as error:
            raise ConfigError(
                f"run directory {folder} cannot be written ({error.strerror}); set run.dir"
            ) from error
        store = cls(folder)
        store._update_run(
            id=uuid.uuid4().hex,
            format=FORMAT,
            created=_now(),
            git=_git_commit(),
            command=" ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            status="running",
        )
        return store

    @classmethod
    def open(cls, folder: Path) -> RunStore:
        """Go on with a record.

        Raises:
            ConfigError: ``folder`` is no run directory, or one of another version.
        """
        run = reader.read_run(folder)
        if run.get("format") != FORMAT:
            raise ConfigError(
                f"run {folder} has format {run.get('format')}, this guerdon reads {FORMAT}"
            )
        return cls(folder)

    # --- rows ------------------------------------------------------------------------------------

    def write_metrics(self, step: int, metrics: Metrics) -> None:
        """Append a step's row to metrics.jsonl."""
        odd = sorted(name for name, value in metrics.items() if not math.isfinite(value))
        if odd:
            log.warning("step %d: not finite, written as null: %s", step, ", ".join(odd))
        with (self.folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(dump_line({"step": step, **metrics}))

    def write_episodes(
        self, step: int, episodes: Sequence[Episode], part: str = "episodes"
    ) -> None:
        """Write a step's episodes, in order; ``part`` is "episodes" or "eval"."""
        path = self.folder / part / f"{step_name(step)}.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for episode in episodes:
                file.write(dump_line(episode_to_json(episode)))

    def write_audit(self, step: int, records: Sequence[Mapping[str, Any]]) -> None:
        """Write what a second reward said of some of a step's episodes."""
        path = self.folder / "audit" / f"{step_name(step)}.jsonl"
        path.parent.mkdir(exist_ok=True)
        path.write_text("".join(dump_line(record) for record in records), encoding="utf-8")

    def write_summary(self, summary: Mapping[str, Any]) -> None:
        """Write summary.json."""
        self._write_json("summary.json", summary)

    def finish(self, status: str) -> None:
        """Record how the run ended ("completed", "interrupted", "failed") and let go of the log."""
        self._update_run(status=status, ended=_now())
        log.removeHandler(self._log_file)
        self._log_file.close()

    # --- resume ----------------------------------------------------------------------------------

    def rewind(self, step: int) -> None:
        """Forget everything after ``step``: a resumed run writes it again."""
        metrics = self.folder / "metrics.jsonl"
        if metrics.exists():
            rows = [row for row in reader.read_lines(metrics) if row["step"] <= step]
            _replace(metrics, "".join(dump_line(row) for row in rows))
        for part in ("episodes", "eval", "audit", "checkpoints"):
            for path in list((self.folder / part).glob("*")):
                number = reader.step_of(path)
                if number is None or number > step:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
        (self.folder / "summary.json").unlink(missing_ok=True)
        self._update_run(status="running")

    def checkpoint_folder(self, step: int) -> Path:
        """Where the checkpoint of ``step`` belongs."""
        return self.folder / "checkpoints" / step_name(step)

    # --- details ---------------------------------------------------------------------------------

    def _update_run(self, **changes: Any) -> None:
        path = self.folder / "run.json"
        known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self._write_json("run.json", {**known, **changes})

    def _write_json(self, name: str, record: Mapping[str, Any]) -> None:
        _replace(self.folder / name, json.dumps(record, indent=2, ensure_ascii=False) + "\n")


def step_name(step: int) -> str:
    """``step_000020``."""
    return f"step_{step:06d}"


def _replace(path: Path, text: str) -> None:
    """Write all or nothing: a kill in between leaves the old file."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _git_commit() -> str | None:
    """The commit of the current folder's repository, with "+" if it has changes, or None."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12"],
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None

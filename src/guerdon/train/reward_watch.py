"""What a run does so that its reward stays worth learning from: the start gate, probes, the audit.

Nothing here changes a reward or a weight. Only the gate stops a run; what is found later is a row
of metrics, a warning, and a page.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from guerdon.config.build import build
from guerdon.errors import ConfigError
from guerdon.runs import reader
from guerdon.runs.store import log
from guerdon.train.display import Display
from guerdon.train.step import Training
from guerdon.trust.audit import Audited, Drift, SaysResponse, drift, is_audited
from guerdon.trust.audit_page import audit_page
from guerdon.trust.gate import Routes, probe
from guerdon.trust.scoring import score
from guerdon.types import Episode, Metrics, Reward, RewardFn

PAGE = "audit.html"
"""In the run directory: both rewards over the steps, and the worst trajectories."""


class RewardWatch:
    """Keeps an eye on one run's reward."""

    def __init__(self, run: Training, display: Display) -> None:
        self.run, self.display, self.settings = run, display, run.config.trust
        self._audit: RewardFn | None = None
        if self.settings.audit is not None:
            self._audit = build(self.settings.audit, "trust.audit")
        self._audited = [Audited(**record) for record in reader.read_audit(run.store.folder)]
        self._has_diverged = False

    async def open_gate(self) -> Metrics:
        """Try the reward on gold answers and canaries before anything is learned from it.

        Raises:
            ConfigError: gold answers fail, or canaries are paid; names examples.
        """
        if not self.settings.gate:
            return {}
        run = self.run
        found = await probe(run.env, run.pool.seeds, run.models, self.settings, run.config.run.seed)
        if problems := found.problems(self.settings):
            raise ConfigError(problems)
        row = found.to_metrics()
        if row:
            gold, canary = (row.get(f"trust/{kind}_paid", 0.0) for kind in ("gold", "canary"))
            self.display.note(
                f"reward tried: {gold:.0%} of reference answers paid, {canary:.0%} of canaries"
            )
        if found.unwritten:
            self.display.note(
                f"{found.unwritten} reference answers were not tried: the reward does not say how "
                f"they are written (trust.gold)"
            )
        return row

    async def after_step(self, step: int) -> Metrics:
        """Probe and audit, where it is time to; what is wrong is reported."""
        row: Metrics = {}
        if self.settings.probe_every and step % self.settings.probe_every == 0:
            row |= await self._probe(step)
        if self._audit is not None:
            row |= await self._audit_step(step, self._audit)
        return row

    def finish(self) -> None:
        """Write the audit's page, if there was an audit."""
        if self._audited:
            self._write_page(drift(self._audited, self.settings.audit_window))

    async def _probe(self, step: int) -> Metrics:
        run = self.run
        key = (run.config.run.seed, step)
        found = await probe(run.env, run.pool.seeds, run.models, self.settings, *key)
        for line in found.problems(self.settings):
            log.warning("step %d: %s", step, line)
        failed = [*found.failed_gold, *found.paid_canaries]
        if failed and found.problems(self.settings):
            self.display.warn(f"step {step}: the reward failed its probe: {failed[0]}")
        return found.to_metrics()

    async def _audit_step(self, step: int, audit: RewardFn) -> Metrics:
        """Score a share of the step's episodes again; what was recorded is what is audited."""
        seed, frac = self.run.config.run.seed, self.settings.audit_frac
        episodes = reader.read_episodes(self.run.store.folder, step)
        chosen = [
            (number, episode)
            for number, episode in enumerate(episodes)
            if is_audited(seed, step, number, frac) and episode.trajectories and not episode.error
        ]
        jobs = [self._audit_one(step, number, episode, audit) for number, episode in chosen]
        new = [one for one in await asyncio.gather(*jobs) if one is not None]
        if not new:
            return {}
        self.run.store.write_audit(step, [one.to_json() for one in new])
        self._audited += new
        known = [(one.train, one.audit) for one in new if one.audit is not None]
        row: Metrics = {"audit/errors": float(len(new) - len(known))}
        if known:
            row["audit/train_reward"] = sum(train for train, _ in known) / len(known)
            row["audit/reward"] = sum(audited for _, audited in known) / len(known)
        found = drift(self._audited, self.settings.audit_window)
        if found is not None:
            row["audit/gap_z"] = found.gap_z
            self._report(step, found)
        return row

    async def _audit_one(
        self, step: int, number: int, episode: Episode, audit: RewardFn
    ) -> Audited | None:
        response = self._response(episode)
        if response is None:
            return None
        train = episode.trajectories[0].total_reward
        key = (self.run.config.run.seed, "audit", step, number)
        found = await score(audit, episode.task, response, self.run.models, *key)
        value = found.value if isinstance(found, Reward) else None
        note = found.note if isinstance(found, Reward) else str(found)
        return Audited(step, number, episode.task.id, train, value, note)

    def _response(self, episode: Episode) -> str | None:
        """What the training reward scored; None: the environment does not say."""
        env = self.run.env
        while isinstance(env, Routes):
            env = env.env_of(episode.task)
        return env.response_of(episode.trajectories[0]) if isinstance(env, SaysResponse) else None

    def _report(self, step: int, found: Drift) -> None:
        """Say so when the rewards come apart: once, until they are together again."""
        if found.has_diverged and not self._has_diverged:
            page = self._write_page(found)
            text = f"step {step}: the rewards come apart: {found}; worst trajectories: {page}"
            self.display.warn(text)
        self._has_diverged = found.has_diverged

    def _write_page(self, found: Drift | None) -> Path:
        store = self.run.store
        path = store.folder / PAGE
        text = audit_page(store.folder.name, self._audited, found, self._transcript)
        path.write_text(text, encoding="utf-8")
        return path

    def _transcript(self, one: Audited) -> tuple[str, str]:
        episodes = reader.read_episodes(self.run.store.folder, one.step)
        episode = next(episode for number, episode in enumerate(episodes) if number == one.episode)
        prompt = "\n\n".join(message["content"] for message in episode.task.prompt)
        return prompt, self._response(episode) or ""

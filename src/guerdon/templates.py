"""ChatTemplate: messages to tokens, one delta at a time, for any tokenizer with a chat template.

A conversation is one row of tokens that only grows: the opening prompt, what was sampled, the
tokens up to the next reply, what was sampled ... Sampled tokens are never decoded and tokenised
again. This file turns messages into the tokens between replies and checks, once, that such a row
is what the template itself would have written.

What a message says never becomes a control token: a user who writes ``<|im_end|>`` does not end
the turn (see `control_tokens.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from jinja2 import TemplateError
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerBase

from guerdon.control_tokens import REASONING, ControlTokens
from guerdon.errors import ConfigError
from guerdon.types import Message

_PROBE = ("quail one", "robin two", "siskin three", "teal four", "wren five")
"""Contents of the conversations a template is tried with; the reply to cut at is the second."""


class ChatTemplate:
    """A tokenizer's chat template as token deltas.

    A role the template does not know (system, tool) is rendered as the user's, joined by an empty
    line with the user message beside it, if any. White space a template would trim from a reply is
    kept, since it was sampled.

    Args:
        tokenizer: a Hugging Face tokenizer with a chat template.
        allow_rewrite: for a template that rewrites earlier turns: build rows of several turns all
            the same. They hold what was sampled, verbatim, and so differ from what the template
            would show at inference.
        options: variables of the template, such as ``{"enable_thinking": False}``.

    Raises:
        ConfigError: there is no chat template, or one that no row can be built with.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        *,
        allow_rewrite: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.tokenizer = tokenizer
        self.allow_rewrite = allow_rewrite
        self._options = dict(options or {})
        self._name = tokenizer.name_or_path or type(tokenizer).__name__
        if not tokenizer.chat_template:
            raise ConfigError(
                f"tokenizer {self._name!r} has no chat template; add chat_template.jinja, or use "
                f"an instruct model"
            )
        if not isinstance(getattr(tokenizer, "backend_tokenizer", None), Tokenizer):
            raise ConfigError(
                f"tokenizer {self._name!r} ({type(tokenizer).__name__}) has no tokenizer.json; "
                f"convert it with AutoTokenizer.from_pretrained(...).save_pretrained"
            )
        self._controls = ControlTokens(tokenizer.backend_tokenizer, self._named(), self._shown())
        self._check_encoding()
        self._end = self._end_token()
        self._lead = self._space_before_reply()
        eos, pad = tokenizer.eos_token_id, tokenizer.pad_token_id
        ends = (self._controls.ids[self._end], self._last_end_id(), eos)
        self.stop_ids: frozenset[int] = frozenset(i for i in ends if i is not None)
        """Tokens that end a reply: those the template puts after one, and eos."""
        self.pad_id: int = pad if pad is not None else min(self.stop_ids)
        self._start = lru_cache(1024)(self._encode_start)
        self._delta = lru_cache(4096)(self._encode_delta)

        self.supports_system = self.supports_tool = True
        self.rewrites: str | None = None
        """How the template rewrites earlier turns, or None."""
        append_only = self._keeps(())
        self.supports_system = self._knows("system", append_only)
        self.supports_tool = self._knows("tool", append_only)
        self.rewrites = self._find_rewrite(append_only)
        self._start.cache_clear()  # what the probes saw before the roles were known
        self._delta.cache_clear()

    @property
    def append_only(self) -> bool:
        """Whether the rendering of a conversation begins with the rendering of its beginning."""
        return self.rewrites is None

    def start(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """The tokens of an opening prompt, up to where the first reply begins.

        Raises:
            ConfigError: the template refuses these messages.
        """
        return self._start(_key(messages))

    def extend(self, messages: Sequence[Message], *, closed: bool) -> tuple[int, ...]:
        """The tokens between a reply and the next one.

        Args:
            messages: what was said since the reply.
            closed: whether the reply ended with a token of ``stop_ids``; if not, the end-of-turn
                token comes first.

        Raises:
            ConfigError: the template refuses these messages, or rewrites earlier turns and
                ``allow_rewrite`` is not set.
        """
        if self.rewrites is not None and not self.allow_rewrite:
            raise ConfigError(
                f"the chat template of {self._name!r} {self.rewrites}, so a conversation of "
                f"several turns is not one row of tokens; use single-turn tasks, a "
                f"chat_template.jinja that keeps earlier turns as they are, or allow_rewrite=true "
                f"to train on what was sampled although the template would show it differently"
            )
        delta = self._delta(_key(messages))
        return delta[1:] if closed else delta

    def whole(self, messages: Sequence[Message]) -> tuple[int, ...]:
        """The tokens of a conversation that is over, as a reward model reads it.

        Raises:
            ConfigError: the template refuses these messages.
        """
        return self._controls.encode(self._render(self._quoted(_key(messages)), prompt=False))

    def encode_reply(self, text: str) -> tuple[int, ...]:
        """The tokens of a reply that was written, not sampled, its end-of-turn token included.

        For supervised rows: they continue ``start`` and ``extend(..., closed=True)``.
        """
        reply = f"{self._lead}{self._controls.quote(text)}{self._end}"
        return self._controls.encode(self._end + reply)[1:]

    def encode_text(self, text: str) -> tuple[int, ...]:
        """The tokens of a text that stands where a template's own would: control tokens count."""
        return self._controls.encode(text)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of a reply without its stop token; other control tokens stay visible."""
        ids = list(ids)
        if ids and ids[-1] in self.stop_ids:
            ids.pop()
        text: str = self.tokenizer.backend_tokenizer.decode(ids, skip_special_tokens=False)
        return text

    def pieces(self, ids: Sequence[int]) -> tuple[str, ...]:
        """What each token adds to the text of a reply; an unfinished character comes with the token
        that finishes it."""
        pieces: list[str] = []
        context: list[int] = []  # what came just before may change how a token reads
        pending: list[int] = []
        left = self.decode(ids)
        for token in ids:
            pending.append(token)
            known = self.decode(context)
            piece = self.decode([*context, *pending])[len(known) :]
            if piece.endswith("\ufffd"):
                piece = ""
            else:
                context, pending = pending, []
            pieces.append(left[: len(piece)])
            left = left[len(piece) :]
        if pieces:
            pieces[-1] += left
        return tuple(pieces)

    # --- encoding ---------------------------------------------------------------------------------

    def _encode_start(self, key: tuple[tuple[str, str], ...]) -> tuple[int, ...]:
        return self._controls.encode(self._render(self._quoted(key)))

    def _encode_delta(self, key: tuple[tuple[str, str], ...]) -> tuple[int, ...]:
        """The end-of-turn token and all that follows it, up to the next reply."""
        text = self._after_reply(self._quoted(key))
        return self._controls.encode(text[text.index(self._end) :])

    def _quoted(self, key: tuple[tuple[str, str], ...]) -> list[Message]:
        """The messages, in roles the template knows, with contents that are only text."""
        messages: list[Message] = []
        borrowed = False  # whether the last message holds words of a role the template lacks
        for role, content in key:
            known = {"system": self.supports_system, "tool": self.supports_tool}.get(role, True)
            text = self._controls.quote(content)
            beside = bool(messages) and messages[-1]["role"] == "user"
            if beside and (not known or (borrowed and role == "user")):
                messages[-1] = _user(f"{messages[-1]['content']}\n\n{text}")
                borrowed = True
            else:
                messages.append(_message(role if known else "user", text))
                borrowed = not known
        return messages

    def _render(self, messages: Sequence[Message], prompt: bool = True) -> str:
        try:
            text = self.tokenizer.apply_chat_template(
                [{"role": m["role"], "content": m["content"]} for m in messages],
                tokenize=False,
                add_generation_prompt=prompt,
                **self._options,
            )
        except (TemplateError, TypeError) as error:
            roles = ", ".join(message["role"] for message in messages) or "none"
            raise ConfigError(
                f"the chat template of {self._name!r} refuses messages of roles [{roles}]: {error}"
            ) from error
        assert isinstance(text, str)
        return text

    def _after_reply(self, messages: Sequence[Message], prompt: bool = True) -> str:
        """What the template writes after a reply that ``messages`` follow."""
        opening = [_user(_PROBE[0]), _message("assistant", self._controls.sentinel), *messages]
        after = self._render(opening, prompt).partition(self._controls.sentinel)[2]
        if not after:
            raise ConfigError(f"the chat template of {self._name!r} does not show earlier replies")
        return after

    # --- what the template does, found out once ---------------------------------------------------

    def _named(self) -> str:
        """The template's source and the tokens it may name by variables."""
        return "\n".join([self.tokenizer.get_chat_template(), *self.tokenizer.all_special_tokens])

    def _shown(self) -> str:
        """Renderings of short conversations, in every role the template takes."""
        user, reply = _user(_PROBE[0]), _message("assistant", _PROBE[1])
        texts = []
        for role in ("user", "system", "tool"):
            other = _message(role, _PROBE[2])
            for messages in ([other, user, reply], [user, reply, other]):
                try:
                    texts += [self._render(messages), self._render(messages, prompt=False)]
                except ConfigError:
                    continue  # a role or an order this template does not take
        text = "\n".join(texts)
        for content in _PROBE:
            text = text.replace(content, "")
        return text

    def _check_encoding(self) -> None:
        user, reply = _user(" a  b\n\nC, d!\n"), _message("assistant", "E f\ng.")
        text = self._render([user, reply, _user(_PROBE[2])])
        theirs = self.tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids
        if self._controls.encode(text) != tuple(theirs):
            raise ConfigError(
                f"tokenizer {self._name!r} splits text differently around control tokens than "
                f"inside it; its chat template cannot be encoded turn by turn"
            )

    def _end_token(self) -> str:
        """The control token the template writes right after a reply."""
        after = self._after_reply([_user(_PROBE[2])]).lstrip()
        end = self._controls.leading(after)
        if end is None:
            raise ConfigError(
                f"the chat template of {self._name!r} writes {after[:20]!r} after a reply, which "
                f"is no control token: a model could not end its turn; add an end-of-turn token"
            )
        return end

    def _space_before_reply(self) -> str:
        """White space between the prompt and a reply, which a model samples as part of it."""
        user, reply = _user(_PROBE[0]), _message("assistant", self._controls.sentinel)
        shown = self._render([user, reply]).partition(self._controls.sentinel)[0]
        gap = shown.removeprefix(self._render([user]))
        return gap if gap.isspace() else ""

    def _last_end_id(self) -> int | None:
        """The control token after the last reply of a conversation, if it has one."""
        last = [_user(_PROBE[0]), _message("assistant", self._controls.sentinel)]
        after = self._render(last, prompt=False).partition(self._controls.sentinel)[2].lstrip()
        return self._controls.ids.get(self._controls.leading(after) or "")

    def _knows(self, role: str, append_only: bool) -> bool:
        """Whether the template shows messages of this role, and keeps them where they were."""
        extra = _message(role, _PROBE[4])
        user, reply = _user(_PROBE[0]), _message("assistant", _PROBE[1])
        seen = [extra, user, reply] if role == "system" else [user, reply, extra]
        try:
            if _PROBE[4] not in self._render(seen):
                return False
        except ConfigError:
            return False
        return not append_only or self._keeps((extra,))

    def _find_rewrite(self, append_only: bool) -> str | None:
        if not append_only:
            return "renders earlier turns differently once the conversation goes on"
        for opening, closing in REASONING:
            if not self._keeps((), before=f"{opening}\nwhy\n{closing}\n\n"):
                return f"strips reasoning ({opening}...{closing}) from earlier replies"
        return None

    def _keeps(self, extra: tuple[Message, ...], before: str = "") -> bool:
        """Whether a conversation of three replies built by deltas is the template's own rendering.

        Args:
            extra: a system message to open with, or a tool message to go on with.
            before: what each reply says first.
        """
        system = [message for message in extra if message["role"] == "system"]
        tool = [message for message in extra if message["role"] == "tool"]
        opening = [*system, _user(_PROBE[0])]
        replies = [before + _PROBE[1], before + _PROBE[2], before + _PROBE[1]]
        observations = [tool or [_user(_PROBE[3])] for _ in replies]
        messages = list(opening)
        for reply, observation in zip(replies, observations, strict=True):
            messages += [_message("assistant", reply), *observation]
        try:
            whole = self._controls.encode(self._render(messages))
            deltas = [self.extend(observation, closed=False) for observation in observations]
            return self._joins(whole, [self.start(opening), *deltas], replies)
        except ConfigError:
            return False

    def _joins(
        self, whole: tuple[int, ...], deltas: Sequence[tuple[int, ...]], replies: Sequence[str]
    ) -> bool:
        """Whether ``whole`` is the deltas with the replies in between."""
        at, end_id = len(deltas[0]), self._controls.ids[self._end]
        if whole[:at] != deltas[0]:
            return False
        for delta, reply in zip(deltas[1:], replies, strict=True):
            if end_id not in whole[at:]:
                return False
            end = whole.index(end_id, at)
            # through the tokenizer, which may not be able to spell every probe
            expected = self.decode(self._controls.encode(reply))
            if self.decode(whole[at:end]).strip() != expected.strip():
                return False
            at = end + len(delta)
            if whole[end:at] != delta:
                return False
        return at == len(whole)


def _key(messages: Sequence[Message]) -> tuple[tuple[str, str], ...]:
    return tuple((message["role"], message["content"]) for message in messages)


def _message(role: str, content: str) -> Message:
    return {"role": role, "content": content}  # type: ignore[typeddict-item]


def _user(content: str) -> Message:
    return {"role": "user", "content": content}

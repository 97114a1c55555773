"""Tiny random policies with a tokenizer of their own: the quickstart and the tests need no
download.

Two tokenizers: one word a token (a game's vocabulary; bytes for the rest), or bytes alone. Both
speak ChatML.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from guerdon import attention
from guerdon.errors import ConfigError
from guerdon.fused import fuse

PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"

CHATML = (
    "{% for message in messages %}"
    "<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

_QWEN2_WORD = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True)
class TinyPolicy:
    """Shape of a small random Qwen2; ``save`` writes it as a Hugging Face directory.

    Args:
        words: words that are one token each, alone and after a space; None: bytes only.
        words_from: a text file whose most frequent words are such words, too.
        num_words: how many of them.
        template: a chat template (Jinja); the default is ChatML.
    """

    words: Sequence[str] | None = None
    words_from: str | None = None
    num_words: int = 2000
    hidden: int = 64
    num_layers: int = 2
    num_heads: int = 4
    num_kv_heads: int = 4
    mlp: int = 256
    context: int = 2048
    init_std: float = 0.08
    rope_theta: float = 10_000.0
    template: str = CHATML

    def tokenizer(self) -> PreTrainedTokenizerFast:
        """The policy's tokenizer; its ids depend on the words only."""
        specials = [PAD, START, END]
        own = [*(self.words or ()), *self._frequent_words()]
        words = ["system", "user", "assistant", *own] if own else []
        core = Tokenizer(models.BPE())
        # the pre-tokenizer transformers gives every Qwen2 directory, whatever its files say
        core.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(_QWEN2_WORD), behavior="isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        core.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(
            vocab_size=1_000_000 if words else 0,  # merge until every word is one token
            special_tokens=specials,
            initial_alphabet=sorted(alphabet),
            show_progress=False,
        )
        core.train_from_iterator((form for word in words for form in (word, f" {word}")), trainer)
        return PreTrainedTokenizerFast(
            tokenizer_object=core,
            eos_token=END,
            pad_token=PAD,
            chat_template=self.template,
            model_max_length=self.context,
            clean_up_tokenization_spaces=False,
        )

    def _frequent_words(self) -> list[str]:
        """The words of ``words_from``, the most frequent ones first; of equal ones, by the
        alphabet.

        Raises:
            ConfigError: the file cannot be read.
        """
        if self.words_from is None:
            return []
        try:
            text = Path(self.words_from).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"words_from: {self.words_from!r} cannot be read: {error}") from None
        counts = Counter(re.findall(r"[A-Za-z]{2,}", text))
        return sorted(counts, key=lambda word: (-counts[word], word))[: self.num_words]

    def model(self, seed: int = 0) -> Qwen2ForCausalLM:
        """Random float32 weights; the global random state is left as it was."""
        tokenizer = self.tokenizer()
        config = Qwen2Config(
            vocab_size=len(tokenizer),
            hidden_size=self.hidden,
            intermediate_size=self.mlp,
            num_hidden_layers=self.num_layers,
            num_attention_heads=self.num_heads,
            num_key_value_heads=self.num_kv_heads,
            max_position_embeddings=self.context,
            initializer_range=self.init_std,
            rope_parameters={"rope_type": "default", "rope_theta": self.rope_theta},
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = Qwen2ForCausalLM._from_config(config, attn_implementation=attention.NAME)
        fuse(model)
        return model.eval()

    def save(self, folder: str | Path, seed: int = 0) -> None:
        """Write model and tokenizer to ``folder``."""
        self.model(seed).save_pretrained(folder)
        self.tokenizer().save_pretrained(folder)

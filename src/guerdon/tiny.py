"""Tiny random policies with a tokenizer of their own: the quickstart and the tests need no download.

Two tokenizers: one word a token (a game's vocabulary), or one byte a token (any text). Both speak ChatML.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from guerdon import attention

PAD, START, END = "<|endoftext|>", "<|im_start|>", "<|im_end|>"

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@dataclass(frozen=True)
class TinyPolicy:
    """Shape of a small random Qwen2; ``save`` writes it as a Hugging Face directory.

    Args:
        words: the vocabulary, a word a token; None: bytes. Role names and the template's own words are added.
        template: a chat template (Jinja); the default is ChatML.
    """

    words: Sequence[str] | None = None
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
        """The policy's tokenizer; ids depend on the words' order only."""
        specials = [PAD, START, END]
        if self.words is None:
            alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
            vocabulary = {token: i for i, token in enumerate([*specials, *alphabet])}
            core = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
            core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
            core.decoder = decoders.ByteLevel()
        else:
            words = dict.fromkeys([*specials, "<unk>", "system", "user", "assistant", *self.words])
            core = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
            core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        core.add_special_tokens(specials)
        return PreTrainedTokenizerFast(
            tokenizer_object=core,
            eos_token=END,
            pad_token=PAD,
            chat_template=self.template,
            model_max_length=self.context,
            clean_up_tokenization_spaces=False,
        )

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
            return Qwen2ForCausalLM._from_config(config, attn_implementation=attention.NAME).eval()

    def save(self, folder: str | Path, seed: int = 0) -> None:
        """Write model and tokenizer to ``folder``."""
        self.model(seed).save_pretrained(folder)
        self.tokenizer().save_pretrained(folder)

"""The model both sides of a comparison use: a random Qwen2 of 7.3 M parameters, as peers do."""

from __future__ import annotations

import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

from guerdon.fused import fuse

VOCABULARY = 4096


def random_qwen2(attention: str, eos_token_id: int) -> Qwen2ForCausalLM:
    """Float32, the same weights at every call; ``attention`` is its attn_implementation."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=VOCABULARY,
        hidden_size=256,
        intermediate_size=768,
        num_hidden_layers=8,
        num_attention_heads=8,
        num_key_value_heads=4,
        max_position_embeddings=2048,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=eos_token_id,
        pad_token_id=0,
    )
    model = Qwen2ForCausalLM._from_config(config, attn_implementation=attention).eval()
    fuse(model)
    return model

"""Five families of chat template, each with a small tokenizer made here: no download."""

from __future__ import annotations

import json

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from guerdon.tiny import CHATML

LLAMA = (
    "{{ bos_token }}{% for m in messages %}"
    "<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n{{ m.content | trim }}<|eot_id|>"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)

MISTRAL = (
    "{{ bos_token }}{% set system = '' %}"
    "{% if messages[0].role == 'system' %}"
    "{% set system = messages[0].content + '\n\n' %}{% set messages = messages[1:] %}"
    "{% endif %}"
    "{% for m in messages %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('roles must alternate user and assistant') }}{% endif %}"
    "{% if m.role == 'user' %}"
    "[INST] {{ system if loop.last else '' }}{{ m.content }} [/INST]"
    "{% else %} {{ m.content }}{{ eos_token }}{% endif %}"
    "{% endfor %}"
)

REASONING = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'assistant' and not loop.last %}{{ m.content.split('</think>')[-1] | trim }}"
    "{% else %}{{ m.content }}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

NO_SYSTEM = (
    "{{ bos_token }}{% for m in messages %}"
    "{% if m.role not in ['user', 'assistant'] %}"
    "{{ raise_exception('role ' + m.role + ' is not supported') }}{% endif %}"
    "{% set role = 'model' if m.role == 'assistant' else m.role %}"
    "<start_of_turn>{{ role }}\n{{ m.content | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)

_TEXT = [
    "system user assistant model tool",
    "The quail said hello to the robin, and two siskins went left, right, up and down.",
    "one two three four five\n\nwhy? because! 1 + 1 = 2",
]


def byte_level(
    template: str, specials: list[str], *, bos: str | None = None, eos: str, **extra: object
) -> PreTrainedTokenizerFast:
    """A byte-level BPE, like those of GPT, Llama 3 and Qwen; with ``bos`` it would prepend one."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=330,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    core.train_from_iterator(_TEXT, trainer)
    core.add_special_tokens([AddedToken(word, special=True) for word in specials])
    if bos:
        core.post_processor = processors.TemplateProcessing(
            single=f"{bos} $A", special_tokens=[(bos, core.token_to_id(bos))]
        )
    return PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token=bos, eos_token=eos, chat_template=template, **extra
    )


def chatml() -> PreTrainedTokenizerFast:
    """Qwen-like: a base model's eos that is not the token its template ends turns with."""
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    return byte_level(CHATML, specials, eos="<|endoftext|>", pad_token="<|endoftext|>")


def llama() -> PreTrainedTokenizerFast:
    """Llama-3-like: headers, BOS in the template and in the tokenizer, trimmed contents."""
    specials = ["<|begin_of_text|>", "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>"]
    return byte_level(LLAMA, specials, bos="<|begin_of_text|>", eos="<|eot_id|>")


def mistral() -> PreTrainedTokenizerFast:
    """Mistral-like: sentencepiece-style BPE, instruction marks that are plain text, the system
    message shown in the last user message only."""
    core = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    core.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    core.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1),
        ]
    )
    byte_tokens = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=420, special_tokens=["<unk>", "<s>", "</s>", *byte_tokens], show_progress=False
    )
    core.train_from_iterator([*_TEXT, "[INST] two [/INST]"], trainer)
    spec = json.loads(core.to_str())
    spec["added_tokens"] = spec["added_tokens"][:3]  # bytes are in the vocabulary, not special
    core = Tokenizer.from_str(json.dumps(spec))
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        chat_template=MISTRAL,
    )


def reasoning() -> PreTrainedTokenizerFast:
    """Strips what stands before ``</think>`` from every reply but the last."""
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    core = byte_level(REASONING, specials, eos="<|im_end|>", pad_token="<|endoftext|>")
    core.add_tokens([AddedToken("<think>", special=False), AddedToken("</think>", special=False)])
    return core


def no_system() -> PreTrainedTokenizerFast:
    """Gemma-like: refuses a system message, calls the assistant "model"."""
    specials = ["<bos>", "<eos>", "<pad>", "<start_of_turn>", "<end_of_turn>"]
    return byte_level(NO_SYSTEM, specials, bos="<bos>", eos="<eos>", pad_token="<pad>")


FAMILIES = {
    "chatml": chatml,
    "llama": llama,
    "mistral": mistral,
    "reasoning": reasoning,
    "no_system": no_system,
}

import math
from copy import deepcopy

import pytest
import torch
from torch import tensor
from transformers import Qwen2ForCausalLM

from guerdon.algorithms import GRPO
from guerdon.batch import Batch
from guerdon.config.schema import Learner as Settings
from guerdon.learner.learner import Learner
from guerdon.learner.models import PolicyModels
from guerdon.tiny import TinyPolicy
from guerdon.train.information import estimate, of_rows
from policy_rows import make_row, plain_scores


def test_replies_that_fit_only_their_own_prompt_carry_log_n_nats():
    found = estimate(tensor([[-1.0, -99, -99], [-99, -2, -99], [-99, -99, -3]]))
    assert found["information/mi"] == pytest.approx(math.log(3))
    assert found["information/entropy"] == pytest.approx(2.0)
    assert found["information/retrieval"] == 1.0


def test_replies_that_fit_any_prompt_carry_nothing():
    found = estimate(tensor([[-1.0, -2.0], [-1.0, -2.0]]))
    assert found["information/mi"] == pytest.approx(0.0)
    assert found["information/retrieval"] == 0.5


def test_two_replies_by_hand():
    # marginals: log((e^-1 + e^-3) / 2), log((e^-2 + e^-2) / 2)
    found = estimate(tensor([[-1.0, -2.0], [-3.0, -2.0]]))
    first = -1 - math.log((math.exp(-1) + math.exp(-3)) / 2)
    assert found["information/mi"] == pytest.approx(first / 2)


@pytest.fixture(scope="module")
def learner():
    policy = TinyPolicy(hidden=16, num_layers=1, num_heads=2, num_kv_heads=1, mlp=16)
    models = PolicyModels(policy.model(seed=3), policy.tokenizer())
    return Learner(models, GRPO(), Settings(), total_steps=1)


ROWS = [
    make_row("a", [3, 4, 5], [([6, 7], [8]), ([9], [])]),
    make_row("a", [3, 4, 5], [([10], [])]),
    make_row("b", [11, 12], [([13, 14, 15], [])]),
]


def test_the_first_replies_of_one_row_a_group_are_scored_under_each_others_prompts(learner):
    crossed = [
        make_row(str(i), prompt, [(reply, [])])
        for i, prompt in enumerate([[3, 4, 5], [11, 12]])
        for reply in ([6, 7], [13, 14, 15])
    ]
    with torch.no_grad():
        logprobs, _, _ = plain_scores(
            _with_plain_attention(learner.models.policy), Batch.from_trajectories(crossed)
        )
    expected = estimate(logprobs.sum(dim=1).view(2, 2))
    assert of_rows(learner, ROWS) == pytest.approx(expected, abs=1e-4)


def _with_plain_attention(model):
    plain = Qwen2ForCausalLM._from_config(deepcopy(model.config), attn_implementation="sdpa")
    plain.load_state_dict(model.state_dict())
    return plain.eval()


def test_one_group_alone_says_nothing(learner):
    assert of_rows(learner, ROWS[:2]) == {}

"""Keys of RAGEN's that say nothing here, and why. Patterns: ``*`` is anything."""

_PLACEMENT = "how verl spreads its work over processes; here a backend decides"
_MEMORY = "verl's own memory management"

IGNORED = {
    "system.*": "set CUDA_VISIBLE_DEVICES in the environment",
    "seed.val": "held-out tasks are always the same",
    "enable_response_mask": "only sampled tokens are ever trained",
    "grpo_advantage_length_weight": "not offered",
    "log_prob_micro_batch_size_per_gpu": _MEMORY,
    "actor_rollout_ref.actor.use_ref": "the reference is loaded when a KL asks for it",
    "actor_rollout_ref.actor.*": _MEMORY,
    "actor_rollout_ref.ref.*": "the reference is scored in the learner's micro-batches",
    "actor_rollout_ref.model.*": "the policy's own config.json says it",
    "actor_rollout_ref.rollout.prompt_length": "unused there, too",
    "actor_rollout_ref.rollout.rollout_filter_*": "not used by this filter",
    "actor_rollout_ref.rollout.gradient_analysis*": "not offered",
    "actor_rollout_ref.rollout.*": _MEMORY,
    "critic.*": "as the policy's",
    "data.*": "tasks come from the environments",
    "algorithm.kl_ctrl.type": "no KL in the reward, or a fixed one",
    "algorithm.zero_task_advantage": "not offered",
    "algorithm.soft_advantage_reweight": "not offered",
    "algorithm.*": "not used by this estimator",
    "trainer.validation_steps": "eval.num_tasks says how many",
    "trainer.val_before_train": "there is always an evaluation before step 1, if any",
    "trainer.n_gpus_per_node": _PLACEMENT,
    "trainer.nnodes": _PLACEMENT,
    "trainer.generations_to_log_to_wandb*": "every episode is in the run directory",
    "trainer.*": "the run directory holds everything; trainer.keep_last says how many checkpoints",
    "agent_proxy.batch_adjust_mode": "no row is ever copied to fill a batch",
    "agent_proxy.*": "not offered",
    "collapse_detection.*": "trainer.information_every is the switch",
    "es_manager.*": "tasks and environments say it",
    "ctx_manager.*": "models.policy.sampling says it",
    "lora.*": "lora.rank is 0",
    "output.*": "the run directory holds everything",
}

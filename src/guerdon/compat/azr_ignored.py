"""Keys of Absolute Zero's that say nothing here, and why. Patterns: ``*`` is anything."""

_CURRENT = "there the rows only count the steps of an epoch"
_POOL = "the pool deals what it has, and never asks for a certain size"
_SEEDS = "`guerdon tasks seed` writes seeds, to the file you name"
_OFF = "it is off"

SHARED = {
    "experiment_*": "filled in there while it runs; the run directory has everything",
    "agent_output_dir": "filled in there while it runs; the run directory has everything",
    "REMOTE_DEBUG": "trainer.debug waits for a debugger",
    "data.train_files": _CURRENT,
    "data.val_files": "problems for evaluation are tasks.eval_paths, or held out of the seeds",
    "data.max_prompt_length": "programs, values and questions are bounded in characters instead",
    "data.max_validation_prompt_length": "as data.max_prompt_length",
    "data.prompt_key": "prompts are made here, from tasks",
    "data.train_max_samples": _CURRENT,
    "trainer.total_epochs": "trainer.steps says how long",
    "trainer.*_freq": "metrics.jsonl has every step; evaluation is trainer.test_freq",
    "trainer.save_*": "a checkpoint always holds weights, optimizer, tokenizer and progress",
    "trainer.default_data_dir": "seeds are named one by one",
    "trainer.output_dir": "run.dir",
    "trainer.max_eval_steps": "eval.num_tasks says how many",
    "trainer.rollout_micro_batch_size": "sampling is always asynchronous",
    "azr.random_print_max_programs": "every episode is in the run directory",
    "azr.*executor_cleanup_frequency": "each program has a process of its own",
    "azr.use_china_mirror": "nothing is downloaded for the sandbox",
    "azr.data_selection_strategy.batched_estimate": "answers are graded one by one, and equal ones "
    "once",
    "azr.data_selection_strategy.data_len": _POOL,
    "azr.data_selection_strategy.content_max_length": "prompts are not skipped for their length: "
    "what they are made of is bounded",
    "reward_fn.math_metric": "no problem here has a mathematical reference",
    "reward_fn.splitter": "a reply is what was sampled, never split off its prompt",
    "reward_fn.boxed_retry": "a reply has the form that was asked for, or it has not",
}
CODE = SHARED | {
    "azr.output_*": _SEEDS,
    "azr.generate_seed_dataset_only": _SEEDS,
    "azr.ast_check": "programs are always read as a syntax tree before they run",
    "azr.past_epoch_window": "new problems are dealt first, once; then all alike",
    "azr.error_seed_dataset": "code_e is not among azr.problem_types",
    "azr.data_selection_strategy.banned_keywords_for_errors_and_exceptions": "raise, assert and "
    "try are allowed; there, too, the list never reaches the check",
    "azr.data_selection_strategy.seed_batch_factor": "the pool starts from what there is",
    "azr.data_selection_strategy.max_programs_initial": _OFF,
    "azr.data_selection_strategy.composite_*": _OFF,
    "azr.reward.extract_code_block": "an answer is what stands in its fenced block",
    "azr.reward.generation_reward_config.format_reward": "a reply without the form earns -1, "
    "always; there, nothing reads it",
    "azr.reward.generation_reward_config.reject_multiple_functions": "helpers, nested functions "
    "and classes are fine",
    "azr.reward.generation_reward_config.f_replace_location": "the entry must be called f; nothing "
    "is renamed",
    "azr.reward.generation_reward_config.code_location": "a proposal holds one program: with two "
    "it has not the form",
    "azr.reward.generation_reward_config.use_original_code_as_ref": "references are shown as they "
    "are kept",
    "azr.reward.generation_reward_config.intrinsic_combine_method": "no bonus, or a sum",
    "azr.reward.generation_reward_config.*_reward.*": _OFF,
    "azr.reward.eval_reward_config*": "evaluation uses the same grader",
    "reward_model.sandbox_fusion.*": "the sandbox is guerdon's own",
}
GENERAL = SHARED | {
    "azr.judge_data_mix_strategy": "the judge is not trained",
    "azr.past_epoch_window": "all questions of the pool are dealt alike",
    "azr.benchmark_*": "use `guerdon evaluate`",
    "azr.data_selection_strategy.update_iteration": "every step follows from the one before",
    "azr.data_selection_strategy.valid_question_filter": "growth.min_score says what is good "
    "enough; there, nothing reads it",
    "azr.reward.generation_reward_config.answer_diversity_reward*": "there, nothing reads it",
    "azr.reward.eval_reward_config*": "there, nothing reads it",
    "reward_fn.extraction_type": "the judge sees the whole answer after any thoughts, not the last "
    "box alone",
    "reward_fn.judge_with_actor": "the judge is a model of its own",
}

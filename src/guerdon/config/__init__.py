"""From YAML and overrides to components: `compose`, `check`, `build`.

    from guerdon.config.build import build
    from guerdon.config.check import load

    config, values = load("grpo_math", ["models.policy.path=DIR", "tasks.path=FILE"])
    env = build(config.env, "env")

Nothing here reads a weight, and importing it does not import torch.
"""

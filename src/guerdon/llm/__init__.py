"""What every call of a remote model shares: the client, its cache, its ledger and its limits.

`Client` calls one model on any server that speaks OpenAI's protocol. `Cache` and `Ledger` are the
two halves of a run's ``llm.sqlite``. `testing.ScriptedServer` is the public test double.
"""

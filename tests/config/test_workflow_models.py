"""The executor that comes with guerdon joins a configuration by its defaults list."""

from guerdon.config.check import examine

TOP = """
defaults:
  - grpo_math
  - workflow@models.executor: aflow_llm
  - _self_
"""


def test_aflow_llm_is_an_executor_for_any_server(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    (tmp_path / "mine.yaml").write_text(TOP)
    report, values = examine(tmp_path / "mine.yaml", ["run.dir=" + str(tmp_path)])
    executor = values["models"]["executor"]
    assert executor["engine"]["model"] == "gpt-4o-mini"
    assert executor["engine"]["_target_"] == "guerdon.engines.remote.RemoteEngine"
    assert not [line for line in report.problems if "executor" in line]
    words = ["models.executor.engine.base_url=http://127.0.0.1:1/v1",
             "models.executor.engine.api_key_env=null"]  # fmt: skip
    report, _ = examine(tmp_path / "mine.yaml", words)
    lines = [line for line in report.problems if "executor" in line]
    assert len(lines) == 1 and "price: none known for model 'gpt-4o-mini'" in lines[0]

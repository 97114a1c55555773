import pytest

from guerdon.config.secrets import REDACTED, FromEnv, is_secret_name, literal_secrets, redact


@pytest.mark.parametrize(
    "name", ["api_key", "OPENAI_API_KEY", "hf_token", "password", "key", "token", "client_secret"]
)
def test_names_of_secrets_are_known(name):
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["max_tokens", "micro_tokens", "keep_last", "key_frames", "pad_token", "monkey", 3]
)
def test_names_that_only_look_like_secrets_are_not(name):
    assert not is_secret_name(name)


def test_what_came_from_the_environment_is_written_as_its_source_wherever_it_stands():
    key = FromEnv("hush", "${oc.env:MY_KEY}")
    written = redact({"api_key": key, "list": [{"url": key}], "password": "plain", "steps": 3})
    assert written == {
        "api_key": "${oc.env:MY_KEY}",
        "list": [{"url": "${oc.env:MY_KEY}"}],
        "password": REDACTED,
        "steps": 3,
    }


def test_a_secret_that_is_written_out_is_a_problem_that_does_not_repeat_it():
    found = literal_secrets({"models": [{"judge": {"api_key": "hush"}}]})
    assert len(found) == 1
    assert found[0].startswith("models.0.judge.api_key: ")
    assert "export API_KEY" in found[0]
    assert "hush" not in found[0]


def test_a_secret_that_is_absent_or_still_to_be_given_is_no_problem():
    assert literal_secrets({"api_key": "", "token": "???", "password": None}) == []

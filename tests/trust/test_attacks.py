"""The attacks, as data."""

from guerdon.trust.attacks import FAMILIES, attacks, canaries, says
from trust_parts import task


def test_every_family_has_attacks_and_every_attack_a_family() -> None:
    assert {attack.family for attack in attacks(task(answer="zebra"))} == set(FAMILIES)


def test_names_are_unique() -> None:
    names = [(attack.family, attack.name) for attack in attacks(task(answer="zebra"))]
    assert len(set(names)) == len(names)


def test_canaries_are_some_of_the_attacks_and_short() -> None:
    found = list(canaries(task(answer="zebra")))
    assert 10 <= len(found) <= 16
    assert max(len(canary.text) for canary in found) < 200


def test_a_text_that_says_the_answer_is_no_attack() -> None:
    found = list(attacks(task(answer="Yes")))
    assert "Final Decision: Yes" not in [attack.text for attack in found]
    saying = {attack.name for attack in found if says(attack.text, task(answer="Yes"))}
    assert saying == {"or", "commas"}  # among many other answers


def test_all_references_count_as_answers() -> None:
    assert says("it is Rome.", task(answer="Roma", answers=["Roma", "Rome"]))
    assert not says("it is Romeo.", task(answer="Roma", answers=["Roma", "Rome"]))


def test_gibberish_is_the_same_for_the_same_task() -> None:
    def drawn(name):
        return [a.text for a in attacks(task(name, answer="zebra")) if a.family == "gibberish"]

    assert drawn("a") == drawn("a") != drawn("b")

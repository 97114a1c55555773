import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guerdon.errors import CheckpointError, ConfigError
from guerdon.runs.schema import task_from_json, task_to_json
from guerdon.tasks import LoadReport, TaskPool
from guerdon.tasks.growth import Growth
from guerdon.tasks.origin import Origin, with_origin
from guerdon.types import Task


def make(domain, count, start=0):
    numbers = range(start, start + count)
    return [
        Task(f"{domain}-{i}", ({"role": "user", "content": f"{domain} {i}?"},), str(i), domain)
        for i in numbers
    ]


def ids(tasks):
    return [task.id for task in tasks]


def saved(pool):
    """All that a checkpoint keeps, as text."""
    return json.dumps([pool.state_dict(), [task_to_json(task) for task in pool.grown]])


def restore(pool, text):
    state, grown = json.loads(text)
    pool.load_state_dict(state, [task_from_json(task) for task in grown])


def test_an_epoch_has_every_task_once_and_the_next_has_another_order():
    pool = TaskPool(make("a", 12), seed=3)
    first, second = ids(pool.sample(12)), ids(pool.sample(12))
    assert sorted(first) == sorted(second) == sorted(ids(make("a", 12)))
    assert first != second


def test_the_order_depends_on_the_seed_and_not_on_the_order_of_the_file():
    tasks = make("a", 30)
    order = ids(TaskPool(tasks, seed=1).sample(30))
    assert ids(TaskPool(tasks[::-1], seed=1).sample(30)) == order
    assert ids(TaskPool(tasks, seed=2).sample(30)) != order


@settings(deadline=None, max_examples=50)
@given(size=st.integers(1, 9), batches=st.lists(st.integers(1, 12), min_size=1, max_size=12))
def test_a_batch_repeats_a_task_only_when_there_are_too_few(size, batches):
    pool = TaskPool(make("a", size), seed=5)
    total = Counter()
    for n in batches:
        batch = Counter(ids(pool.sample(n)))
        assert max(batch.values()) <= -(-n // size)
        total += batch
    # Deferring a task within a batch may shift it by one epoch, never lose it.
    counts = [total[task_id] for task_id in ids(make("a", size))]
    assert max(counts) - min(counts) <= 2


@settings(deadline=None, max_examples=40)
@given(weights=st.lists(st.integers(1, 40), min_size=1, max_size=6), draws=st.integers(1, 120))
def test_every_domain_is_less_than_one_task_from_its_share_after_any_number_of_draws(
    weights, draws
):
    shares = {f"d{i}": float(weight) for i, weight in enumerate(weights)}
    pool = TaskPool([task for name in shares for task in make(name, 3)], weights=shares)
    seen = Counter()
    for n in range(1, draws + 1):
        seen[pool.sample(1)[0].domain] += 1
        for name, weight in shares.items():
            assert abs(seen[name] - n * weight / sum(weights)) < 1


def test_a_batch_of_four_holds_three_to_one_and_decimal_weights_are_exact():
    pool = TaskPool(make("a", 9) + make("b", 5), weights={"a": 0.75, "b": 0.25})
    for _ in range(20):
        assert Counter(t.domain for t in pool.sample(4)) == {"a": 3, "b": 1}
    pool = TaskPool([t for d in "abc" for t in make(d, 4)], weights={"a": 0.1, "b": 0.2, "c": 0.7})
    batches = [pool.sample(4) for _ in range(250)]
    assert Counter(t.domain for b in batches for t in b) == {"a": 100, "b": 200, "c": 700}


def test_no_place_in_the_batch_belongs_to_a_domain():
    pool = TaskPool(make("a", 50) + make("b", 50), weights={"a": 3.0, "b": 1.0}, seed=7)
    places = Counter(
        next(i for i, task in enumerate(pool.sample(4)) if task.domain == "b") for _ in range(400)
    )
    # 100 expected in each place, standard deviation 8.7
    assert all(60 < places[i] < 140 for i in range(4))


def test_new_tasks_are_played_once_per_epoch_and_known_ids_are_ignored():
    pool = TaskPool(make("a", 4), seed=1)
    pool.sample(2)
    assert pool.extend(make("a", 6)) == {"admitted": 2, "known": 4}
    assert (len(pool), pool.counts()) == (6, {"a": 6})
    rest = ids(pool.sample(40))
    assert set(rest) == set(ids(make("a", 6)))
    assert max(Counter(rest).values()) - min(Counter(rest).values()) <= 2


def test_a_full_pool_evicts_the_oldest_grown_task_and_never_a_seed():
    pool = TaskPool(make("a", 3), growth=Growth(max_tasks=5))
    assert pool.extend(make("a", 4, start=3)) == {"admitted": 4, "evicted": 2}
    assert len(pool) == 5
    kept = ["a-0", "a-1", "a-2", "a-5", "a-6"]
    assert sorted(set(ids(pool.sample(30)))) == kept
    assert pool.extend(make("a", 1, start=3)) == {"admitted": 1, "evicted": 1}
    assert sorted(set(ids(pool.sample(30)))) == [*kept[:3], "a-3", "a-6"]


@settings(deadline=None, max_examples=40)
@given(
    steps=st.lists(st.tuples(st.integers(1, 7), st.integers(0, 3)), min_size=2, max_size=10),
    cut=st.integers(0, 9),
    weighted=st.booleans(),
)
def test_a_restored_pool_goes_on_byte_for_byte(steps, cut, weighted):
    def build():
        weights = {"a": 2.0, "b": 1.0} if weighted else None
        return TaskPool(
            make("a", 5) + make("b", 3), weights=weights, seed=9, growth=Growth(max_tasks=12)
        )

    def play(pool, numbered):
        out = []
        for i, (n, new) in numbered:
            out.append(ids(pool.sample(n)))
            pool.extend(make("b", new, start=100 + 10 * i))
            out.append(saved(pool))
        return out

    numbered = list(enumerate(steps))
    whole = play(build(), numbered)
    first, second = build(), build()
    before = play(first, numbered[:cut])
    state = saved(first)
    second.sample(3)
    second.extend(make("a", 2, start=500))
    restore(second, state)
    assert saved(second) == state
    assert before + play(second, numbered[cut:]) == whole


def test_a_grown_task_survives_the_checkpoint_whole():
    new = Task(
        "n", ({"role": "user", "content": "Hé?"},), None, "a", {"tests": ["x"], "k": {"v": 1}}
    )
    pool, other = TaskPool(make("a", 1)), TaskPool(make("a", 1))
    pool.extend([new])
    restore(other, saved(pool))
    assert with_origin(new, Origin(step=0)) in other.sample(2)


def test_a_restored_pool_may_have_read_its_file_in_another_order():
    tasks = make("a", 5) + make("b", 5)
    pool = TaskPool(tasks, weights={"a": 1.0, "b": 1.0})
    other = TaskPool(tasks[::-1], weights={"b": 1.0, "a": 1.0})
    pool.sample(3)
    other.load_state_dict(pool.state_dict(), pool.grown)
    assert ids(pool.sample(20)) == ids(other.sample(20))


def test_a_state_of_other_tasks_or_another_seed_is_refused():
    state = TaskPool(make("a", 3), seed=1).state_dict()
    for other in (TaskPool(make("a", 4), seed=1), TaskPool(make("a", 3), seed=2)):
        with pytest.raises(CheckpointError, match="differ from those of the saved run"):
            other.load_state_dict(state, ())


def test_all_mistakes_in_the_weights_are_named_at_once():
    with pytest.raises(ConfigError) as caught:
        TaskPool(make("a", 1) + make("b", 1), weights={"a": -1.0, "c": 1.0})
    assert len(caught.value.problems) == 3
    text = str(caught.value)
    assert "'c', which has no tasks" in text
    assert "domain 'b' has tasks but no weight" in text
    assert "weights.a=-1.0 must be a number, 0 or above" in text


def test_an_empty_pool_and_one_too_small_for_its_seeds_are_refused():
    with pytest.raises(ConfigError, match="no tasks"):
        TaskPool([])
    with pytest.raises(ConfigError, match="max_tasks=2 is below the 3 seed tasks"):
        TaskPool(make("a", 3), growth=Growth(max_tasks=2))
    with pytest.raises(ConfigError, match="no weight is above 0"):
        TaskPool(make("a", 3), weights={"a": 0.0})


def test_a_new_task_of_a_domain_without_weight_is_refused_and_nothing_is_added():
    pool = TaskPool(make("a", 2), weights={"a": 1.0})
    with pytest.raises(ConfigError, match="domain 'z', which has no weight"):
        pool.extend([*make("a", 1, start=5), *make("z", 1)])
    assert len(pool) == 2


def test_a_report_is_short_plain_lines_without_zero_counts():
    part = LoadReport("b.jsonl", 3, 2, 0, {}, ("b.jsonl:2: not JSON",))
    report = LoadReport("a", 10, 8, 1, {"a row repeated": 1, "nothing": 0}, parts=(part,))
    assert str(report).splitlines() == [
        "a: 10 rows, 8 tasks to train on, 1 held out",
        "  1 x a row repeated",
        "  b.jsonl: 3 rows, 2 tasks to train on, 0 held out",
        "    WARNING: 1 malformed rows skipped, such as:",
        "      b.jsonl:2: not JSON",
    ]

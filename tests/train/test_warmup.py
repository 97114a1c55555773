from guerdon.config.build import build
from small_runs import configuration


def test_the_quickstarts_conversations_are_on_training_maps_only(tmp_path):
    config, _ = configuration(tmp_path)
    source = build(config.warmup.source)
    sets = source.tasks.load()
    held_out = {task.id for task in sets.held_out}
    assert held_out.isdisjoint(task.id for task in sets.train)
    assert len(source.load()) == 8

"""Graphs and pages: every step is there with what it did, and nothing in them is live."""

import asyncio
import re

from guerdon.workflow import Inputs, Limits, Task, check, run, shipped_catalog
from guerdon.workflow.graph import build_graph
from guerdon.workflow.render import to_diff, to_dot, to_html, to_mermaid
from workflow_parts import Priced, executor, noisy

CATALOG = shipped_catalog()
TASK = Task("math", limits=Limits(max_calls=99))

TEXT = """
task "It's <b>\\"bold\\"</b> {x} | y"
a = Custom(input=problem) * 2
[b = Custom(input='b'), c = AnswerGenerate(input='c')]
loop 3 as i {
  d = Review(problem=problem, solution=b['response'])
  if not d['review_result'] { stop } else { e = Custom(input="</pre><script>alert(1)</script>") }
}
return c['answer']
"""


def read(text):
    program = check(text, CATALOG, TASK).program
    assert program is not None
    return program


def done(text, seed=2, **limits):
    models, _ = executor(noisy(seed))
    found = Limits(**limits)
    return asyncio.run(
        run(read(text), CATALOG, Inputs("<i>p</i>"), models, limits=found, meter=Priced())
    )


def test_the_graph_has_a_node_for_each_step_and_an_edge_for_each_way_on():
    graph = build_graph(read(TEXT))
    labels = {node.id: node.label for node in graph.nodes}
    edges = {(labels[e.source], e.label, labels[e.target]) for e in graph.edges}
    review, branch, loop = "d = Review", "not d['review_result']", "at most 3 times"
    answer = "return c['answer']"
    assert edges == {
        ("problem + TASK_PROMPT", "", "a = Custom x 2"),
        ("a = Custom x 2", "", "b = Custom"),
        ("a = Custom x 2", "", "c = AnswerGenerate"),
        ("b = Custom", "", loop), ("c = AnswerGenerate", "", loop),
        (loop, "", review), (review, "", branch),
        (branch, "yes", answer), (branch, "no", "e = Custom"), ("e = Custom", "", loop),
        (loop, "done", answer),
    }  # fmt: skip


def test_each_step_shows_status_cost_and_latency_of_its_runs():
    graph = build_graph(read(TEXT), done(TEXT, seed=3))
    facts = {node.label: (node.status, node.facts) for node in graph.nodes}
    status, text = facts["a = Custom x 2"]
    assert status == "ok" and re.fullmatch(
        r"2x · 2 calls · 20 tokens · \$0\.002000 · \d\.\d\d s", text
    )
    assert facts["problem + TASK_PROMPT"] == ("", "")


def test_a_step_that_failed_is_coloured_and_one_not_reached_is_not():
    run_ = done("Custom -> (Custom)*3 -> Review ? Revise : done", max_calls=2)
    program = read(run_.program)
    assert run_.status == "over_budget"
    mermaid, dot = to_mermaid(program, run_), to_dot(program, run_)
    assert mermaid.startswith("flowchart TD\n")
    assert mermaid.count("style n1 fill:#d9f0dd") == 1 and "fill:#f9e3c0" in mermaid
    assert dot.count("fillcolor") == 2 and dot.endswith("}\n")


def test_texts_cannot_break_out_of_any_form():
    program, run_ = read(TEXT), done(TEXT)
    for line in to_mermaid(program, run_).splitlines():
        assert line.count('"') in (0, 2) and "<script>" not in line
    quotes = re.sub(r'\\\\|\\"', "", to_dot(program, run_))
    assert all(line.count('"') % 2 == 0 for line in quotes.splitlines())
    page = to_html(program, CATALOG, run_)
    assert "<script" not in page and "<i>p</i>" not in page and "&lt;i&gt;p&lt;/i&gt;" in page
    assert not re.search(r"(src|href|url)\s*[=(]", page)


def test_the_page_tells_what_each_step_was_given_and_said():
    page = to_html(read(TEXT), CATALOG, done(TEXT))
    for word in ("AnswerGenerate", "review_result", "executor, sample 1", "<details>"):
        assert word in page
    assert "<details>" not in to_html(read(TEXT), CATALOG)


def test_a_difference_names_statements_and_operators():
    left, right = read("Custom*2 -> ScEnsemble"), read("Custom*3 -> ScEnsemble -> Format")
    assert to_diff(left, left) == ""
    text = to_diff(left, right)
    assert "-s1 = Custom(input=problem) * 2\n+s1 = Custom(input=problem) * 3" in text
    assert text.endswith("Format: 0 -> 1\n")

"""Replies of a policy in the form that `Fenced` asks for."""

from guerdon.envs.self_play.code_tasks import invitation
from guerdon.envs.self_play.problems import Problem, fence, to_task
from guerdon.tasks.origin import reference


def answer(*blocks: str) -> str:
    text = "\n".join(blocks)
    return f"<think>Let me see.</think>\n<answer>\n{text}\n</answer>"


def propose(program: str, given: str) -> str:
    return answer(fence("python", program), fence("input", given))


def propose_pairs(inputs, message: str) -> str:
    return answer(*(fence("input", each) for each in inputs), fence("message", message))


def solve(tag: str, text: str) -> str:
    return answer(fence(tag, text))


def invite(kind: str, *references: Problem):
    """An invitation as the pool deals it."""
    task = invitation(kind, [kind], len(references))
    shown = [reference(to_task(each)) for each in references]
    return type(task)(task.id, task.prompt, None, task.domain, {**task.info, "references": shown})

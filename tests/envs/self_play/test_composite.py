from guerdon.envs.self_play.composite import as_helper, put_together, without_comments


def test_a_helper_has_a_new_name_wherever_it_calls_itself():
    program = "import math\ndef f(n):\n    return 1 if n < 2 else n * f(n - 1)"
    assert as_helper(program, 2) == (
        "import math\n\ndef g_2(n):\n    return 1 if n < 2 else n * g_2(n - 1)"
    )


def test_a_program_that_is_more_than_f_or_uses_the_name_otherwise_is_no_helper():
    for program in (
        "def h(a):\n    return a\ndef f(a):\n    return h(a)",
        "x = 1\ndef f(a):\n    return a",
        "def f(f):\n    return f",
        "def f(a):\n    f = 1\n    return f",
        "def f(a):\n    def f(b):\n        return b\n    return f(a)",
        "class f:\n    pass",
    ):
        assert as_helper(program, 0) is None, program


def test_helpers_come_first():
    whole = put_together(["def g_0(a):\n    return a"], "def f(a):\n    return g_0(a)")
    assert whole == "def g_0(a):\n    return a\n\ndef f(a):\n    return g_0(a)"


def test_only_comments_and_docstrings_go():
    program = '"""Hm."""\nimport math\ndef f(a):\n    "Hm."\n    x = "kept"  # hm\n    return x'
    assert without_comments(program) == ("import math\n\ndef f(a):\n    x = 'kept'\n    return x")

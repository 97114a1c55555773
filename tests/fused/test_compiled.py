"""What is compiled computes what torch's operations do, and is compiled once."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from guerdon.fused import compiled
from guerdon.fused.operations import Angles, rms_norm, rotated, swiglu

SHAPES = [(1, 8), (5, 6), (3, 70), (700, 96)]
"""The last one is more than one thread's share."""

needs_compiler = pytest.mark.skipif(compiled.library() is None, reason="there is no C compiler")


def random(*shape: int, scale: float = 1.0) -> Tensor:
    generator = torch.Generator().manual_seed(sum(shape))
    return torch.randn(shape, generator=generator, dtype=torch.float64) * scale


def angles(count: int, dim: int, dtype: torch.dtype) -> Angles:
    by = torch.arange(count)[:, None] / 3 ** torch.arange(dim // 2)
    by = torch.cat((by, by), -1)[None]
    return Angles(by.cos().to(dtype), by.sin().to(dtype))


def norm(x: Tensor, weight: Tensor) -> Tensor:
    return rms_norm(x, weight, 1e-3)


def turn(x: Tensor, weight: Tensor) -> Tensor:
    heads = torch.stack([x * weight * (1 + i) for i in range(5)], 1)
    query, key, value = rotated(heads, angles(*x.shape, x.dtype), (3, 1, 1))
    return torch.cat((query, key * 2, value.square()), 1)


def gated(x: Tensor, weight: Tensor) -> Tensor:
    return swiglu(x * weight)


OPERATIONS = [norm, turn, gated]


def outcome(operation: Callable[..., Tensor], *inputs: Tensor) -> list[Tensor]:
    """The output and the gradients of the sum of its squares."""
    leaves = [x.clone().requires_grad_() for x in inputs]
    out = operation(*leaves)
    return [out.detach(), *torch.autograd.grad(out.square().sum() / 2, leaves)]


@needs_compiler
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_values_and_gradients_are_those_of_float64(operation, shape: tuple[int, int]) -> None:
    inputs = random(*shape, scale=3.0), random(shape[1])
    for found, want in zip(
        outcome(operation, *(x.float() for x in inputs)), outcome(operation, *inputs), strict=True
    ):
        torch.testing.assert_close(found.double(), want, rtol=2e-5, atol=2e-5)


@needs_compiler
@pytest.mark.parametrize("operation", OPERATIONS)
def test_without_gradients_and_for_any_number_of_threads_the_bits_are_the_same(operation) -> None:
    inputs = random(700, 96).float(), random(96).float()
    want, *gradients = outcome(operation, *inputs)
    threads = torch.get_num_threads()
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            with torch.no_grad():
                assert torch.equal(operation(*inputs), want)
            for one, other in zip(outcome(operation, *inputs)[1:], gradients, strict=True):
                assert torch.equal(one, other)
    finally:
        torch.set_num_threads(threads)


@needs_compiler
def test_a_row_gives_the_same_bits_wherever_it_lies() -> None:
    row, weight = random(1, 70).float(), random(70).float()
    want = norm(row, weight)
    room = torch.empty(16 + 70)
    for start in range(16):
        there = room[start : start + 70].copy_(row[0]).view(1, 70)
        assert torch.equal(norm(there, weight), want)


@needs_compiler
def test_the_exponential_is_exact_to_a_few_units_in_the_last_place() -> None:
    x = torch.linspace(-80, 80, 100_001, dtype=torch.float64).float().view(-1, 1)
    silu = compiled.swiglu(torch.cat((x, torch.ones_like(x)), 1)).double()
    want = x.double() * x.double().sigmoid()
    assert ((silu - want).abs() / want.abs().clamp(min=1e-30)).max() < 5e-7


@needs_compiler
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_is_not_hidden(bad: float) -> None:
    x = torch.ones(3, 4)
    x[1, 2] = bad
    with torch.no_grad():
        for found in (norm(x, torch.ones(4)), gated(x, torch.ones(4)), turn(x, torch.ones(4))):
            found = found.flatten(1)
            assert found[[0, 2]].isfinite().all() and not found[1].isfinite().all()


@needs_compiler
def test_no_rows_are_no_error() -> None:
    found = outcome(gated, torch.empty(0, 8), torch.ones(8))
    assert found[0].shape == (0, 4)
    assert torch.equal(outcome(norm, torch.empty(0, 8), torch.ones(8))[2], torch.zeros(8))


@needs_compiler
def test_a_second_backward_pass_through_swiglu_is_refused() -> None:
    out = swiglu(torch.ones(2, 4, requires_grad=True) * 2).sum()
    out.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        out.backward()


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], object]:
    """Looks for the functions as a new process would, with an empty cache directory."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return compiled.library.__wrapped__


def counting_compiler(folder: Path) -> Path:
    """``cc``, which also writes a line to ``calls`` whenever it is to compile."""
    script = folder / "counting-cc"
    script.write_text(
        f'#!/bin/sh\ncase "$*" in *-shared*) echo "$*" >> {folder}/calls;; esac\nexec cc "$@"\n'
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return script


@needs_compiler
def test_it_is_compiled_once_a_machine(fresh, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CC", str(counting_compiler(tmp_path)))
    for _ in range(3):
        assert fresh() is not None
    assert len((tmp_path / "calls").read_text().splitlines()) == 1
    [kept] = (tmp_path / "cache" / "guerdon").iterdir()
    assert kept.suffix == ".so"


@needs_compiler
def test_flags_that_a_compiler_does_not_know_are_left_out(fresh, monkeypatch, tmp_path) -> None:
    script = counting_compiler(tmp_path)
    script.write_text(
        script.read_text().replace("exec", 'case "$*" in *-fopenmp*) exit 1;; esac\nexec')
    )
    monkeypatch.setenv("CC", str(script))
    assert fresh() is not None
    assert "fopenmp" not in (tmp_path / "calls").read_text().splitlines()[-1]


@needs_compiler
def test_a_cache_that_cannot_be_written_is_no_hindrance(fresh, monkeypatch, tmp_path) -> None:
    (tmp_path / "cache").write_text("a file, where there should be a folder")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    library = fresh()
    assert [file.name for file in tmp_path.iterdir()] == ["cache"], "something was left"
    x, out = torch.ones(1, 4), torch.zeros(1, 2)
    library.swiglu(1, 2, x.data_ptr(), out.data_ptr(), 1)
    assert out.any()


@pytest.mark.parametrize(
    ("compiler", "said"),
    [("no-such-compiler", "no C compiler 'no-such-compiler'"), ("false", "does not compile")],
)
def test_without_a_compiler_it_is_said_and_torch_does_the_same(
    fresh, monkeypatch, caplog, compiler: str, said: str
) -> None:
    monkeypatch.setenv("CC", compiler)
    assert fresh() is None
    assert said in caplog.text and "slower" in caplog.text
    inputs = random(5, 6).float(), random(6).float()
    want = [outcome(operation, *inputs) for operation in OPERATIONS]
    monkeypatch.setattr(compiled, "library", lambda: None)
    for operation, numbers in zip(OPERATIONS, want, strict=True):
        for one, other in zip(outcome(operation, *inputs), numbers, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_only_float32_on_the_cpu_is_for_it() -> None:
    assert not compiled.has(torch.ones(1).double())
    assert not compiled.has(torch.ones(1), torch.ones(1, device="meta"))
    assert os.environ.get("CC") or compiled.has(torch.ones(1)) == (compiled.library() is not None)

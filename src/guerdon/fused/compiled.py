"""The functions of ``kernels.c``, where there is a C compiler; without one there are none.

Compiled once a machine, in about a second, into the user's cache directory, and called through
ctypes. `operations` says what they compute and does the same in torch's operations, for other
devices and types, and where there is no compiler.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import logging
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

log = logging.getLogger("guerdon")

_SOURCE = Path(__file__).with_name("kernels.c")
_FLAGS = ("-O3", "-fno-math-errno", "-shared", "-fPIC")
_WISHES = (("-march=native", "-fopenmp"), ("-march=native", "-fopenmp-simd"), ())
"""Flags that some compilers do not know; the first set that works is taken."""
_PARTS = 16
"""Of a sum over rows; see the source."""

_DENSE: Any = {"dtype": torch.float32, "device": torch.device("cpu")}

# What follows is called between matrix products, which leave nothing in the processor's caches:
# there `Tensor.device` or `new_empty` take as long as what is computed, so neither is used.


@functools.cache
def library() -> ctypes.CDLL | None:
    """The compiled functions, or None where they cannot be had; the reason is logged once.

    The compiler is ``$CC`` or ``cc``.
    """
    compiler = shlex.split(os.environ.get("CC") or "cc")
    if shutil.which(compiler[0]) is None:
        log.warning("no C compiler %r: torch's operations, slower on the CPU", compiler[0])
        return None
    try:
        with _folder() as folder:
            return _declared(ctypes.CDLL(str(_build(compiler, folder))))
    except (OSError, subprocess.SubprocessError) as error:
        log.warning("%s does not compile, torch's slower operations: %s", _SOURCE.name, error)
        return None


def has(*tensors: Tensor) -> bool:
    """Whether the functions are there, and are for these."""
    for tensor in tensors:
        if tensor.dtype is not torch.float32 or not tensor.is_cpu:
            return False
    return library() is not None


def rms_norm(
    x: Float[Tensor, "*N D"],
    weight: Float[Tensor, " D"],
    eps: float,
    inverse: Float[Tensor, "*N 1"] | None = None,
) -> Float[Tensor, "*N D"]:
    """The norm; 1 / sqrt(mean(x^2) + eps) is written to ``inverse``, which is dense, if given."""
    x, width = x.contiguous(), len(weight)
    out = torch.empty_like(x)
    _call("rms_norm", x.numel() // width, width, x, weight, eps, out, inverse)
    return out


def rms_norm_backward(
    x: Float[Tensor, "*N D"],
    weight: Float[Tensor, " D"],
    inverse: Float[Tensor, "*N 1"],
    grad: Float[Tensor, "*N D"],
) -> tuple[Float[Tensor, "*N D"], Float[Tensor, " D"]]:
    """The gradients to x and to the weight."""
    x, grad, width = x.contiguous(), grad.contiguous(), len(weight)
    d_x, parts = torch.empty_like(x), x.new_zeros((_PARTS, width))
    _call("rms_norm_backward", inverse.numel(), width, x, weight, inverse, grad, d_x, parts)
    return d_x, parts.sum(0)


def rotate(
    x: Float[Tensor, "N h D"],
    cos: Float[Tensor, "N 1 D"],
    sin: Float[Tensor, "N 1 D"],
    out: Float[Tensor, "N h D"],
    *,
    turned: int,
    back: bool = False,
) -> None:
    """``out`` = the first heads of x turned (or turned back), the others as they are.

    Args:
        x, out: the heads of a token are neighbours; may be the same.
        sin: negative in its first half.
        turned: how many heads.
    """
    count, heads, dim = x.shape
    assert x.stride(2) == out.stride(2) == 1
    assert heads == 1 or x.stride(1) == out.stride(1) == dim
    copied = 0 if out is x else heads - turned
    sign = -1.0 if back else 1.0
    _call("rotate", count, turned, copied, dim, x, x.stride(0), cos, sin, sign, out, out.stride(0))


def swiglu(gate_up: Float[Tensor, "N E"]) -> Float[Tensor, "N F"]:
    """silu(gate) * up"""
    gate_up = gate_up.contiguous()
    rows, twice = gate_up.shape
    out = torch.empty(rows, twice // 2, **_DENSE)
    _call("swiglu", rows, twice // 2, gate_up, out)
    return out


def swiglu_backward(gate_up: Float[Tensor, "N E"], grad: Float[Tensor, "N F"]) -> None:
    """Turn ``gate_up``, which is dense, into its gradient."""
    grad = grad.contiguous()
    _call("swiglu_backward", *grad.shape, gate_up, grad)


def attend(
    query: Float[Tensor, "N H D"],
    key: Float[Tensor, "N K D"],
    value: Float[Tensor, "N K D"],
    keys: Float[Tensor, "R D"],
    values: Float[Tensor, "R D"],
    pieces: np.ndarray,
    longest: int,
    scale: float,
) -> Float[Tensor, "N H D"]:
    """Store each token's key and value, then attend to the two pieces of the cache it sees.

    Args:
        query, key, value: views of one tensor [N, H + 2K, D].
        keys, values: a layer's cache.
        pieces: int64 [N, 2, 4], (start, stride, first, end) as in the source; the first is the
            token's own segment and ends with the token.
        longest: the most keys that a token sees.
    """
    (count, heads, dim), kv_heads = query.shape, key.shape[1]
    stride, threads = query.stride(0), torch.get_num_threads()
    assert key.stride(0) == value.stride(0) == stride
    out = torch.empty(count, heads, dim, **_DENSE)
    weights = torch.empty(threads, longest, **_DENSE)
    _call(
        *("attend", count, kv_heads, heads // kv_heads, dim, scale, query, key, value, stride),
        *(keys, values, pieces.ctypes.data, weights, longest, out),
    )
    return out


def _call(name: str, *arguments: Tensor | int | float | None) -> None:
    function = getattr(library(), name)
    function(
        *[a.data_ptr() if isinstance(a, Tensor) else a for a in arguments],
        torch.get_num_threads(),
    )


def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    """Its functions with the types of their arguments: i an integer, f a number, p an array."""
    kinds = {"i": ctypes.c_int64, "f": ctypes.c_float, "p": ctypes.c_void_p}
    for name, arguments in (
        ("rms_norm", "iippfpp"),
        ("rms_norm_backward", "iipppppp"),
        ("rotate", "iiiipippfpi"),
        ("swiglu", "iipp"),
        ("swiglu_backward", "iipp"),
        ("attend", "iiiifpppippppip"),
    ):
        function = getattr(library, name)
        function.argtypes = [*(kinds[kind] for kind in arguments), ctypes.c_int]
        function.restype = None
    return library


def _build(compiler: list[str], folder: Path) -> Path:
    """The shared library for this source, compiler and processor, compiled if it is not there."""
    seen = [_SOURCE.read_bytes(), repr((_FLAGS, _WISHES)).encode(), _target(compiler)]
    target = folder / f"kernels-{hashlib.sha256(b'|'.join(seen)).hexdigest()[:16]}.so"
    if target.exists():
        return target
    with tempfile.TemporaryDirectory(dir=folder) as room:
        made = Path(room) / target.name
        for wish in _WISHES:
            command = [*compiler, *_FLAGS, *wish, str(_SOURCE), "-o", str(made), "-lm"]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
            if done.returncode == 0:
                made.replace(target)  # whole or not at all, whoever else compiles it now
                return target
    raise OSError(done.stderr.strip() or f"{shlex.join(command)} failed")


def _target(compiler: list[str]) -> bytes:
    """What the compiler calls this processor: a home directory may be shared between several."""
    command = [*compiler, "-march=native", "-E", "-v", "-x", "c", os.devnull]
    done = subprocess.run(command, capture_output=True, timeout=60)
    return done.stderr + platform.machine().encode()


@contextmanager
def _folder() -> Iterator[Path]:
    """Where compiled files stay, or a folder for now if the user's cache is closed."""
    try:
        cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "guerdon"
        cache.mkdir(parents=True, exist_ok=True)
        writable = os.access(cache, os.W_OK)
    except (OSError, RuntimeError):  # RuntimeError: there is no home
        writable = False
    if writable:
        yield cache
    else:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)

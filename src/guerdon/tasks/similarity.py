"""When two texts are the same, nearly the same, or share a passage: pure functions and one index.

A text is its words and signs in order, whatever their case, spacing or Unicode form.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable

import numpy as np
from numpy.typing import NDArray

SHINGLE = 3
"""Words in a row that are compared as one."""
NUM_HASHES = 128
"""Of a signature: the estimate of a similarity s is off by sqrt(s (1 - s) / 128), at most 0.044."""
_BANDS = 32
"""Of 4 hashes each: texts of similarity 0.6 share one with chance 0.99, of 0.8 almost surely."""

Signature = NDArray[np.uint32]

_TOKEN = re.compile(r"\w+|[^\w\s]")
_DRAW = np.random.Generator(np.random.PCG64(20_250_503))
_FACTORS = _DRAW.integers(1, 1 << 63, NUM_HASHES, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
_TERMS = _DRAW.integers(0, 1 << 63, NUM_HASHES, dtype=np.uint64)


def words(text: str) -> list[str]:
    """Words and single signs, in Unicode form NFKC and without case."""
    return _TOKEN.findall(unicodedata.normalize("NFKC", text).casefold())


def digest(text: str) -> str:
    """Equal for texts of equal words."""
    return hashlib.blake2b("\x1f".join(words(text)).encode(), digest_size=16).hexdigest()


def passages(text: str, length: int) -> set[bytes]:
    """Hashes of each ``length`` words in a row; none in a text shorter than that."""
    return _hashed(words(text), length)


def signature(text: str) -> Signature:
    """MinHash of the text's shingles; a text of fewer words than one is a shingle of its own.

    Source: Broder 1997, "On the resemblance and containment of documents".
    """
    said = words(text)
    shingles = _hashed(said, min(SHINGLE, max(len(said), 1)))
    numbers = np.frombuffer(b"".join(sorted(shingles)) or bytes(8), dtype="<u8")
    mixed = (numbers[:, None] * _FACTORS + _TERMS) >> np.uint64(32)  # multiply-shift, modulo 2^64
    return mixed.min(axis=0).astype(np.uint32)


def similarity(one: Signature, two: Signature) -> float:
    """Estimated share of shingles, of all that either has, that both have (Jaccard)."""
    return float((one == two).mean())


def _hashed(said: list[str], length: int) -> set[bytes]:
    runs = ("\x1f".join(said[i : i + length]) for i in range(len(said) - length + 1))
    return {hashlib.blake2b(run.encode(), digest_size=8).digest() for run in runs}


class NearTexts:
    """Texts by key, and which of them is nearest to another: locality-sensitive hashing."""

    def __init__(self) -> None:
        self._signatures: dict[Hashable, Signature] = {}
        self._bands: dict[tuple[int, bytes], set[Hashable]] = defaultdict(set)

    def add(self, key: Hashable, text: str) -> None:
        """Know ``text`` by ``key``."""
        self._signatures[key] = found = signature(text)
        for band in _cut(found):
            self._bands[band].add(key)

    def remove(self, key: Hashable) -> None:
        """Forget a text."""
        for band in _cut(self._signatures.pop(key)):
            self._bands[band].discard(key)
            if not self._bands[band]:
                del self._bands[band]

    def nearest(self, text: str) -> float:
        """The similarity of the nearest text, 0 if none comes near."""
        found = signature(text)
        near = {key for band in _cut(found) for key in self._bands.get(band, ())}
        return max((similarity(found, self._signatures[key]) for key in near), default=0.0)


def _cut(found: Signature) -> list[tuple[int, bytes]]:
    return [(i, part.tobytes()) for i, part in enumerate(found.reshape(_BANDS, -1))]


class Passages:
    """Passages of some texts, to be found again in others.

    What stands in two or more of the texts is taken for the words around a problem (an instruction,
    a template) and does not count.
    """

    def __init__(self, texts: Iterable[str], length: int) -> None:
        self._length = length
        counts = Counter(passage for text in texts for passage in passages(text, length))
        self._known = {passage for passage, count in counts.items() if count == 1}

    def occur_in(self, text: str) -> bool:
        """Whether any of them is in ``text``."""
        return not self._known.isdisjoint(passages(text, self._length))

"""How likely a yes is where a reply decides, by the tokens that could have stood there.

The place is that of the token in which the verdict begins; of a token that may begin a yes as well
as a no, the next one. A token counts for the verdict that its letters begin, in any case and after
any punctuation: "Yes", " yes" and "**Y" for "yes". Then

    P(yes) = p(yes) / (p(yes) + p(no))

with p the summed probabilities, at temperature 1, of the tokens that count. Only the likeliest are
known. Where none of them counts for a verdict, one that does is less likely than they: it is left
out if it could not change P by more than `MAX_BLUR`, and otherwise P is not known.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from guerdon.errors import RewardError
from guerdon.types import Place

MAX_BLUR = 0.01
"""How much a token that is not listed may change a probability."""

_LETTERS = re.compile(r"\W*(\w*)")


def probability_of_yes(
    places: Sequence[Place], decision: str, yes: Sequence[str], no: Sequence[str]
) -> float:
    """P(yes) where a reply decides.

    Args:
        places: of the whole reply, with the likeliest tokens of each.
        decision: a regular expression whose group is the verdict; its last match counts.
        yes, no: verdicts, in any case of letters.

    Raises:
        RewardError: the tokens spell no verdict, or leave open how likely one is.
    """
    text = "".join(place.text for place in places)
    found = list(re.finditer(decision, text, re.IGNORECASE))
    for said, place in _spelling(places, text, found[-1].start(1)) if found else ():
        if _begins(said + place.text, yes) != _begins(said + place.text, no):
            return _share(said, place, yes, no)
    raise RewardError(f"the tokens of the reply spell no yes and no no: {text.strip()[-100:]!r}")


def _spelling(places: Sequence[Place], text: str, at: int) -> Iterator[tuple[str, Place]]:
    """The places from the one of character ``at`` on, each with what was said since."""
    end = 0
    for place in places:
        begin, end = end, end + len(place.text)
        if end > at:
            yield text[at:begin], place


def _share(said: str, place: Place, yes: Sequence[str], no: Sequence[str]) -> float:
    mass = {True: 0.0, False: 0.0}
    for token, logprob in place.likeliest:
        is_yes = _begins(said + token, yes)
        if is_yes != _begins(said + token, no):
            mass[is_yes] += math.exp(logprob)
    total = sum(mass.values())
    # the token that was sampled is listed, however unlikely it is
    others = [logprob for token, logprob in place.likeliest if token != place.text]
    unlisted = math.exp(min(others, default=0.0))
    if not all(mass.values()) and unlisted > MAX_BLUR * (total + unlisted):
        shown = ", ".join(
            f"{token!r} {math.exp(logprob):.3f}" for token, logprob in place.likeliest
        )
        raise RewardError(
            f"the likeliest tokens leave open how likely a yes is ({shown or 'none is known'}); "
            f"raise top_logprobs"
        )
    return mass[True] / total


def _begins(text: str, words: Sequence[str]) -> bool:
    """Whether the first letters of a text are those of one of the words."""
    found = _LETTERS.match(text)
    letters = found[1].casefold() if found else ""
    return bool(letters) and any(word.casefold().startswith(letters) for word in words)

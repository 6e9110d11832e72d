"""Made-up descriptions of packages: the same ones for the same seed, of about 0.5 or 2 KB."""

import random
import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

SHORT, LONG = 0.5, 2.0  # KB of JSON per entry

_SYLLABLES = re.findall("..", "bacedifogulameniporusatevizoquastmentionalixer")
_TOPICS = [f"Topic :: {a} :: {b}" for a in ("Science", "Software", "Text") for b in "ABCDEFGH"]
_LICENSES = ["MIT", "Apache-2.0", "BSD-3-Clause", "GPL-3.0", "MPL-2.0"]
_WORDS_OF_2_KB = 205


class Packages:
    """Package descriptions with words as unequally frequent as in real text."""

    def __init__(self, kilobytes: float, seed: int = 1) -> None:
        self._random = random.Random(seed)
        self._words = sorted(
            {"".join(self._random.choices(_SYLLABLES, k=self._random.randint(1, 4)))
             for _ in range(5_000)}
        )  # fmt: skip
        self._weights = list(accumulate(1 / rank for rank in range(1, len(self._words) + 1)))
        self._description = _WORDS_OF_2_KB if kilobytes == LONG else 0

    def text(self, words: int) -> str:
        return " ".join(self._random.choices(self._words, cum_weights=self._weights, k=words))

    def content(self, number: int) -> dict[str, Any]:
        chance = self._random
        content: dict[str, Any] = {
            "name": f"{self.text(1)}-{number}",
            "version": f"v{chance.randint(0, 9)}.{chance.randint(0, 30)}.0",
            "summary": self.text(9),
            "author": {"name": self.text(2).title(), "email": f"{number}@example.org"},
            "license": chance.choice(_LICENSES),
            "classifiers": chance.sample(_TOPICS, 3),
            "released": f"20{chance.randint(10, 25)}-{chance.randint(1, 12):02}-"
            f"{chance.randint(1, 28):02}T10:11:12.345678Z",
            "size": chance.randint(1_000, 10_000_000),
            "score": round(chance.random(), 4),
            "yanked": chance.random() < 0.02,
        }
        if self._description:
            content["description"] = self.text(self._description)
        return content

    def entries(self, count: int) -> Iterator[dict[str, Any]]:
        """Lines of a payload: one public entry per subject."""
        for number in range(count):
            yield {
                "subject": f"https://packages.example.org/{number}",
                "visible_to": ["public"],
                "content": self.content(number),
            }

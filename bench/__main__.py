"""`make bench`: every comparison on the real engine, as a table and as JSON.

    python -m bench [startup search small growth memory ingest] [--sizes 10000 100000] [--repeats 3]

Ends with status 1 if a bound is missed.
"""

import argparse
import sys
from collections.abc import Callable, Iterator

from bench import engine, growth, ingest, memory, searches, small, startup, variants
from bench.report import Row, brief, keep, show

Bench = Callable[[str, list[int], int], Iterator[Row]]

BENCHES: dict[str, Bench] = {
    "startup": startup.run,
    "search": searches.run,
    "small": small.run,
    "growth": growth.run,
    "memory": memory.run,
    "ingest": ingest.run,
    "variants": variants.run,
}


DEFAULT = tuple(name for name in BENCHES if name != "variants")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("benches", nargs="*", choices=[*BENCHES, []], default=[])
    parser.add_argument("--sizes", nargs="+", type=int, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    rows: list[Row] = []
    with engine.running() as url:
        for name in asked.benches or DEFAULT:
            for row in BENCHES[name](url, asked.sizes, asked.repeats):
                print(brief(row), file=sys.stderr, flush=True)
                rows.append(row)
    show(rows)
    print(f"\nKept in {keep(rows, sys.argv)}")
    missed = [row for row in rows if row.met is False]
    print(f"{len(missed)} of {sum(row.met is not None for row in rows)} bounds missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

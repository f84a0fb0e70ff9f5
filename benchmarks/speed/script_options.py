"""What the timed scripts of this folder have in common: their options, and the seconds of their parts.

Only the standard library is imported: each script runs in an environment of its own.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path


class Stopwatch:
    """Seconds of wall time per part, added up where a part comes again."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, part: str) -> None:
        now = time.perf_counter()
        self.seconds[part] = round(self.seconds.get(part, 0.0) + now - self._last, 3)
        self._last = now

    def report(self) -> dict[str, float]:
        """Return the seconds of all parts, and their `total`."""
        return self.seconds | {"total": round(sum(self.seconds.values()), 3)}


def model_options(description: str, output: str = "Parquet file to write") -> argparse.ArgumentParser:
    """Return a parser of what every script takes: files, weights of events, parameters of ALS, length of the lists."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("events", type=Path, help="Parquet file of make_world.py")
    parser.add_argument("output", type=Path, help=output)
    weights = [("view", 1.0), ("add_to_cart", 3.0), ("purchase", 5.0)]
    parser.add_argument("--event-weights", nargs="+", type=parse_weight, default=weights, help="as in view=1")
    parser.add_argument("--half-life-days", type=float, default=90.0, help="of all event types")
    parser.add_argument("--factors", type=int, default=64)
    parser.add_argument("--iterations", type=int, default=15)
    parser.add_argument("--regularization", type=float, default=10.0)
    parser.add_argument("--alpha", type=float, default=10.0, help="confidence = 1 + alpha x weight")
    parser.add_argument("--n-recommendations", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the vectors to start from; kindred's is 0")
    return parser


def add_neighbor_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--n-neighbors", type=int, default=100, help="of an item")
    parser.add_argument("--l1", type=float, default=2.0, help="of SLIM's elastic net")
    parser.add_argument("--l2", type=float, default=20.0)


def parse_weight(pair: str) -> tuple[str, float]:
    """Return (event type, weight) of a text such as view=1."""
    name, _, weight = pair.partition("=")
    return name, float(weight)

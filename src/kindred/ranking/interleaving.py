"""One list of two: the team draft of F. Radlinski, M. Kurup, T. Joachims, "How does clickthrough data reflect retrieval
quality?", CIKM 2008, without credit for items that both lists begin with (O. Chapelle, T. Joachims, F. Radlinski,
Y. Yue, "Large-scale validation and analysis of interleaved search evaluation", TOIS 2012).
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa

from kindred.warehouse import Relation, Session, read_table, write_table

SCHEMA = pa.schema(
    [("fold", pa.string()), ("user_id", pa.string()), ("rank", pa.int64()), ("item_id", pa.string())]
    + [("team", pa.string()), ("generator", pa.string()), ("score", pa.float64()), ("propensity", pa.float64())]
)
# Lists that are still possible while the draft goes on; of a list of 22 places there are never more.
MOST_STATES = 1024
PEOPLE_PER_BATCH = 10_000


def drafted_lists(session: Session, paired_lists: Relation) -> Any:
    """The rows of the dbt model `drafted_lists`.

    paired_lists: fold, run_key, user_id, team (A or B), rank, item_id, generator, score.
    """
    columns = ["fold", "run_key", "user_id", "team", "rank", "item_id", "generator", "score"]
    rows = read_table(paired_lists, columns)
    order = [(name, "ascending") for name in ("fold", "user_id", "team", "rank", "item_id")]
    rows = rows.sort_by(order).to_pylist()
    people = (list(group) for _key, group in itertools.groupby(rows, key=lambda row: (row["fold"], row["user_id"])))
    return write_table(session, SCHEMA, drafted_batches(people))


def drafted_batches(people: Iterable[list[dict[str, Any]]]) -> Iterator[pa.RecordBatch]:
    """Batches of SCHEMA for people given by the rows of both their lists."""
    drafted = (row for rows in people for row in draft_person(rows))
    while batch := list(itertools.islice(drafted, PEOPLE_PER_BATCH)):
        yield pa.RecordBatch.from_pylist(batch, schema=SCHEMA)


def draft_person(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of one person's list, made of those of both lists in the order of their ranks."""
    of = {team: {row["item_id"]: row for row in rows if row["team"] == team} for team in "AB"}
    first, second = list(of["A"]), list(of["B"])
    fold, user_id = rows[0]["fold"], rows[0]["user_id"]
    coins = (coin(rows[0]["run_key"], user_id, number) for number in itertools.count(1))
    drafted = team_draft(first, second, coins)
    chances = place_chances(first, second, [item for item, _team in drafted])
    return [
        {"fold": fold, "user_id": user_id, "rank": place, "item_id": item, "team": team, "propensity": chance}
        | {name: of[team or "A"][item][name] for name in ("generator", "score")}
        for place, ((item, team), chance) in enumerate(zip(drafted, chances, strict=True), 1)
    ]


def coin(run_key: str, user_id: str, number: int) -> str:
    """Which team picks first in a round: a hash, so that the same run draws the same."""
    return "A" if hashlib.md5(f"{run_key}|{user_id}|{number}".encode()).hexdigest() < "8" else "B"


def common_beginning(first: Sequence[str], second: Sequence[str]) -> int:
    """How many places from the top on are the same."""
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))


def team_draft(first: Sequence[str], second: Sequence[str], coins: Iterable[str]) -> list[tuple[str, str | None]]:
    """(item, team) of each place of a list as long as the longer one.

    What both begin with belongs to nobody. Then there are rounds: the coin says which team picks first, and each picks
    its best item that is left; a team that has none left passes.
    """
    n_places, n_common = max(len(first), len(second)), common_beginning(first, second)
    drafted: list[tuple[str, str | None]] = [(item, None) for item in first[:n_common]]
    taken = set(first[:n_common])
    lists = {"A": first, "B": second}
    for leader in coins if n_common < n_places else ():
        for team in (leader, "B" if leader == "A" else "A"):
            item = next((item for item in lists[team] if item not in taken), None)
            if item is not None and len(drafted) < n_places:
                drafted.append((item, team))
                taken.add(item)
        if len(drafted) == n_places:
            break
    return drafted


def place_chances(first: Sequence[str], second: Sequence[str], drafted: Sequence[str]) -> list[float]:
    """The probability, over all coins, that each item of a drafted list stands at its place.

    What comes next depends on which items are taken and not on who took them, so that different coins soon lead to the
    same state. Beyond MOST_STATES states of a place the least likely are left out, and the others share their
    probability; what then is left with none has that of one state.
    """
    numbers = {item: 1 << number for number, item in enumerate(dict.fromkeys([*first, *second]))}
    lists = [[numbers[item] for item in items] for items in (first, second)]
    n_common, n_places = common_beginning(first, second), len(drafted)
    chances = [1.0] * n_common + [0.0] * (n_places - n_common)
    # The states before each place; a round goes on by two places, or by one where a team has no item left.
    before: list[dict[int, float]] = [{} for _ in range(n_places + 2)]
    before[n_common][sum(numbers[item] for item in first[:n_common])] = 1.0
    for place in range(n_common, n_places):
        likeliest = sorted(before[place].items(), key=lambda state: (-state[1], state[0]))
        kept = likeliest[:MOST_STATES]
        scale = sum(chance for _taken, chance in likeliest) / max(sum(chance for _taken, chance in kept), 1e-300)
        for taken, chance in kept:
            for order in (lists, lists[::-1]):
                now, step = taken, 0
                for items in order:
                    pick = next((item for item in items if not item & now), None)
                    if pick is not None:
                        if place + step < n_places and numbers[drafted[place + step]] == pick:
                            chances[place + step] += scale * chance / 2
                        now, step = now | pick, step + 1
                before[place + step][now] = before[place + step].get(now, 0.0) + scale * chance / 2
    return [chance or 1 / MOST_STATES for chance in chances]

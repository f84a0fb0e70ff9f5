"""What `kindred explain` prints: the case in words, or its rows as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from kindred.built import BuiltTables, Warehouse
from kindred.explain import words
from kindred.explain.case import Case, Unexplained, brief, find_item, read_case, read_names, trace
from kindred.explain.tables import Row


def explain_case(warehouse: Warehouse, user: str, item: str | None, ignores_case: bool) -> tuple[Case, Row | None]:
    """(The case, how the item came to its place). Raises Unexplained where there is nothing to explain."""
    case = read_case(warehouse, user, ignores_case)
    if item is None:
        return case, None
    item_id = find_item(warehouse, item, ignores_case)
    place = next((row for row in case.places if row["item_id"] == item_id), None)
    case.names |= read_names(warehouse, {item_id})
    if not case.pools:
        return case, {"item_id": item_id, "rank": place["rank"] if place else None, "outcome": case.kind}
    return case, trace(warehouse, case, item_id, place.get("team") if place else case.nearest_team(item_id))


def lines_of(case: Case, found: Row | None) -> list[str]:
    """The case in words."""
    if found is None:
        return words.case_lines(case)
    if not case.pools:
        return words.unpersonal_lines(case, found["item_id"])
    place = next((row for row in case.places if row["item_id"] == found["item_id"]), None)
    return words.item_lines(case, found, place)


def rows_of(case: Case, found: Row | None) -> Row:
    """The case as rows, of which the words are made."""
    names = ("user_id", "kind", "policy", "identities", "consents", "person", "history", "experiments", "release")
    rows: Row = {name: getattr(case, name) for name in names}
    rows["served_release"] = case.served
    rows["policies"] = {name: pool.policy for name, pool in case.pools.items()}
    rows["places"] = [brief(case, place) for place in case.places]
    if found is not None:
        rows["item"] = {"title": case.names.get(found["item_id"])} | found
    return rows


def as_json(value: Any) -> Any:
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value.isoformat(sep=" ")


def explain(connection: BuiltTables, user: str, item: str | None, is_json: bool) -> list[str]:
    """The lines of `kindred explain`. Errors: RuntimeError where there is nothing to explain; it says what to do."""
    answer: Callable[[Case, Row | None], list[str]] = lines_of
    if is_json:
        answer = lambda case, found: [json.dumps(rows_of(case, found), indent=2, default=as_json)]  # noqa: E731
    with connection.connected():
        missing = connection.missing("recommendations", "identities", "candidates", "release_reason_texts", "releases")
        if missing:
            raise Unexplained(
                f"no build has made {', '.join(missing)} yet: run `dbt build` in this project and for this target first"
            )
        ignores_case = bool(connection.setting("identity")["case_insensitive_ids"])
        return answer(*explain_case(connection, user, item, ignores_case))

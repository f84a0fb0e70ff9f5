"""What a release consists of: its tables and their columns, the same in SQLite, PostgreSQL and Snowflake.

Standard library alone: the store reads releases by these names too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

# The tables of a release, without the `release_` of the models they come from; the first column is the key.
TABLES: dict[str, dict[str, str]] = {
    "lists": dict.fromkeys(
        ("user_id", "list_id", "segment", "activity", "items", "history", "excluded", "policy", "eligible_for"), "text"
    ),
    # The rules that put items where they stand, of the people in whose lists some did: lists stay as short as they are.
    "list_rules": {"user_id": "text", "rules": "text"},
    # Other ids of the people in lists.
    "identities": {"identity_id": "text", "user_id": "text"},
    "items": {"item_id": "text", "popular_rank": "bigint", "title": "text", "category": "text", "brand": "text"}
    | {"price": "double precision", "is_available": "boolean", "is_recommendable": "boolean"}
    | {"eligibility": "text"},
    # What search reads beside `items`. vector: of the texts, as kindred.texts.packed makes it.
    "item_texts": {name: "text" for name in ("item_id", "description", "attributes", "vector")},
    # One row where items have vectors: the setting, and the weights that made them.
    "text_encoder": {"text_encoder": "text", "weights": "text"},
    "neighbors": {"item_id": "text", "neighbors": "text"},
    "item_pages": {"item_id": "text", "similar_items": "text", "bundles": "text"},
    "segments": {name: "text" for name in ("segment", "fallback", "trending", "excluded", "excluded_if_unknown")},
    "generators": {"generator": "text", "reason": "text"},
    # text_id: the language and the reason.
    "reason_texts": dict.fromkeys(("text_id", "language", "reason", "text_with_item", "text_alone"), "text"),
    # One row: what a list made at the moment of a request is made of.
    "session_settings": {"n_steps": "bigint", "n_neighbors": "bigint"}
    | {name: "double precision" for name in ("decay", "session_share", "list_share")}
    | {"case_insensitive_ids": "boolean", "has_eligibility": "boolean"},
    # What request time assigns units by; empty without experiments. Times are UTC, as 2026-12-01 00:00:00.
    "arms": dict.fromkeys(("arm_id", "experiment_id", "context", "arm", "kind", "unit"), "text")
    | {"is_by_item": "boolean", "is_control": "boolean", "share": "double precision"}
    | dict.fromkeys(
        ("from_key", "to_key", "layer", "layer_from_key", "layer_to_key", "salt", "policy", "value"), "text"
    )
    | {"min_price": "double precision", "max_price": "double precision", "starts_at": "text", "ends_at": "text"},
    # The arms that an item may be in, where prices, creatives or offers differ between them.
    "item_arms": {"item_id": "text", "arms": "text"},
}
# Of search, which reads files: the warehouse's own functions have none, so Snowflake publishes no texts.
SEARCHED = ("item_texts", "text_encoder")
# The one row that says which release it is. measures: JSON of what the publish gates measured, as in served.json.
RELEASE: dict[str, str] = {name: "text" for name in ("release_id", "run_id", "as_of", "generated_at", "expires_at")}
RELEASE |= {"n_lists": "bigint", "n_items": "bigint", "measures": "text"}

# {name: pyarrow.RecordBatches by rising key}
Tables = Mapping[str, Iterable[Any]]
# Called with the release row of what apps read and the rollback, None where there is none; raises RuntimeError where a
# new release may not take its place.
Admit = Callable[[dict[str, Any] | None, dict[str, Any] | None], None]


def create_table(name: str, columns: Mapping[str, str], suffix: str = "") -> str:
    """The SQL that makes a table of a release; the first column is its primary key."""
    key = next(iter(columns))
    types = ", ".join(f"{column} {kind}" for column, kind in columns.items())
    return f"create table {name} ({types}, primary key ({key})){suffix}"


def rows_of(batch: Any) -> Iterator[tuple[Any, ...]]:
    """The rows of a pyarrow.RecordBatch."""
    return zip(*(column.to_pylist() for column in batch.columns), strict=True)


def complete(release: Mapping[str, Any], counts: Mapping[str, int]) -> dict[str, Any]:
    """The row of a release with the counts of its tables. Raises RuntimeError for a release without lists.

    lists_for of a release says whose lists count: those of people, where it isn't given, or those of segments.
    """
    n_lists = counts["segments" if release.get("lists_for") == "segments" else "lists"]
    refuse_empty(release["release_id"], n_lists)
    return {name: None for name in RELEASE} | {**release, "n_lists": n_lists, "n_items": counts["items"]}


def refuse_empty(release_id: str, n_lists: int) -> None:
    """Raises RuntimeError where there are no lists: nothing empty takes the place of a release."""
    if not n_lists:
        raise RuntimeError(
            f"release {release_id} has no lists and isn't published; apps go on reading what they read. A list needs a "
            "person with events and an item to recommend: look in input_problems and rejected_events for what was set "
            "aside and why, in items for is_available, and in checked_rules for rules that exclude everything. Then "
            "build again"
        )


def refuse_older(release: Mapping[str, Any], served: Mapping[str, Any] | None) -> None:
    """Raises RuntimeError where apps read a release that was made later."""
    if served and served["generated_at"] > release["generated_at"]:
        raise RuntimeError(
            f"release {served['release_id']}, which apps read, was made at {served['generated_at']}, later than "
            f"these lists ({release['generated_at']}): another build was faster or a clock is wrong. Build again"
        )


def row_values(release: Mapping[str, Any]) -> list[Any]:
    return [release[name] for name in RELEASE]

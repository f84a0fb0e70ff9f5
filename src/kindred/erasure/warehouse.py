"""The warehouse as `kindred forget` sees it: dbt's own connection, and every relation of kindred's schemas.

No id ever stands in a statement, as dbt and Snowflake keep statements: ids travel as keyed hashes, and what is found by
them stands in a temporary table of this connection.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kindred.connection import Connection, quoted

# Columns that name people, whatever the table.
PERSON_COLUMNS = frozenset(
    ("user_id", "anonymous_id", "identity_id", "device_id", "own_id", "group_id", "left_id", "right_id", "user_id_text")
)
# Columns that name people in some rows: {column: (a column that such a table has, which rows)}.
IN_SOME_ROWS = {
    "spelling": ("column_name", "column_name in ('user_id', 'anonymous_id')"),
    "normal_form": ("column_name", "column_name in ('user_id', 'anonymous_id')"),
    "entity_id": ("input", "input <> 'items' and problem <> 'nearly_same_item_id'"),
    "rejected_text": ("problem", "problem like '%user_id' or problem like '%anonymous_id' or problem like '%purpose%'"),
    "example": ("problem", "problem like '%user_id' or problem like '%anonymous_id' or problem like '%purpose%'"),
}
# Texts of kindred's own making about items, models and runs: they are long or many, and can't hold a person.
OTHER_COLUMNS = frozenset(
    ("items", "history", "excluded", "excluded_if_unknown", "fallback", "trending", "neighbors", "similar_items")
    + ("bundles", "factors", "model", "made_from", "history_key", "description", "title", "category", "brand", "fold")
    + (
        "generator",
        "policy",
        "segment",
        "event_type",
        "reason",
        "hash_key",
        "id_hash",
        "release_id",
        "run_id",
        "list_id",
    )
    + ("request_id",)
)
# An id of fewer characters, such as 1042, may be anything elsewhere: it is searched where people are named alone.
DISTINCT_LENGTH = 8
# Before and after an id within a text stands none of the characters of ids. For a search the id becomes one character
# that no text has.
PLACE = "\ue000"
NO_ID_CHARACTER = "[^0-9A-Za-z._+@-]"
ALONE = f"(^|{NO_ID_CHARACTER}){PLACE}({NO_ID_CHARACTER}|$)"
BATCH = 500


@dataclass(frozen=True)
class Relation:
    """A table or view. owner: kindred, inputs (the shop's own, or a view of a tracker's tables) or unknown."""

    database: str
    schema: str
    name: str
    is_table: bool
    owner: str
    columns: tuple[str, ...] = field(default=())

    def __str__(self) -> str:
        return f"{self.database}.{self.schema}.{self.name}"

    @property
    def short_name(self) -> str:
        return f"{self.schema}.{self.name}".lower()

    def person_columns(self) -> list[tuple[str, str]]:
        """The columns that name people, each with the SQL condition of the rows in which it does."""
        there = {column.lower() for column in self.columns}
        always = [(column, "true") for column in self.columns if column.lower() in PERSON_COLUMNS]
        some = [(column, IN_SOME_ROWS[column.lower()]) for column in self.columns if column.lower() in IN_SOME_ROWS]
        return always + [(column, rows) for column, (sign, rows) in some if sign in there]

    def key_columns(self) -> list[str]:
        """Columns of ids of other things than people."""
        others = PERSON_COLUMNS | OTHER_COLUMNS
        return [one for one in self.columns if one.lower().endswith("_id") and one.lower() not in others]

    def text_columns(self) -> list[str]:
        """Columns of texts that ids of people may stand within."""
        return [one for one in self.columns if not one.lower().endswith("_id") and one.lower() not in OTHER_COLUMNS]


class Warehouse(Connection):
    """The warehouse as erasure sees it."""

    # Relations --------------------------------------------------------------------------------------------------------

    def relations(self) -> list[Relation]:
        """Every table and view of the schemas in which kindred has any, by name, with its columns of text."""
        owners: dict[tuple[str, str, str], str] = {}
        schemas = set()
        for node in [*self.manifest.nodes.values(), *self.manifest.sources.values()]:
            is_model = node.resource_type == "model" and node.package_name == "kindred"
            is_test = node.resource_type == "test" and node.package_name == "kindred"
            is_window = is_model and node.fqn[1] == "trackers" and node.config.materialized == "view"
            name = node.identifier if node.resource_type == "source" else node.alias
            owner = "kindred" if (is_model and not is_window) or is_test else "inputs"
            owners[node.database.lower(), node.schema.lower(), name.lower()] = owner
            if is_model or is_test:
                schemas.add((node.database, node.schema))
        found = []
        for database, schema in sorted(schemas):
            catalog = f"{database}.information_schema" if self.kind == "snowflake" else "information_schema"
            where = f"upper(table_schema) = upper('{schema}') and upper(table_catalog) = upper('{database}')"
            columns: dict[str, list[str]] = {}
            for table, column in self.rows(
                f"select table_name, column_name from {catalog}.columns where {where}"
                " and (data_type like '%CHAR%' or data_type in ('TEXT', 'JSON', 'VARIANT', 'OBJECT', 'ARRAY')"
                " or data_type like 'STRUCT%')"
                " order by table_name, ordinal_position"
            ):
                columns.setdefault(table, []).append(column)
            for table, kind in self.rows(
                f"select table_name, table_type from {catalog}.tables where {where} order by table_name"
            ):
                owner = owners.get((database.lower(), schema.lower(), table.lower()), "unknown")
                if table.lower().startswith("published_"):
                    owner = "kindred"
                found.append(
                    Relation(database, schema, table, "VIEW" not in kind, owner, tuple(columns.get(table, ())))
                )
        return found

    def tables_of(self, schema: str) -> set[str]:
        """The names, in lower case, of what a schema (schema or database.schema) has."""
        *database, name = schema.split(".")
        catalog = f"{database[0]}." if database and self.kind == "snowflake" else ""
        where = f"upper(table_schema) = upper('{quoted(name)}')"
        where += f" and upper(table_catalog) = upper('{quoted(database[0])}')" if database else ""
        rows = self.rows(f"select table_name from {catalog}information_schema.tables where {where}")
        return {table.lower() for (table,) in rows}

    # People -----------------------------------------------------------------------------------------------------------

    def key(self) -> str:
        return str(self.value(f"select hash_key from {self.name('forgotten_key')}"))

    def id_hash(self, column: str) -> str:
        return self.sql("id_hash", id=column, key=f"(select hash_key from {self.name('forgotten_key')})")

    def add_hashes(self, hashes: Iterable[str], request_id: str, is_named: bool) -> None:
        """Add those hashes to forgotten_ids that aren't there."""
        table, wanted = self.name("forgotten_ids"), sorted(hashes)
        for start in range(0, len(wanted), BATCH):
            selects = " union all ".join(f"select '{one}' as id_hash" for one in wanted[start : start + BATCH])
            self.change(
                f"insert into {table} (id_hash, request_id, is_named, requested_at, forgotten_at)"
                f" select id_hash, '{request_id}', {is_named}, {self.now()}, {self.now()} from ({selects}) as wanted"
                f" where id_hash not in (select earlier.id_hash from {table} as earlier)"
            )

    def remove_hashes(self, hashes: Sequence[str]) -> int:
        """Delete these hashes from forgotten_ids; returns how many it had."""
        table, n_rows = self.name("forgotten_ids"), 0
        for start in range(0, len(hashes), BATCH):
            values = ", ".join(f"'{one}'" for one in hashes[start : start + BATCH])
            n_rows += int(self.value(f"delete from {table} where id_hash in ({values})"))
        return n_rows

    def now(self) -> str:
        return f"date_trunc('second', {self.sql('utc_now')})"

    def pending(self) -> set[str]:
        """The hashes of forgotten_ids that aren't erased yet."""
        return {one for (one,) in self.rows(self.select_pending())}

    def select_pending(self) -> str:
        return f"select id_hash from {self.name('forgotten_ids')} where erased_at is null"

    def close_over_people(self, identities: Relation | None, request_id: str) -> None:
        """Add all ids of the people of whom forgotten_ids has one that isn't erased yet."""
        if not identities:
            return
        pending = self.select_pending()
        people = f"select user_id from {identities} where {self.id_hash('identity_id')} in ({pending})"
        found = self.rows(
            f"select distinct {self.id_hash('identity_id')} from {identities}"
            f" where user_id in (select user_id from ({people}) as people where user_id is not null)"
        )
        self.add_hashes((one for (one,) in found), request_id, is_named=False)

    def find_people(self, relations: Sequence[Relation], ids: Sequence[str]) -> list[str]:
        """Make the temporary table `leaving` of all ids that are to be erased; returns those that some table has.

        ids: those that are known already; of the others each table is asked for what has their hash.
        """
        pending = self.select_pending()
        selects = [
            f"select {column} as identity_id from {relation} where {column} is not null and ({rows}) group by {column}"
            for relation in relations
            if relation.owner == "kindred" and relation.is_table
            for column, rows in relation.person_columns()
        ]
        self.change("create or replace temporary table leaving (identity_id varchar)")
        for start in range(0, len(selects), 40):
            union = " union ".join(selects[start : start + 40])
            self.change(
                "insert into leaving (identity_id)"
                f" select identity_id from ({union}) as ids where {self.id_hash('identity_id')} in ({pending})"
                " and identity_id not in (select identity_id from leaving)"
            )
        found = [one for (one,) in self.rows("select identity_id from leaving")]
        if self.kind == "duckdb":
            # Snowflake would keep the values in its history of statements.
            for one in set(ids) - set(found):
                self.adapter.add_query("insert into leaving (identity_id) values (?)", auto_begin=False, bindings=[one])
        return found

    def condition(self, relation: Relation) -> str:
        """The SQL condition of the rows of a relation that name a person of `leaving`; '' where none can."""
        ids = "select identity_id from leaving"
        distinct = f"{ids} where length(identity_id) >= {DISTINCT_LENGTH}"
        parts = [f"{column} in ({ids}) and ({rows})" for column, rows in relation.person_columns()]
        parts += [f"{column} in ({distinct})" for column in relation.key_columns()]
        place = f"replace(texts.one, people.identity_id, '{PLACE}')"
        is_alone = self.sql("matches_part", text=place, pattern=ALONE)
        for column in relation.text_columns():
            text = f"cast({column} as varchar)"
            parts.append(
                f"{text} in (select texts.one from (select distinct {text} as one from {relation}"
                f" where {column} is not null) as texts inner join ({distinct}) as people"
                f" on contains(texts.one, people.identity_id) where {is_alone})"
            )
        return " or ".join(parts)

    def count(self, relation: Relation) -> int:
        condition = self.condition(relation)
        return int(self.value(f"select count(*) from {relation} where {condition}")) if condition else 0

    def delete(self, relation: Relation) -> int:
        """Delete the rows that name these people; returns how many there were."""
        condition = self.condition(relation)
        return int(self.value(f"delete from {relation} where {condition}")) if condition else 0

    def close_the_door(self, relations: Sequence[Relation]) -> None:
        """Add these ids to forgotten_spellings, so that the views over the inputs show none of them from now on."""
        by_name = {one.name.lower(): one for one in relations if one.owner == "kindred"}
        door, spellings = by_name.get("forgotten_spellings"), by_name.get("event_spellings")
        if not door:
            return
        union = "select identity_id from leaving"
        if spellings:
            union += f" union select spelling from {spellings} where normal_form in (select identity_id from leaving)"
        hashed = self.sql("spelling_hash", text="identity_id")
        self.change(
            f"insert into {door} select {hashed} from ({union}) as ids"
            f" where {hashed} not in (select spelling_hash from {door})"
        )

    def log(self, request_id: str, found: Iterable[tuple[str, str, int, int | None]]) -> None:
        """Add rows of (store, relation, n_deleted, n_left) to forget_log."""
        now = self.now()
        selects = [
            f"select '{request_id}', '{store}', {self.sql('text_literal', text=what)}, {n_deleted},"
            f" {'null' if n_left is None else n_left}, {now}"
            for store, what, n_deleted, n_left in found
        ]
        columns = "request_id, store, relation, n_deleted, n_left, checked_at"
        for start in range(0, len(selects), BATCH):
            union = " union all ".join(selects[start : start + BATCH])
            self.change(f"insert into {self.name('forget_log')} ({columns}) {union}")

    def set_erased(self) -> None:
        self.change(f"update {self.name('forgotten_ids')} set erased_at = {self.now()} where erased_at is null")

    # The DuckDB file --------------------------------------------------------------------------------------------------

    def compact(self) -> tuple[int, int] | None:
        """Write the DuckDB file again without what was deleted from it; returns (bytes before, bytes after).

        DuckDB leaves the bytes of deleted rows in the file, even after `vacuum`. The connection must be closed. None
        where there is no file. Errors: RuntimeError, with the old file as it was, where it can't be copied.
        """
        path = self.database_file
        if not path or not path.exists():
            return None
        import duckdb

        copy = path.with_name(path.name + ".compacted")
        for leftover in (copy, copy.with_name(copy.name + ".wal")):
            leftover.unlink(missing_ok=True)
        before = path.stat().st_size
        try:
            with duckdb.connect(str(path), config=self.credential("config_options")) as connection:
                # A log beside the file would be taken for one of the new file.
                connection.execute("force checkpoint")
            with duckdb.connect(config=self.credential("config_options")) as connection:
                for name, value in self.credential("settings").items():
                    connection.execute(f"set {name} = '{value}'")
                connection.execute(f"attach '{quoted(path)}' as before (read_only)")
                connection.execute(f"attach '{quoted(copy)}' as after")
                connection.execute("copy from database before to after")
                connection.execute("detach after")
            with open(copy, "rb") as file:
                os.fsync(file.fileno())
            copy.chmod(path.stat().st_mode)
            os.replace(copy, path)
        except (duckdb.Error, OSError) as error:
            copy.unlink(missing_ok=True)
            raise RuntimeError(
                f"{path} can't be written again, so bytes of deleted rows are still in it: {error}. See that nobody "
                "else has it open and that there is space for a second copy, then run `kindred forget` again"
            ) from error
        return before, path.stat().st_size

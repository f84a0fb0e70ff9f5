"""A release as rows of the tables published_* of the warehouse itself, which the SQL functions read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kindred.publishing.tables import TABLES
from kindred.warehouse import Relation, Session


def create_published(session: Session, schema: str, relations: Mapping[str, Relation]) -> None:
    """Make the tables published_*, which the functions need even where nothing was published yet.

    What a version before 0.1.0 published under another name, macros/state/upgrade.sql took over before.
    """
    for name, relation in relations.items():
        select = f"select cast('' as varchar) as run_id, {', '.join(TABLES[name])} from {relation.table_name} limit 0"
        session.sql(f"create table if not exists {schema}.published_{name} as {select}").collect()
    # A release of a version before 0.1.0 has no settings of session lists: it serves by those of this build.
    table, columns = f"{schema}.published_session_settings", ", ".join(TABLES["session_settings"])
    session.sql(
        f"insert into {table} (run_id, {columns}) select run_id, {columns}"
        f" from (select distinct run_id from {schema}.published_lists)"
        f" cross join (select {columns} from {relations['session_settings'].table_name})"
        f" where run_id not in (select run_id from {table})"
    ).collect()


def publish_warehouse(
    session: Session, schema: str, relations: Mapping[str, Relation], run_id: str, kept_runs: Sequence[str]
) -> None:
    """Add a run's rows to those of kept_runs, all tables at once; they are read when releases has its row."""
    kept = ", ".join(f"'{kept}'" for kept in kept_runs if kept != run_id) or "''"
    session.sql("begin").collect()
    try:
        for name, relation in relations.items():
            table, columns = f"{schema}.published_{name}", ", ".join(TABLES[name])
            session.sql(f"delete from {table} where run_id not in ({kept})").collect()
            session.sql(
                f"insert into {table} (run_id, {columns}) select '{run_id}', {columns} from {relation.table_name}"
            ).collect()
    except BaseException:
        session.sql("rollback").collect()
        raise
    session.sql("commit").collect()

"""Compares the tables of two builds, row by row: that a change of the code changed no list.

    python benchmarks/compare_builds.py OLD.duckdb NEW.duckdb [--ignore COLUMN ...] [--map old_table=new_table ...]

Prints a line for each table that differs and exits with 1 where one does. Left out are the columns that differ between
any two builds of the same data: ids of runs and clocks. A table, or the column of a table, that was renamed is compared
under its new name with `--map old=new` or `--map table.old=new`; `--where table=CONDITION` compares an old table with
the rows of the new one that meet a condition.
"""

import argparse
import sys

import duckdb

VOLATILE = {"run_id", "list_id", "release_id", "generated_at", "expires_at", "started_at", "published_at", "seconds"}
VOLATILE |= {
    "location",
    "bytes",
    "parameters",
    "compared_run_id",
    "made_from",
    "judged_at",
    "evaluated_at",
    "explanation",
}


def columns(connection, database, table):
    select = f"select column_name from duckdb_columns() where database_name = '{database}' and table_name = '{table}'"
    return [name for (name,) in connection.execute(select).fetchall()]


def tables(connection, database):
    # What an incremental Python model leaves beside its table is dbt's own.
    select = f"select table_name from duckdb_tables() where database_name = '{database}' and schema_name = 'main'"
    select += " and not contains(table_name, '__dbt_tmp') order by 1"
    return [name for (name,) in connection.execute(select).fetchall()]


def compare(old_path, new_path, renamed, wheres, ignored):
    """Lines that say what differs, one per table."""
    lines = []
    with duckdb.connect() as connection:
        connection.execute(f"attach '{old_path}' as old_build (read_only)")
        connection.execute(f"attach '{new_path}' as new_build (read_only)")
        there = set(tables(connection, "new_build"))
        n_rows = n_tables = 0
        for table in tables(connection, "old_build"):
            new_table = renamed.get(table, table)
            if new_table not in there:
                lines.append(f"{table}: the new build has no {new_table}")
                continue
            names = [name for name in columns(connection, "old_build", table) if name not in VOLATILE | ignored]
            new_names = [renamed.get(f"{table}.{name}", name) for name in names]
            missing = set(new_names) - set(columns(connection, "new_build", new_table))
            if missing:
                lines.append(f"{table}: {new_table} lacks {', '.join(sorted(missing))}")
                continue
            old = f"select {', '.join(names) or 1} from old_build.{table}"
            where = f" where {wheres[table]}" if table in wheres else ""
            new = f"select {', '.join(new_names) or 1} from new_build.{new_table}{where}"
            count = f"select count(*) from ({old} except all {new}), (select 1)"
            gone = connection.execute(count).fetchone()[0]
            come = connection.execute(f"select count(*) from ({new} except all {old})").fetchone()[0]
            n_tables += 1
            n_rows += connection.execute(f"select count(*) from old_build.{table}").fetchone()[0]
            if gone or come:
                lines.append(f"{table} -> {new_table}: {gone} rows are gone, {come} have come")
    print(f"{n_tables} tables with {n_rows:,} rows compared")
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old")
    parser.add_argument("new")
    parser.add_argument("--map", nargs="*", default=[], help="old=new for a table, table.old=new for a column")
    parser.add_argument("--where", nargs="*", default=[], help="old_table=condition on the new table")
    parser.add_argument("--ignore", nargs="*", default=[], help="columns to leave out")
    given = parser.parse_args()
    pairs = [dict(text.split("=", 1) for text in texts) for texts in (given.map, given.where)]
    lines = compare(given.old, given.new, *pairs, set(given.ignore))
    print("\n".join(lines) or "no difference")
    sys.exit(bool(lines))


if __name__ == "__main__":
    main()

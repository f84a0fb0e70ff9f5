"""The same tables on DuckDB and on Snowflake's emulator, and whether models make the same rows of them on both."""

import duckdb
import pytest
from conftest import run_dbt


def make_tables(database, cursor, columns, rows):
    """Create the tables on both. columns: {table: columns with types}; rows: {table: rows as tuples}."""
    with duckdb.connect(database) as connection:
        for table, found in rows.items():
            values = ", ".join("(" + ", ".join(map(literal, row)) + ")" for row in found)
            for run in (connection.execute, cursor.execute):
                run(f"create table {table} ({columns[table]})")
                run(f"insert into {table} values {values}")


def literal(value):
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return "null" if value is None else repr(value)


def run_on_both(models, folder, database, settings):
    """Run these models on both, in the schema that the environment names."""
    for target in ("duckdb", "snowflake"):
        arguments = ("run", "--select", *models, "--target", target)
        result = run_dbt(*arguments, target=folder / target, database=database, settings=settings)
        assert result.returncode == 0, result.output


def assert_same_rows(tables, database, cursor, left_out):
    """Numbers agree to 12 digits, all else to the letter; no table is empty. left_out: columns that aren't compared."""
    with duckdb.connect(database, read_only=True) as connection:
        for table in tables:
            described = connection.execute(f"describe {table}").fetchall()
            names = [name for name, *_ in described if name not in left_out]
            query = f"select {', '.join(names)} from {table}"
            mine = sorted(connection.execute(query).fetchall(), key=repr)
            theirs = sorted(cursor.execute(query).fetchall(), key=repr)
            assert len(mine) == len(theirs) > 0, table
            for one, other in zip(mine, theirs, strict=True):
                for name, left, right in zip(names, one, other, strict=True):
                    if isinstance(left, float):
                        assert right == pytest.approx(left, rel=1e-12), (table, name)
                    else:
                        assert left == right, (table, name)

"""A small shop with a planted person, whose inputs lie outside the DuckDB file, which is written uncompressed."""

import json
import os
import subprocess
import sys

import duckdb
import yaml
from conftest import REPOSITORY, Shop

from kindred.publishing import folder as publishing

MARKER = "FORGETME-7xyz"
# Another person, whose ids only begin alike. What follows one in a file is a hexadecimal digit: no z.
SIMILAR = "FORGETME-7xy"
N_USERS = 40
EVENTS = f"""
    with numbers as (
        select r, cast(hash(r * 7919) % {N_USERS} as integer) as n, hash(r * 13) as chance from range({{n}}) as t (r)
    ),

    named as (
        select
            *,
            case n when 7 then '{MARKER}' when 8 then '{SIMILAR}' else 'person-' || lpad(n::varchar, 2, '0') end as name
        from numbers
    )

    select
        '{{prefix}}' || r as event_id,
        case when chance % 10 < 3 then null when chance % 10 = 3 then ' ' || name || ' ' else name end as user_id,
        name || if(chance % 7 < 4, '-phone', '-laptop') as anonymous_id,
        if(chance % 2 = 0, name || '-' || chance % 50, null) as session_id,
        if(hash(r * 17) % 10 < 7, 'view', 'purchase') as event_type,
        'i' || lpad((hash(r * 31) % 20)::varchar, 2, '0') as item_id,
        timestamp '2026-03-01' + interval 1 minute * (chance % 86400) as occurred_at,
        if(chance % 5 = 0, 'where is ' || name || '?', null) as query,
        json_object('customer', name) as properties
    from named
"""
TABLES = {
    "events": EVENTS.format(n=1600, prefix="e"),
    "items": """
        select 'i' || lpad(i::varchar, 2, '0') as item_id, 'Thing ' || i as title, 'c' || i % 4 as category
        from range(20) as t (i)
    """,
    "users": f"""
        select distinct trim(user_id) as user_id, timestamp '2026-01-01' as created_at
        from ({EVENTS.format(n=1600, prefix="e")}) where user_id is not null
    """,
    "consents": f"""
        select distinct anonymous_id as user_id, 'personalization' as purpose, true as is_granted,
            timestamp '2026-02-01' as updated_at
        from ({EVENTS.format(n=1600, prefix="e")})
    """,
    "identity_links": f"select '{MARKER}' as left_id, '{MARKER}@mail.example' as right_id, 'alias' as kind",
}


class ErasableShop(Shop):
    """The inputs are views over Parquet files: what the shop keeps is not kindred's to erase."""

    writes = True

    def __init__(self, folder):
        super().__init__(folder)
        self.profiles = folder / "profiles"
        self.profiles.mkdir()
        profiles = yaml.safe_load((REPOSITORY / "profiles.yml").read_text(encoding="utf-8"))
        # In a compressed file no byte search could find anything.
        profiles["kindred"]["outputs"]["duckdb"]["settings"] = {"force_compression": "uncompressed"}
        (self.profiles / "profiles.yml").write_text(yaml.safe_dump(profiles), encoding="utf-8")
        self.raw = folder / "raw"
        self.raw.mkdir()
        self.folder = publishing.serving_folder("", str(self.database))

    def give(self, **selects):
        """Let the shop have these inputs, each a SQL select."""
        with duckdb.connect() as connection:
            for name, select in selects.items():
                connection.execute(f"copy ({select}) to '{self.raw / name}.parquet'")
        with duckdb.connect(self.database) as connection:
            connection.execute("create schema if not exists raw")
            for name in selects:
                file = self.raw / f"{name}.parquet"
                connection.execute(f"create or replace view raw.{name} as from read_parquet('{file}')")
                self.tables = sorted({*self.tables, name})
        return self

    def command(self, *arguments):
        """The command line of `kindred forget` or `unforget` and its environment."""
        settings, target = self.placed({})
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("DBT_", "KINDRED_"))}
        environment |= {"KINDRED_DUCKDB_PATH": str(self.database), "DBT_PROFILES_DIR": str(self.profiles)}
        environment |= {"KINDRED_TEMP_DIRECTORY": str(self.database) + ".temp"}
        options = ["--vars", json.dumps(settings), "--target-path", str(target), "--log-path", str(target)]
        return [sys.executable, "-m", "kindred.cli", *arguments, *options], environment

    def kindred(self, *arguments, ids=None):
        """Run `kindred forget` or `unforget`; ids: the lines of standard input."""
        command, environment = self.command(*arguments)
        text = "" if ids is None else "".join(f"{one}\n" for one in ids)
        return subprocess.run(
            command, cwd=REPOSITORY, env=environment, input=text, capture_output=True, text=True, timeout=300
        )

    def files_with(self, text=MARKER):
        """The files, of everything but the inputs, whose bytes have a text."""
        paths = [path for path in self.database.parent.rglob("*") if path.is_file() and self.raw not in path.parents]
        return sorted(
            str(path.relative_to(self.database.parent)) for path in paths if text.encode() in path.read_bytes()
        )

    def columns_with(self, text=MARKER):
        """{table.column: rows} of kindred's tables and views in which a text stands, whatever the column's type."""
        found = {}
        with duckdb.connect(self.database, read_only=True) as connection:
            columns = connection.execute(
                "select table_name, column_name from information_schema.columns where table_schema <> 'raw'"
            ).fetchall()
            for table, column in columns:
                [(n_rows,)] = connection.execute(
                    f'select count(*) from "{table}" where contains(cast("{column}" as varchar), ?)', [text]
                ).fetchall()
                if n_rows:
                    found[f"{table}.{column}"] = n_rows
        return found

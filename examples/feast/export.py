"""Write the features of the last build as Parquet files for Feast: python export.py path/to/kindred.duckdb [schema].

Only the fold `live` is written, with the as-of date of the build as event_timestamp. Nothing else may have the DuckDB
file open for writing.
"""

import sys
from pathlib import Path

import duckdb

TABLES = {
    "user_features": "user_features",
    "item_features": "item_features",
    "user_factors": "als_user_factors",
    "item_factors": "als_item_factors",
}


def export(database: str, schema: str = "main", folder: Path = Path(__file__).parent / "data") -> None:
    """Write a file for each feature view into `folder`."""
    folder.mkdir(exist_ok=True)
    with duckdb.connect(database, read_only=True) as connection:
        for name, table in TABLES.items():
            rows = connection.sql(f"""
                select {table}.* exclude (fold), timezone('UTC', folds.learns_until) as event_timestamp
                from {schema}.{table} inner join {schema}.folds using (fold)
                where fold = 'live'
            """)
            rows.write_parquet(str(folder / f"{name}.parquet"))
            print(f"{name}: {rows.count('*').fetchall()[0][0]} rows")


if __name__ == "__main__":
    export(*sys.argv[1:])

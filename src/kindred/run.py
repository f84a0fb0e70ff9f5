"""What is true of one invocation of dbt alone: `make embed`'s macro fills it in when dbt compiles a Python model.

It stands in the compiled code and not in the models' configuration, which must not change from run to run (dbt's
`state:modified` would find the models changed each time).
"""

CURRENT: dict[str, str] = {}


def current(name: str) -> str:
    """`run_id`, `serving_path` (as given, '' = not given) or `database` (DuckDB's file, '' = none)."""
    return CURRENT[name]

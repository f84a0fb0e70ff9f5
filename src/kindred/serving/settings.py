"""Where releases are, for what reads them outside of dbt."""

import os
from pathlib import Path


def project_variables():
    """kindred's variables in the dbt_project.yml of the working directory; {} where there is none."""
    try:
        import yaml  # dbt brings it; a machine that only serves needs neither

        project = yaml.safe_load(Path("dbt_project.yml").read_text(encoding="utf-8"))
    except (ImportError, FileNotFoundError):
        return {}
    variables = project.get("vars") or {}
    return variables | (variables.get("kindred") or {})


def serving_folder():
    """KINDRED_SERVING_PATH, else kindred__serving_path in dbt_project.yml, else beside the file of KINDRED_DUCKDB_PATH.

    Builds go by the same order (python_models/releases.py, macros/operations/read_rollback.sql). What a build
    was told by --vars can't be known here.
    """
    path = os.environ.get("KINDRED_SERVING_PATH") or project_variables().get("kindred__serving_path")
    database = Path(os.environ.get("KINDRED_DUCKDB_PATH", "kindred.duckdb"))
    return Path(path) if path else database.with_name(f"{database.stem}_serving")

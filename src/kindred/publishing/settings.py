"""Where releases are, for what reads them outside of dbt."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def serving_settings() -> dict[str, Any]:
    """kindred__serving of the dbt_project.yml in the working directory; {} where there is none."""
    try:
        import yaml  # type: ignore[import-untyped]  # dbt brings it; a machine that only serves needs neither

        project = yaml.safe_load(Path("dbt_project.yml").read_text(encoding="utf-8"))
    except (ImportError, FileNotFoundError):
        return {}
    variables = project.get("vars") or {}
    found: dict[str, Any] = (variables | (variables.get("kindred") or {})).get("kindred__serving") or {}
    return found


def serving_folder() -> Path:
    """KINDRED_SERVING_PATH, else kindred__serving.path in dbt_project.yml, else beside the file of KINDRED_DUCKDB_PATH.

    Builds go by the same order (kindred.publishing.folder, macros/state/served.sql). What a build was told
    by --vars can't be known here.
    """
    path = os.environ.get("KINDRED_SERVING_PATH") or serving_settings().get("path")
    database = Path(os.environ.get("KINDRED_DUCKDB_PATH", "kindred.duckdb"))
    return Path(path) if path else database.with_name(f"{database.stem}_serving")

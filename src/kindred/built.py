"""The tables that the last build left, read only, and where dbt's files tell enough without starting dbt.

dbt takes seconds to start, and many more where it reads a project again. To read tables takes three things of it: the
DuckDB file, which profiles.yml names; the places of the tables, which the last manifest has; the settings,
which the build wrote down in `builds`. Where one of them isn't plain, dbt is asked.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from kindred.connection import ADDED, Connection, Place, described
from kindred.settings import fill


class Warehouse(Protocol):
    """kindred's tables by the names of their models."""

    def name(self, model: str) -> str:
        """The table of a model. Errors: RuntimeError where the project has no such model."""

    def has(self, model: str) -> bool:
        """Whether the project has the model; those of experiments are there where experiments are named."""

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """What a statement finds."""

    def setting(self, group: str) -> dict[str, Any]:
        """A group of kindred's settings, over its defaults."""


class BuiltTables(Warehouse, Protocol):
    """What `Built` has, and dbt's connection (kindred.connection.Connection)."""

    kind: str
    places: Mapping[str, Place]

    @property
    def database_file(self) -> Path | None:
        """The DuckDB file; None where there is none on this machine."""

    def connected(self) -> contextlib.AbstractContextManager[None]:
        """While the tables are read. Errors: RuntimeError where they can't be now."""

    def missing(self, *models: str) -> list[str]:
        """Those of the models that have no table or view yet."""


class Built:
    """A DuckDB file with kindred's tables, opened read-only.

    setting: how settings are known where not from the last build.
    """

    kind = "duckdb"

    def __init__(
        self, path: Path, places: Mapping[str, Place], setting: Callable[[str], dict[str, Any]] | None = None
    ) -> None:
        self.path, self.places, self.given_setting = path, places, setting
        self.file: Any = None

    @property
    def database_file(self) -> Path:
        return self.path

    @contextlib.contextmanager
    def connected(self) -> Iterator[None]:
        with contextlib.closing(open_read_only(self.path)) as self.file:
            yield

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self.file.execute(sql).fetchall()
        return found

    def name(self, model: str) -> str:
        return described(self.places, model)

    def has(self, model: str) -> bool:
        return model in self.places

    def missing(self, *models: str) -> list[str]:
        there = set(self.rows("select table_catalog, table_schema, table_name from information_schema.tables"))
        return [model for model in models if self.places[model] not in there]

    def setting(self, group: str) -> dict[str, Any]:
        """As the newest build had it, whose tables these are."""
        if self.given_setting:
            return self.given_setting(group)
        newest = self.rows(f"select parameters from {self.name('builds')} order by started_at desc, run_id limit 1")
        return fill(group, (json.loads(newest[0][0]) if newest else {}).get(f"kindred__{group}") or {})


def read_built(options: Sequence[str]) -> BuiltTables:
    """The tables of the project in the working directory. options: dbt's own, such as --target.

    Errors: RuntimeError where dbt is needed and can't, or where a build writes the DuckDB file at this moment.
    """
    found = from_files(options)
    if found:
        return found
    connection = Connection(options)
    path = connection.database_file
    if path is None or any(map(connection.has_credential, ADDED)):
        return connection
    connection.disconnect()
    return Built(path, connection.places, connection.setting)


def from_files(options: Sequence[str]) -> Built | None:
    """What profiles.yml and dbt's manifest tell; None where dbt has to be asked.

    The manifest has to be of this project and this target: its tables stand in this file, in the target's schema.
    """
    given = dict(zip(options[::2], options[1::2], strict=True))
    if "--vars" in given or {"DBT_PROJECT_DIR", "DBT_PROFILE"} & os.environ.keys():
        return None
    try:
        import jinja2
        import yaml  # type: ignore[import-untyped]
    except ImportError:
        return None
    try:
        project = yaml.safe_load(Path("dbt_project.yml").read_text(encoding="utf-8"))
        output = read_output(project["profile"], given.get("--target"))
        folder = given.get("--target-path") or os.environ.get("DBT_TARGET_PATH") or project.get("target-path", "target")
        manifest = json.loads((Path(folder) / "manifest.json").read_text(encoding="utf-8"))
        path, schema = Path(output["path"]), output.get("schema", "main")
        is_plain = output["type"] == "duckdb" and path.is_file() and not any(map(output.get, ADDED))
        places = {
            node["name"]: (node["database"], node["schema"], node["alias"])
            for node in manifest["nodes"].values()
            if node["package_name"] == "kindred" and node["resource_type"] in ("model", "seed")
        }
        own_schema = manifest["nodes"]["model.kindred.builds"]["config"].get("schema")
        is_of_here = manifest["metadata"]["project_name"] == project["name"]
    except (OSError, ValueError, LookupError, TypeError, AttributeError, yaml.YAMLError, jinja2.TemplateError):
        return None
    database, builds_schema, _alias = places["builds"]
    is_of_here = is_of_here and database == path.stem and builds_schema in (schema, f"{schema}_{own_schema}")
    if not is_plain or not is_of_here:
        return None
    built = Built(path, places)
    with built.connected():
        return None if built.missing("builds") else built


def read_output(profile: str, target: str | None) -> dict[str, Any]:
    """A target of a profile of profiles.yml, with what its texts ask of the environment.

    Errors: LookupError, OSError, and those of jinja2 and yaml, where there is none or it asks for more than env_var.
    """
    import jinja2
    import yaml

    def env_var(name: str, default: str | None = None) -> str:
        return os.environ[name] if default is None else os.environ.get(name, default)

    def rendered(value: Any) -> Any:
        if not isinstance(value, str) or "{" not in value:
            return value
        return jinja2.Template(value, undefined=jinja2.StrictUndefined).render(env_var=env_var)

    given = os.environ.get("DBT_PROFILES_DIR")
    folder = Path(given) if given else Path() if Path("profiles.yml").exists() else Path.home() / ".dbt"
    found = yaml.safe_load((folder / "profiles.yml").read_text(encoding="utf-8"))[profile]
    name = target or os.environ.get("DBT_TARGET") or rendered(found.get("target", "default"))
    output = found["outputs"][name]
    return output | {key: rendered(output[key]) for key in ("type", "path", "schema") if key in output}


def open_read_only(path: Path) -> Any:
    """A DuckDB file. Errors: RuntimeError where a writer has it, or there is none."""
    import duckdb

    if not path.exists():
        raise RuntimeError(f"there is no {path}: run `dbt build` first")
    try:
        return duckdb.connect(str(path), read_only=True)
    except duckdb.IOException as error:
        raise RuntimeError(
            f"{path} can't be read while another process writes it: try again after it: {error}"
        ) from error

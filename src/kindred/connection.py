"""dbt's connection to the warehouse, for what kindred's commands do beside a build."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from kindred.settings import fill

# What is built of the nodes that are asked for: no tests.
KINDS = ("--resource-type", "model", "--resource-type", "seed")
# What a profile may add to a DuckDB file that reading it may need: dbt's own connection has it.
ADDED = ("attach", "extensions", "filesystems", "plugins", "secrets", "settings")
# Of a table: (database, schema, name).
Place = tuple[str, str, str]


class Connection:
    """dbt's connection to the target of the project in the working directory, when dbt has built these models.

    options: dbt's own, such as --target. Errors: RuntimeError where dbt can't; it has said why.
    """

    def __init__(self, options: Sequence[str], models: Sequence[str] = ()) -> None:
        try:
            from dbt.adapters.factory import FACTORY
            from dbt.cli.main import dbtRunner
        except ImportError as error:
            raise RuntimeError(f"{error.name} is missing: pip install 'kindred[duckdb]'") from error
        quiet = ["--quiet", "--log-level-file", "none"]
        parsed: Any = dbtRunner().invoke([*quiet, "parse", *options])
        self.manifest: Any = parsed.result
        is_ready = parsed.success
        if is_ready and models:
            is_ready = dbtRunner(self.manifest).invoke([*quiet, "build", *options, *KINDS, "--select", *models]).success
        if not is_ready:
            raise RuntimeError("dbt could not do that, see above: run this in the folder of your dbt project")
        self.adapter: Any = next(iter(FACTORY.adapters.values()))
        self.kind: str = self.adapter.type()
        self.places: Mapping[str, Place] = {
            node.name: (node.database, node.schema, node.alias)
            for node in self.manifest.nodes.values()
            if node.package_name == "kindred" and node.resource_type in ("model", "seed")
        }

    # Connection -------------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def connected(self) -> Iterator[None]:
        with self.adapter.connection_named("kindred"):
            yield
        self.disconnect()

    def disconnect(self) -> None:
        """Let go of the DuckDB file."""
        self.adapter.cleanup_connections()
        close_all = getattr(type(self.adapter).ConnectionManager, "close_all_connections", None)
        if close_all:
            close_all()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.adapter.execute(sql, fetch=True)[1].rows]

    def value(self, sql: str) -> Any:
        return self.rows(sql)[0][0]

    def change(self, sql: str) -> None:
        self.adapter.execute(sql)

    # Places -----------------------------------------------------------------------------------------------------------

    @property
    def database_file(self) -> Path | None:
        """The DuckDB file; None where there is none on this machine."""
        path = getattr(self.adapter.config.credentials, "path", None)
        return Path(path) if path and path != ":memory:" and not path.startswith("md:") else None

    def credential(self, name: str) -> dict[str, Any]:
        """A mapping of profiles.yml, such as config_options of DuckDB."""
        return dict(getattr(self.adapter.config.credentials, name, None) or {})

    def has_credential(self, name: str) -> bool:
        return bool(getattr(self.adapter.config.credentials, name, None))

    @property
    def artifact_folders(self) -> tuple[Path, Path]:
        """dbt's folders of what it rendered and of its logs."""
        config = self.adapter.config
        return Path(config.project_root) / config.target_path, Path(config.project_root) / config.log_path

    def name(self, model: str) -> str:
        """The table of one of kindred's models. Errors: RuntimeError where these settings leave the model out."""
        return described(self.places, model)

    def has(self, model: str) -> bool:
        """Whether the project has one of kindred's models; those of experiments are there where these are named."""
        return model in self.places

    def missing(self, *models: str) -> list[str]:
        """Those of the models that have no table or view yet."""
        return [model for model in models if self.adapter.get_relation(*self.places[model]) is None]

    def setting(self, group: str) -> dict[str, Any]:
        """A group of kindred's settings as the project and the options give it, over its defaults."""
        config = self.adapter.config
        given = dict(config.vars.vars_for(self.manifest.nodes["model.kindred.releases"], self.kind)) | config.cli_vars
        return fill(group, given.get(f"kindred__{group}") or {})

    def sql(self, macro: str, **arguments: str) -> str:
        """What one of kindred's macros renders for this warehouse."""
        text = self.adapter.execute_macro(macro, macro_resolver=self.manifest, project="kindred", kwargs=arguments)
        return str(text).strip()


def described(places: Mapping[str, Place], model: str) -> str:
    """The table of a model, by its place. Errors: RuntimeError where there is none."""
    if model not in places:
        raise RuntimeError(
            f"the project has no table {model} with these settings. Give the variables of the build (--vars), or "
            "set them in dbt_project.yml and run `dbt build`; for experiments that is kindred__tables, experiments"
        )
    return ".".join(places[model])


def as_dicts(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows as dicts of these names; dbt reads every number as a decimal, which they have as int or float."""
    return [dict(zip(columns, map(as_number, row), strict=True)) for row in rows]


def as_number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def quoted(text: object) -> str:
    """A text or path as it stands between the quotes of a literal."""
    return str(text).replace("'", "''")

"""kindred once a day on Dagster: every model is an asset with its lineage, every dbt test an asset check.

Dagster and dbt share one environment: pip install dagster==1.13.27 dagster-dbt==0.29.27 -r requirements.txt
"""

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster_dbt import DagsterDbtProjectPreparer, DbtCliResource, DbtProject, dbt_assets

STEPS = os.environ.get("KINDRED_STEPS", str(Path(__file__).resolve().parents[1] / "steps.sh"))
# A folder of its own for the build would be one that `kindred forget` doesn't know.
TARGET = "target"

project = DbtProject(project_dir=Path(os.environ.get("KINDRED_PROJECT", ".")).resolve(), target_path=TARGET)
# `kindred forget` deletes the manifest with all else that dbt rendered.
if not project.manifest_path.exists():
    DagsterDbtProjectPreparer().prepare(project)


def run_step(step: str) -> None:
    """Raises where the step fails; what it says is in the run's log."""
    # dagster-dbt writes dbt's log beside what it renders.
    subprocess.run([STEPS, step], check=True, env=os.environ | {"DBT_TARGET_PATH": TARGET, "DBT_LOG_PATH": TARGET})


@contextmanager
def one_writer() -> Iterator[None]:
    """The lock of steps.sh."""
    path = Path(project.project_dir) / (os.environ.get("KINDRED_DUCKDB_PATH", "kindred.duckdb") + ".lock")
    with open(path, "a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise dg.Failure(f"another run is at work on {path}: nothing was built", allow_retries=True) from None
        yield


@dbt_assets(manifest=project.manifest_path, project=project, name="kindred")
def tables(context: dg.AssetExecutionContext, dbt: DbtCliResource):
    run_step("land")
    run_step("forget")
    command = ["build", "--exclude-resource-type", "unit_test"]
    command += ["--vars", "{kindred__folds: [live], kindred__train: when_due}"]
    with one_writer():
        yield from dbt.cli(command, context=context, target_path=Path(TARGET)).stream()
    run_step("check")


daily = dg.define_asset_job(
    "kindred_daily", selection=dg.AssetSelection.assets(tables), tags={"dagster/max_retries": 1}
)

defs = dg.Definitions(
    assets=[tables],
    jobs=[daily],
    schedules=[dg.ScheduleDefinition(job=daily, cron_schedule="15 4 * * *")],
    resources={"dbt": DbtCliResource(project_dir=project)},
)

"""kindred once a day by Cosmos: dbt's target, profile and run as Airflow knows them from other dbt projects.

Prefer kindred_dag.py. This one is for those who run their other dbt projects by Cosmos.

The build is one task, not Cosmos' DbtDag with one task for each model: tables of a build share its run_id, which is
dbt's own id of one command; functions are nodes that Cosmos 1.15 doesn't run; and more than a hundred tasks would each
start dbt again and wait for the one DuckDB file. Cosmos sends usage figures to its maker unless the environment has
AIRFLOW__COSMOS__ENABLE_TELEMETRY=False.
"""

import os
from datetime import timedelta
from pathlib import Path

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG
from cosmos import ProfileConfig
from cosmos.constants import InvocationMode
from cosmos.operators.local import DbtBuildLocalOperator

STEPS = os.environ.get("KINDRED_STEPS", str(Path(__file__).resolve().parents[1] / "steps.sh"))
RETRY_MINUTES = float(os.environ.get("KINDRED_RETRY_MINUTES", 10))
# Cosmos runs dbt in a copy of the project: KINDRED_DUCKDB_PATH has to be an absolute path.
PROJECT = Path(os.environ.get("KINDRED_PROJECT", "/srv/shop"))
DBT = Path(os.environ.get("KINDRED_VENV", "/srv/kindred/.venv")) / "bin/dbt"

with DAG(
    dag_id="kindred_cosmos",
    schedule="15 4 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    catchup=False,
    # steps.sh has its lock for the other tasks; during this build DuckDB's own lock of the file keeps others out.
    max_active_runs=1,
    max_active_tasks=1,
    default_args={"retries": 1, "retry_delay": timedelta(minutes=RETRY_MINUTES)},
    tags=["kindred"],
):
    land, forget, check = (
        BashOperator(task_id=step, bash_command=f"{STEPS} {step} ", append_env=True)
        for step in ("land", "forget", "check")
    )
    build = DbtBuildLocalOperator(
        task_id="build",
        project_dir=str(PROJECT),
        profile_config=ProfileConfig(
            profile_name=os.environ.get("KINDRED_PROFILE", "kindred"),
            target_name=os.environ.get("DBT_TARGET", "duckdb"),
            profiles_yml_filepath=PROJECT / "profiles.yml",
        ),
        # dbt of its own environment, in a process of its own.
        dbt_executable_path=str(DBT),
        invocation_mode=InvocationMode.SUBPROCESS,
        install_deps=False,
        append_env=True,
        dbt_cmd_flags=["--exclude-resource-type", "unit_test"],
        vars={"kindred__folds": ["live"], "kindred__train": "when_due"},
        # `kindred forget` erases what dbt rendered in the project's target folder, not in Airflow's database.
        should_store_compiled_sql=False,
    )
    land >> forget >> build >> check

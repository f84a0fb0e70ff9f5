"""kindred once a day on Airflow 3: the four steps as tasks.

Airflow and dbt pin the same libraries differently: dbt and kindred have an environment of their own, KINDRED_VENV. The
tasks take it and everything else from the environment of the worker, see ../steps.sh. All of them need the machine
that has the DuckDB file.
"""

import os
from datetime import timedelta
from pathlib import Path

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

STEPS = os.environ.get("KINDRED_STEPS", str(Path(__file__).resolve().parents[1] / "steps.sh"))
RETRY_MINUTES = float(os.environ.get("KINDRED_RETRY_MINUTES", 10))

with DAG(
    dag_id="kindred",
    schedule="15 4 * * *",
    start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
    # A build always takes all there is: days that were missed need no runs of their own.
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=RETRY_MINUTES)},
    tags=["kindred"],
):
    land, forget, build, check = (
        # The script's path ends with a blank: Airflow takes a command that ends with .sh for the path of a template.
        BashOperator(task_id=step, bash_command=f"{STEPS} {step} ", append_env=True)
        for step in ("land", "forget", "build", "check")
    )
    # A gate that stopped a build stops the same build again: once more is for what passes, such as a file in use.
    build.retries = 1
    # What is wrong here gets no better by itself.
    check.retries = 0
    land >> forget >> build >> check

"""examples/orchestration: its files are well-formed, its script does what they rely on, and Airflow, Dagster and the
container's environment really build a small shop.
"""

import contextlib
import fcntl
import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from conftest import REPOSITORY, copy_package, hourly_variables

from kindred import cli
from kindred.settings import GROUPS

EXAMPLES = REPOSITORY / "examples/orchestration"
SCRIPT = EXAMPLES / "steps.sh"
STEPS = ["land", "forget", "build", "check"]
BUSY = 75
AIRFLOW = ["apache-airflow==3.3.2", "astronomer-cosmos==1.15.1"]
DAGSTER = ["dagster==1.13.27", "dagster-dbt==0.29.27"]
MANIFESTS = sorted((EXAMPLES / "kubernetes").glob("*.yaml"))
DAILY = "{kindred__folds: [live], kindred__train: when_due}"
BUILD = ["dbt", "build", "--exclude-resource-type", "unit_test"]
UNWRITTEN = ["--no-write-json", "--log-level-file", "none"]


def makefile_recipe(target):
    """The recipe of one of the Makefile's targets, as one line."""
    text = (REPOSITORY / "Makefile").read_text(encoding="utf-8").split(f"\n{target}:")[1].split("\n\n")[0]
    return " ".join(text.replace("\\\n", " ").split())


def run(*command, environment, folder=None, timeout=900):
    """A command with no setting of dbt, kindred or Airflow but these; returns it with its whole output as stdout."""
    prefixes = ("DBT_", "KINDRED_", "AIRFLOW_", "DAGSTER_")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)} | environment
    return subprocess.run(
        [str(part) for part in command],
        env=environment,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
    )


# The script, with commands that only write down how they were called ------------------------------------------------


class Desk:
    """A project folder, and commands named dbt and kindred that note their arguments and do as they are told."""

    def __init__(self, folder):
        self.bin, self.project, self.calls = folder / "venv/bin", folder / "shop", folder / "calls"
        self.bin.mkdir(parents=True)
        self.project.mkdir()
        self.lock = self.project / "kindred.duckdb.lock"
        self.tell("dbt", "")
        self.tell("kindred", f"[ $1 != releases ] || cat {folder / 'releases'}")
        self.releases = folder / "releases"
        self.show_release(age_hours=1)

    def tell(self, command, text):
        path = self.bin / command
        path.write_text(f'#!/bin/bash\necho {command} "${{@@Q}}" >> {self.calls}\n{text}\n', encoding="utf-8")
        path.chmod(0o755)

    def show_release(self, age_hours):
        """What `kindred releases` prints, by its own code."""
        made = datetime.now(UTC) - timedelta(hours=age_hours)
        release = {"n_lists": 7, "as_of": "2026-11-28 00:00:00", "generated_at": f"{made:%Y-%m-%d %H:%M:%S}"}
        release |= {"expires_at": f"{made + timedelta(hours=48):%Y-%m-%d %H:%M:%S}"}
        releases = [
            release | {"release_id": "new"},
            release | {"release_id": "old", "generated_at": "2020-01-01 00:00:00"},
        ]
        self.releases.write_text("\n".join(cli.describe(releases, "new", None)), encoding="utf-8")

    def steps(self, *arguments, **environment):
        given = {"KINDRED_PROJECT": str(self.project), "KINDRED_VENV": str(self.bin.parent)} | environment
        return run(SCRIPT, *arguments, environment=given)

    def called(self):
        """The commands that ran, each a list of its words, and none of them after."""
        lines = self.calls.read_text(encoding="utf-8").splitlines() if self.calls.exists() else []
        self.calls.unlink(missing_ok=True)
        return [shlex.split(line) for line in lines]


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path)


def test_steps__is_a_script(desk):
    assert run("bash", "-n", SCRIPT, environment={}).returncode == 0
    assert os.access(SCRIPT, os.X_OK)


@pytest.mark.parametrize("arguments", [[], ["publish"], ["all", "--target", "prod"]])
def test_steps__refuses_what_it_does_not_know(desk, arguments):
    done = desk.steps(*arguments)
    assert done.returncode == 2 and desk.called() == []
    assert "steps.sh: " in done.stdout and (arguments[:1] == ["all"] or ", ".join(STEPS) in done.stdout)


def test_steps__says_what_is_missing(desk):
    (desk.bin / "kindred").unlink()
    done = run(SCRIPT, "build", environment={"KINDRED_PROJECT": str(desk.project), "PATH": f"{desk.bin}:/usr/bin:/bin"})
    assert done.returncode == 2 and "kindred is not in PATH: KINDRED_VENV names" in done.stdout
    done = desk.steps("build", KINDRED_PROJECT="/nowhere")
    assert done.returncode == 2 and "/nowhere" in done.stdout


def test_steps__all_is_the_four_in_order(desk):
    done = desk.steps("all", KINDRED_BROKERS="one:9092,two:9092", KINDRED_KAFKA_CONFIG="/secret")
    assert done.returncode == 0, done.stdout
    called = desk.called()
    land = ["kindred", "land", "kafka", "--brokers", "one:9092,two:9092", "--topic", "events", "--folder", "landing"]
    no_tests = ["--exclude-resource-type", "test", "unit_test"]
    assert called == [
        [*land, "--config", "/secret"],
        ["dbt", "--quiet", "build", *no_tests, "--select", "+kindred.erasure.forgotten_ids"],
        ["kindred", "forget"],
        [*BUILD, *UNWRITTEN, "--vars", DAILY],
        ["kindred", "releases"],
    ]
    for command in called:
        if command[0] == "kindred":
            cli.make_parser().parse_args(command[1:])
    assert shlex.join(called[3]) in makefile_recipe("daily")


def test_steps__hourly_is_what_the_makefile_builds(desk):
    done = desk.steps("hourly", KINDRED_BROKERS="one:9092")
    assert done.returncode == 0, done.stdout
    land, build = desk.called()
    assert land[:3] == ["kindred", "land", "kafka"]
    arguments = ["dbt", "build", "--selector", "hourly", "--target-path", "target/hourly", *UNWRITTEN, "--vars"]
    assert build[:-1] == arguments
    assert yaml.safe_load(build[-1]) == hourly_variables()
    assert shlex.join(arguments) in makefile_recipe("hourly")
    assert desk.steps("hourly", "--target", "prod", DBT_TARGET_PATH="/warehouse/target").returncode == 0
    [build] = desk.called()
    assert build[5] == "/warehouse/target/hourly" and build[-2:] == ["--target", "prod"]


def test_steps__land_does_what_there_is(desk):
    done = desk.steps("land")
    assert done.returncode == 0 and desk.called() == [] and "no stream" in done.stdout
    assert desk.steps("land", KINDRED_LANDING="/landing").returncode == 0
    [command] = desk.called()
    assert command == ["kindred", "land", "files", "--folder", "/landing"]
    cli.make_parser().parse_args(command[1:])


def test_steps__what_is_given_comes_last(desk):
    replay = ["--vars", '{kindred__as_of: "2026-05-01"}']
    assert desk.steps("build", *replay).returncode == 0
    assert desk.called() == [[*BUILD, *UNWRITTEN, "--vars", DAILY, *replay]]


@pytest.mark.parametrize(("failing", "n_calls"), [("land", 1), ("forget", 3), ("build", 4)])
def test_steps__a_step_that_fails_ends_the_run_with_its_code(desk, failing, n_calls):
    command = "dbt" if failing == "build" else "kindred"
    desk.tell(command, f'[ "$1" != {failing} ] || exit 3')
    done = desk.steps("all", KINDRED_BROKERS="one:9092")
    assert done.returncode == 3 and len(desk.called()) == n_calls


def test_steps__packages_are_installed_once(desk):
    (desk.project / "packages.yml").touch()
    assert desk.steps("build").returncode == 0
    assert desk.called()[0] == ["dbt", "deps"]
    (desk.project / "dbt_packages").mkdir()
    assert desk.steps("build").returncode == 0
    assert len(desk.called()) == 1


def test_steps__one_writer(desk):
    desk.lock.touch()
    with open(desk.lock) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for step in (*STEPS[:3], "hourly", "all"):
            done = desk.steps(step)
            assert done.returncode == BUSY and desk.called() == []
            assert "another run is at work on kindred.duckdb.lock: nothing was done" in done.stdout
        # This one writes nothing.
        assert desk.steps("check").returncode == 0
    assert desk.steps("build").returncode == 0
    desk.called()
    # While its dbt is at work a run holds the lock, which stands beside the DuckDB file.
    desk.tell("dbt", f"{SCRIPT} forget; echo inner $?")
    done = desk.steps("build", KINDRED_DUCKDB_PATH=str(desk.project.parent / "data.duckdb"))
    assert done.returncode == 0 and f"inner {BUSY}" in done.stdout
    assert (desk.project.parent / "data.duckdb.lock").exists()


def test_steps__check_fails_where_nothing_new_is_read(desk):
    assert desk.steps("check").returncode == 0
    desk.show_release(age_hours=27)
    done = desk.steps("check")
    assert done.returncode == 1 and "older than 26 hours" in done.stdout and "* new" in done.stdout
    assert desk.steps("check", KINDRED_MAX_AGE_HOURS="28").returncode == 0
    assert desk.steps("check", KINDRED_MAX_AGE_HOURS="soon").returncode == 1
    desk.called()
    assert desk.steps("check", KINDRED_MAX_AGE_HOURS="off").returncode == 0 and desk.called() == []
    desk.releases.write_text("/releases has no release", encoding="utf-8")
    done = desk.steps("check")
    assert done.returncode == 1 and "apps read no release" in done.stdout
    desk.tell("kindred", "echo no folder; exit 1")
    assert desk.steps("check").returncode == 1


# cron ---------------------------------------------------------------------------------------------------------------


def read_crontab():
    """(the environment, the five fields, the command)"""
    lines = [line for line in (EXAMPLES / "crontab").read_text(encoding="utf-8").splitlines() if line[:1] != "#"]
    environment = dict(line.split("=", 1) for line in lines if re.match(r"\w+=", line))
    [entry] = [line for line in lines if not re.match(r"\w+=", line)]
    *fields, command = entry.split(None, 5)
    return environment, fields, command


def test_crontab__is_one_line_that_calls_all_steps():
    environment, fields, command = read_crontab()
    for field, (first, last) in zip(fields, [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)], strict=True):
        assert field == "*" or first <= int(field) <= last
    # cron makes a line break of it.
    assert "%" not in command
    assert "/srv/kindred/examples/orchestration/steps.sh all " in command
    assert {"KINDRED_PROJECT", "KINDRED_VENV", "KINDRED_DUCKDB_PATH", "MAILTO"} == set(environment)


def test_crontab__mails_what_failed_and_nothing_else(desk):
    _, _, command = read_crontab()
    command = command.replace("/srv/kindred/examples/orchestration/steps.sh", str(SCRIPT))
    environment = {"KINDRED_PROJECT": str(desk.project), "KINDRED_VENV": str(desk.bin.parent)}
    done = run("/bin/sh", "-c", command, environment=environment)
    assert (done.returncode, done.stdout) == (0, "") and len(desk.called()) == 4
    desk.tell("dbt", "[ $1 != build ] || { echo kindred: gate people stopped publication; exit 1; }")
    done = run("/bin/sh", "-c", command, environment=environment)
    assert done.returncode == 1 and "gate people stopped publication" in done.stdout


# Kubernetes ---------------------------------------------------------------------------------------------------------


def read_manifests():
    """{(kind, name): manifest}"""
    documents = [one for path in MANIFESTS for one in yaml.safe_load_all(path.read_text(encoding="utf-8"))]
    return {(one["kind"], one["metadata"]["name"]): one for one in documents}


def pods():
    """{name: (labels, specification)} of the pods that the manifests start"""
    manifests = read_manifests()
    job = manifests["CronJob", "kindred"]["spec"]["jobTemplate"]["spec"]["template"]
    serving = manifests["Deployment", "kindred-serving"]["spec"]["template"]
    return {name: (pod["metadata"]["labels"], pod["spec"]) for name, pod in (("job", job), ("serving", serving))}


def in_bytes(text):
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi|)", text).groups()
    return int(number) * {"Mi": 2**20, "Gi": 2**30, "": 1}[unit]


@pytest.mark.parametrize("manifest", read_manifests().values(), ids="-".join(["{}"]).format)
def test_kubernetes__manifests_are_valid(manifest):
    version = kubernetes_validate.latest_version()
    kubernetes_validate.validate(manifest, version, strict=True)
    # What isn't known is an error, not left out.
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest | {"concurrencyPolicy": "Forbid"}, version, strict=True)


def test_kubernetes__one_writer_that_is_not_started_over_and_over():
    cron = read_manifests()["CronJob", "kindred"]["spec"]
    assert cron["concurrencyPolicy"] == "Forbid" and cron["jobTemplate"]["spec"]["backoffLimit"] <= 1
    assert pods()["job"][1]["restartPolicy"] == "Never"
    assert read_manifests()["PersistentVolumeClaim", "kindred-warehouse"]["spec"]["accessModes"] == ["ReadWriteOnce"]


@pytest.mark.parametrize("name", ["job", "serving"])
def test_kubernetes__pods_have_no_rights_and_say_what_they_need(name):
    _, pod = pods()[name]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True and pod["securityContext"]["runAsUser"] == 10001
    [container] = pod["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    requests, limits = container["resources"]["requests"], container["resources"]["limits"]
    assert {"cpu", "memory"} <= set(requests) and set(requests) == set(limits)
    assert all(in_bytes(requests[what]) <= in_bytes(limits[what]) for what in requests)
    # Everything that is mounted is there, and the claims are among the manifests.
    volumes = {one["name"]: one for one in pod["volumes"]}
    assert {one["name"] for one in container["volumeMounts"]} == set(volumes)
    claims = {one["persistentVolumeClaim"]["claimName"] for one in volumes.values() if "emptyDir" not in one}
    assert {("PersistentVolumeClaim", claim) for claim in claims} <= set(read_manifests())


def test_kubernetes__job_writes_to_its_volumes_alone():
    [container] = pods()["job"][1]["containers"]
    assert container["command"] == ["steps.sh", "all"]
    environment = {one["name"]: one["value"] for one in container["env"]}
    written = [
        "KINDRED_DUCKDB_PATH",
        "KINDRED_TEMP_DIRECTORY",
        "KINDRED_SERVING_PATH",
        "DBT_TARGET_PATH",
        "DBT_LOG_PATH",
    ]
    mounts = [one["mountPath"] for one in container["volumeMounts"]]
    for name in written:
        assert any(Path(environment[name]).is_relative_to(mount) for mount in mounts), name
    documented = (REPOSITORY / "docs/settings.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in documented for name in environment if name.startswith("KINDRED_"))


def test_kubernetes__serving_reads_releases_alone_and_is_found():
    labels, pod = pods()["serving"]
    [container] = pod["containers"]
    assert container["command"][0] == "kindred"
    given = cli.make_parser().parse_args(container["command"][1:])
    assert given.command == "serve" and given.host == "0.0.0.0"
    mounts = {one["name"]: one for one in container["volumeMounts"]}
    assert mounts["releases"]["readOnly"] is True and given.folder == mounts["releases"]["mountPath"]
    assert "kindred-warehouse" not in json.dumps(pod)
    [port] = container["ports"]
    assert port["containerPort"] == given.port
    manifests = read_manifests()
    service = manifests["Service", "kindred-serving"]["spec"]
    assert service["selector"].items() <= labels.items() and service["ports"][0]["targetPort"] == port["name"]
    policy = manifests["NetworkPolicy", "kindred-serving"]["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    affinity = pods()["job"][1]["affinity"]["podAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0]
    assert affinity["labelSelector"]["matchLabels"].items() <= labels.items()
    # The job's own pods are no servers.
    assert not service["selector"].items() <= pods()["job"][0].items()


# The container -------------------------------------------------------------------------------------------------------


def read_containerfile():
    """[[(instruction, its words), ...] of each stage]"""
    text = (REPOSITORY / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    stages = []
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        instruction, rest = line.split(None, 1)
        if instruction == "FROM":
            stages.append([])
        stages[-1].append((instruction, rest.strip()))
    return stages


def copied(stage):
    """[(paths in the repository, where to)] of a stage"""
    words = [rest.split() for instruction, rest in stage if instruction == "COPY" and not rest.startswith("--from")]
    return [(sources, target) for *sources, target in words]


def test_containerfile__is_clean():
    checked = run(
        Path(sys.executable).parent / "hadolint",
        "--failure-threshold",
        "info",
        REPOSITORY / "Containerfile",
        environment={},
    )
    assert checked.returncode == 0, checked.stdout


def test_containerfile__has_what_it_names():
    environment, final = read_containerfile()
    allowed = [line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    sources = [source for stage in (environment, final) for sources, _ in copied(stage) for source in sources]
    assert sorted(sources) == sorted(allowed)
    for source in sources:
        assert (REPOSITORY / source).exists(), source
    # pip reads files that were copied before.
    seen = set()
    for instruction, rest in environment:
        if instruction == "COPY":
            seen |= set(rest.split()[:-1])
        for name in re.findall(r"-r (\S+)", rest) if instruction == "RUN" else []:
            assert name in seen, name
    assert {"requirements.txt", "requirements-serving.txt"} <= seen


def test_containerfile__runs_as_nobody_special():
    _, final = read_containerfile()
    assert [rest for instruction, rest in final if instruction == "USER"] == ["10001:10001"]
    assert ("CMD", '["steps.sh", "all"]') in final
    needed = {"dbt_project.yml", "profiles.yml", "macros", "models", "python_models", "functions", "seeds", "tests"}
    assert needed <= {source for sources, _ in copied(final) for source in sources}


# What the documents say ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("document", ["docs/orchestration.md", "examples/orchestration/README.md"])
def test_documents__link_to_what_there_is(document):
    path = REPOSITORY / document
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text)
    assert links and all((path.parent / link).exists() for link in links if "://" not in link)
    names = {line.split()[1] for line in SCRIPT.read_text(encoding="utf-8").splitlines() if line[:10] == "# KINDRED_"}
    known = names | {"KINDRED_DUCKDB_PATH", "KINDRED_MEMORY_LIMIT", "KINDRED_SERVING_PATH", "KINDRED_TEMP_DIRECTORY"}
    known |= {"KINDRED_STEPS", "KINDRED_RETRY_MINUTES", "KINDRED_PROFILE"}
    assert set(re.findall(r"KINDRED_\w+", text)) <= known
    assert {name for name in re.findall(r"kindred__(\w+)", text)} <= {*GROUPS, "as_of", "folds", "train"}


def test_dags__have_the_pins_of_these_tests():
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert all(pin in text for pin in (*AIRFLOW, *DAGSTER))


# For real -----------------------------------------------------------------------------------------------------------


def make_venv(folder, *arguments):
    """An environment with these arguments of pip install."""
    subprocess.run([os.path.realpath(sys.executable), "-m", "venv", folder], check=True)
    install = ["pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run([folder / "bin/python", "-m", *install], check=True, cwd=REPOSITORY)
    return folder


def copy_python_package(folder):
    """The Python package alone: pip writes beside what it builds."""
    folder.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPOSITORY / name, folder)
    shutil.copytree(REPOSITORY / "src", folder / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    return folder


class TeaShop:
    """The consumer project of integration_tests, in which one customer asked to be forgotten."""

    def __init__(self, folder):
        self.project = copy_package(folder / "kindred", "integration_tests") / "integration_tests"
        self.data = folder / "data"
        self.data.mkdir()
        clicks = (self.project / "seeds/clicks.csv").read_text(encoding="utf-8").splitlines()
        self.forgotten = clicks[1].split(",")[clicks[0].split(",").index("customer_number")]
        requests = f"identity_id,requested_at\n{self.forgotten},2026-04-01 00:00:00\n"
        (self.project / "seeds/requests.csv").write_text(requests, encoding="utf-8")
        self.change("users: shop_customers}", "users: shop_customers, erasures: requests}")
        self.environment = {
            "KINDRED_PROJECT": str(self.project),
            "KINDRED_VENV": str(Path(sys.executable).parents[1]),
            "KINDRED_DUCKDB_PATH": str(self.data / "tea.duckdb"),
            "KINDRED_TEMP_DIRECTORY": str(self.data / "temp"),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def change(self, old, new):
        path = self.project / "dbt_project.yml"
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    @contextlib.contextmanager
    def a_gate_that_stops(self):
        """The seeds are older than a day."""
        self.change("{stale_data: off}", "{stale_data: off, data_age: 1}")
        yield "gate data_age stopped publication"
        self.change("{stale_data: off, data_age: 1}", "{stale_data: off}")

    def releases(self):
        return sorted(path.stem for path in (self.data / "tea_serving/releases").glob("*.sqlite"))

    def people(self):
        with contextlib.closing(sqlite3.connect(self.data / "tea_serving/current.sqlite")) as connection:
            return {person for (person,) in connection.execute("select user_id from lists")}


@pytest.fixture(scope="module")
def airflow(tmp_path_factory):
    """(Airflow as a function of its arguments that returns how it ended, the shop)"""
    folder = tmp_path_factory.mktemp("airflow")
    venv = make_venv(folder / "venv", *AIRFLOW)
    shop = TeaShop(folder)
    environment = shop.environment | {
        "AIRFLOW_HOME": str(folder / "home"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(EXAMPLES / "airflow"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__COSMOS__ENABLE_TELEMETRY": "False",
        "KINDRED_PROFILE": "tea_shop",
        "KINDRED_RETRY_MINUTES": "0",
    }

    def call(*arguments):
        return run(venv / "bin/airflow", *arguments, environment=environment, folder=folder)

    migrated = call("db", "migrate")
    assert migrated.returncode == 0, migrated.stdout
    return call, shop


def started(output):
    """The tasks that Airflow started, in order."""
    return re.findall(r"starting task_id=(\w+)", output)


@pytest.mark.slow
@pytest.mark.parametrize("dag", ["kindred", "kindred_cosmos"])
def test_airflow__builds_and_publishes(airflow, dag):
    call, shop = airflow
    before = shop.releases()
    done = call("dags", "test", dag)
    assert done.returncode == 0, done.stdout
    assert started(done.stdout) == STEPS
    assert len(set(shop.releases()) - set(before)) == 1
    people = shop.people()
    assert len(people) == 47 and shop.forgotten not in people


@pytest.mark.slow
@pytest.mark.parametrize("dag", ["kindred", "kindred_cosmos"])
def test_airflow__a_gate_that_stops_fails_the_run(airflow, dag):
    call, shop = airflow
    before = shop.releases()
    assert before
    with shop.a_gate_that_stops() as message:
        done = call("dags", "test", dag)
    assert done.returncode != 0 and message in done.stdout
    # Once more, and nothing after it.
    assert started(done.stdout) == ["land", "forget", "build", "build"]
    assert shop.releases() == before


DAGSTER_SCRIPT = """
import importlib.util, sys
import dagster
specification = importlib.util.spec_from_file_location("definitions", sys.argv[1])
module = importlib.util.module_from_spec(specification)
specification.loader.exec_module(module)
[schedule] = module.defs.schedules
job = module.defs.resolve_job_def(schedule.job_name)
with dagster.DagsterInstance.ephemeral() as instance:
    result = job.execute_in_process(instance=instance, raise_on_error=False)
made = {"/".join(event.asset_key.path) for event in result.get_asset_materialization_events()}
has_releases = "releases" in {name.split("/")[-1] for name in made}
print("made", len(made), has_releases, len(result.get_asset_check_evaluations()))
sys.exit(not result.success)
"""


@pytest.mark.slow
def test_dagster__every_model_is_an_asset_and_a_gate_fails_the_run(tmp_path):
    package = copy_python_package(tmp_path / "package")
    venv = make_venv(tmp_path / "venv", *DAGSTER, "-r", "requirements.txt")
    subprocess.run([venv / "bin/pip", "install", "--quiet", "--no-deps", package], check=True)
    shop = TeaShop(tmp_path)
    path = f"{venv / 'bin'}:{os.environ['PATH']}"
    environment = shop.environment | {"KINDRED_VENV": str(venv), "PATH": path, "DAGSTER_DISABLE_TELEMETRY": "1"}
    command = [venv / "bin/python", "-c", DAGSTER_SCRIPT, EXAMPLES / "dagster/definitions.py"]

    done = run(*command, environment=environment, folder=tmp_path)
    assert done.returncode == 0, done.stdout
    [(n_assets, has_releases, n_checks)] = re.findall(r"^made (\d+) (\w+) (\d+)$", done.stdout, flags=re.MULTILINE)
    assert int(n_assets) > 150 and has_releases == "True" and int(n_checks) > 80
    releases = shop.releases()
    assert len(releases) == 1 and shop.forgotten not in shop.people()
    # dbt's artifacts lie where `kindred forget` erases them.
    assert (shop.project / "target/run_results.json").exists()
    assert not [path for path in (shop.project / "target").iterdir() if path.name.startswith("kindred-")]

    with open(shop.environment["KINDRED_DUCKDB_PATH"] + ".lock", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = run(*command, environment=environment, folder=tmp_path)
    assert done.returncode != 0 and "another run is at work" in done.stdout

    with shop.a_gate_that_stops() as message:
        done = run(*command, environment=environment, folder=tmp_path)
    assert done.returncode != 0 and message in done.stdout
    assert shop.releases() == releases


@pytest.mark.slow
def test_containerfile__its_environment_builds_the_sample_shop(tmp_path):
    """The RUN lines of the first stage in a folder of their own, then the job of cronjob.yaml, without the container.

    The second stage installs a library of the system and adds a user: that isn't replayed.
    """
    environment, final = read_containerfile()
    venv, source, project, volumes = (tmp_path / name for name in ("venv", "source", "kindred", "volumes"))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").symlink_to(os.path.realpath(sys.executable))
    path = f"{tmp_path / 'bin'}:/usr/bin:/bin"
    source.mkdir()
    ignored = shutil.ignore_patterns("*.egg-info", "__pycache__", "python")

    def copy(sources, folder, target):
        for name in sources:
            to = folder / (target if len(sources) == 1 and target != "./" else name)
            if (REPOSITORY / name).is_dir():
                shutil.copytree(REPOSITORY / name, to, ignore=ignored)
            else:
                shutil.copy(REPOSITORY / name, to)

    for instruction, rest in environment:
        if instruction == "COPY":
            *sources, target = rest.split()
            copy(sources, source, target)
        elif instruction == "RUN":
            line = rest.replace("/opt/kindred", str(venv))
            done = run("/bin/sh", "-c", line, environment={"PATH": path}, folder=source)
            assert done.returncode == 0, done.stdout
    # With its base (Debian and Python, about 130 MB) the image is to have at most 1.2 GB.
    size = sum(file.stat().st_size for file in venv.rglob("*") if file.is_file() and not file.is_symlink())
    assert size < 1_050_000_000, size

    project.mkdir()
    for sources, target in copied(final):
        if not target.startswith("/"):
            copy(sources, project, target)
    for name in ("warehouse", "releases", "tmp"):
        (volumes / name).mkdir(parents=True)
    [container] = pods()["job"][1]["containers"]
    given = {one["name"]: re.sub("^/", f"{volumes}/", one["value"]) for one in container["env"]}
    given |= {"PATH": f"{venv}/bin:{path}", "TMPDIR": str(volumes / "tmp"), "HOME": str(volumes / "tmp")}
    before = sorted(project.rglob("*"))
    done = run(SCRIPT, *container["command"][1:], environment=given, folder=project)
    assert done.returncode == 0, done.stdout
    assert (volumes / "releases/current.sqlite").exists()
    # The container's own files can't be written.
    assert sorted(project.rglob("*")) == before

    # A backfill publishes nothing.
    releases = sorted((volumes / "releases/releases").iterdir())
    done = run(SCRIPT, "build", "--vars", '{kindred__as_of: "2026-05-20"}', environment=given, folder=project)
    assert done.returncode == 0, done.stdout
    assert "nothing is published: a replay of another day" in " ".join(done.stdout.split())
    assert sorted((volumes / "releases/releases").iterdir()) == releases

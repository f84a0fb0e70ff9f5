"""Exposures change nothing that lists are made of, and without experiments nothing is looked for."""

import json

import duckdb
import pytest
from conftest import EXPERIMENTS, INPUTS, Shop

from kindred import cli
from kindred.experiments import report

# Whole shops are built.
pytestmark = pytest.mark.slow

# What says when and in which run a row was written.
OF_THE_RUN = {"run_id", "list_id", "generated_at", "expires_at", "started_at", "seconds", "valid_from", "as_of_run"}
# Counts of raw events; what tells of the run itself.
OF_EXPOSURES = {"event_counts"}
OF_THE_BUILD = {"builds", "releases", "publish_gates", "forgotten_key"}


@pytest.fixture(scope="module")
def shops(sample_shop, tmp_path_factory):
    """The sample shop as its tables, and the same with an exposure of every tenth person and of strangers."""
    found = []
    for name in ("plain", "exposed"):
        shop = Shop(tmp_path_factory.mktemp(name))
        with duckdb.connect(shop.database) as connection:
            connection.execute(f"attach '{sample_shop.database}' as sample (read_only); create schema raw")
            for one in ("events", "items", "users", "consents"):
                connection.execute(f"create table raw.{one} as from sample.sample_{one}")
                shop.tables.append(one)
            if name == "exposed":
                columns = [row[0] for row in connection.execute("describe raw.events").fetchall()]
                given = {
                    "event_id": "concat('x', i)",
                    "user_id": "concat(case when i % 2 = 0 then 'u' else 'new' end, lpad((i * 5)::varchar, 4, '0'))",
                    "anonymous_id": "concat('device', i % 7)",
                    "event_type": "'exposure'",
                    "occurred_at": "case when i % 3 = 0 then '2026-05-31 23:59:59' else '2026-04-01 12:00:00' end",
                    "properties": """'{"experiment": "none", "arm": "b"}'""",
                }
                select = ", ".join(f"{given.get(column, 'null')} as {column}" for column in columns)
                connection.execute(f"insert into raw.events select {select} from range(1, 200) t(i)")
        found.append(shop.build(tables=EXPERIMENTS))
    assert set(shop.tables) <= set(INPUTS)
    return found


def test_exposures_change_no_list_and_nothing_it_is_made_of(shops):
    plain, exposed = shops
    assert exposed.value("select count(*) from exposure_events") == 199
    with duckdb.connect(plain.database, read_only=True) as connection:
        connection.execute(f"attach '{exposed.database}' as other (read_only)")
        tables = connection.execute("""
            select table_name, list(column_name order by column_name) from information_schema.columns
            where table_schema = 'main' and table_catalog = 'shop' group by table_name
        """).fetchall()
        differing = set()
        for table, columns in tables:
            kept = ", ".join(f"{column}::varchar" for column in columns if column not in OF_THE_RUN)
            if table in OF_THE_BUILD or not kept:
                continue
            mine, theirs = f"select {kept} from {table}", f"select {kept} from other.{table}"
            if connection.execute(
                f"({mine} except all {theirs}) union all ({theirs} except all {mine}) limit 1"
            ).fetchall():
                differing.add(table)
    views = {"checked_events", "typed_events", "exposure_events"}
    assert len(tables) > 100
    assert differing - views == OF_EXPOSURES


def test_without_experiments_there_is_nothing(shops):
    for table in ("exposures", "experiment_moments", "experiment_results", "experiment_checks", "experiment_plans"):
        assert shops[0].value(f"select count(*) from {table}") == 0, table
    # Exposures of experiments that nobody declared aren't read; a declared one would tell of them.
    assert shops[1].value("select count(*) from shown_arms") == 0


def test_plan_by_hand(capsys):
    """53,000 people an arm for a lift of 5 % of Hillstrom's visits: with n in place of n - 1 in its variance."""
    cli.main(["plan", "--mean", "0.10616727682343", "--lift", "0.05", "--people-per-day", "1000"])
    said = capsys.readouterr().out
    assert said.startswith("105,729 people") and "106 days" in said
    assert report.people_needed(10, 3, 0.05, 0.05, 0.8) == pytest.approx(4 * (2.801585218 * 3 / 0.5) ** 2)
    for arguments in (["--mean", "5", "--lift", "0.1"], ["--mean", "0.5"], ["--mean", "0.5", "--lift", "0"]):
        with pytest.raises(SystemExit, match="kindred: --"):
            cli.main(["plan", *arguments])


def test_results__what_a_terminal_shows():
    experiment = {"experiment_id": "e", "kind": "offer", "stopping": "fixed", "metric": "m", "planned_people": 400}
    experiment |= {"problem": None, "starts_at": None, "ends_at": None}
    assert report.result_lines(experiment | {"problem": "it has one arm"}, [], [], []) == [
        "e can't be used: it has one arm"
    ]
    import datetime

    experiment["starts_at"] = datetime.datetime(2026, 3, 1)
    numbers = {
        "n_control": 200,
        "n": 210,
        "control": 0.1,
        "treatment": 0.12,
        "effect": 0.02,
        "lower": -0.01,
        "upper": 0.05,
    }
    row = numbers | {"day": datetime.date(2026, 3, 9), "arm": "b", "segment_by": "", "segment": "", "metric": "m"}
    row |= {
        "lift": 0.2,
        "p_adjusted": 0.00001,
        "is_guardrail": False,
        "verdict": "invalid",
        "note": "the check srm fails",
    }
    checks = [
        {
            "check_name": "srm",
            "value": 1e-5,
            "bound": 0.001,
            "is_passed": False,
            "is_decisive": True,
            "explanation": "lost",
        },
        {"check_name": "crossed", "value": 0, "bound": 0.01, "is_passed": True, "is_decisive": True, "explanation": ""},
        {
            "check_name": "wrong_arm",
            "value": None,
            "bound": 0.01,
            "is_passed": True,
            "is_decisive": True,
            "explanation": "",
        },
    ]
    problems = [
        {"problem": "nobodys", "source": "event", "n_exposures": 3, "n_people": 0, "explanation": "send user_id"}
    ]
    lines = "\n".join(report.result_lines(experiment, [row], checks, problems))
    assert "0.0200 (-0.0100 to 0.0500)" in lines or "0.02 (-0.01 to 0.05)" in lines
    for text in (
        "+20.0 %",
        "<.0001",
        "invalid",
        "check srm FAILS: lost",
        "checks passed: crossed",
        "judge by: wrong_arm",
    ):
        assert text in lines, text
    assert "3 exposures (event) of 0 people count for nothing, nobodys: send user_id" in lines


def test_results_and_plans_of_a_shop(shops, tmp_path, monkeypatch, capsys):
    """The commands read what was built; of a shop without experiments they say what to do."""
    from conftest import REPOSITORY

    monkeypatch.chdir(REPOSITORY)
    for name, value in {"KINDRED_DUCKDB_PATH": str(shops[0].database), "DBT_PROFILES_DIR": str(REPOSITORY)}.items():
        monkeypatch.setenv(name, value)
    inputs = {"kindred__inputs": {name: f"raw.{name}" for name in shops[0].tables}, "kindred__tables": EXPERIMENTS}
    options = ["--vars", json.dumps(inputs), "--target-path", str(tmp_path), "--log-path", str(tmp_path)]
    cli.main(["results", *options])
    assert "there is no experiment" in capsys.readouterr().out
    with pytest.raises(SystemExit, match="no experiment 'unheard'"):
        cli.main(["results", "unheard", *options])
    with pytest.raises(SystemExit, match="there is no plan"):
        cli.main(["plan", *options])

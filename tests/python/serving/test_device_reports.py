"""What a device reports tells of its person what epsilon allows, and of many people how liked items are."""

import importlib.util
import json
import math
import random
import shutil
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal, getcontext
from fractions import Fraction
from itertools import chain, combinations

import numpy as np
import pytest
from conftest import REPOSITORY, Shop

EXAMPLE = REPOSITORY / "examples/on_device"
ITEMS = ("a", "b", "c")
TASTES = [list(chosen) for chosen in chain.from_iterable(combinations(ITEMS, n) for n in range(4))]
EPSILON = 4
PERIOD = "2026-05"


@pytest.fixture(scope="module")
def device():
    specification = importlib.util.spec_from_file_location("report", EXAMPLE / "report.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def protocol_of(epsilon, n_seeds=256):
    return {"epsilon": epsilon, "n_buckets": max(round(math.exp(epsilon)) + 1, 2), "n_seeds": n_seeds}


def probabilities(make):
    """{outcome: its exact probability} of a function of `below`, by going through all that `below` may give."""
    found, todo = Counter(), [[]]
    while todo:
        given, sizes = todo.pop(), []

        def below(n, given=given, sizes=sizes):
            sizes.append(n)
            return given[len(sizes) - 1] if len(sizes) <= len(given) else 0

        outcome = make(below)
        found[outcome] += math.prod((Fraction(1, n) for n in sizes), start=Fraction(1))
        for place in range(len(given), len(sizes)):
            head = given + [0] * (place - len(given))
            todo += [[*head, value] for value in range(1, sizes[place])]
    return found


@pytest.mark.parametrize("epsilon", [0.5, 1, 2])
def test_no_report_is_likelier_by_more_than_epsilon_says(device, epsilon):
    """Every pair of tastes over three items and every report that can be sent; the bound is reached, so it is tight."""
    parts = 2**9
    protocol = protocol_of(epsilon, n_seeds=3)
    outcomes = [
        probabilities(lambda below, taste=taste: device.randomise(protocol, PERIOD, taste, below, parts))
        for taste in TASTES
    ]
    reports = {(seed, bucket) for seed in range(3) for bucket in range(protocol["n_buckets"])}
    assert all(outcome.keys() == reports and sum(outcome.values()) == 1 for outcome in outcomes)
    worst = max(one[report] / other[report] for one in outcomes for other in outcomes for report in reports)
    assert 0.98 * math.exp(epsilon) < worst <= math.exp(epsilon)


@pytest.mark.parametrize("epsilon", [0.01, 0.5, 1, 2, 4, 8, 10])
def test_the_parts_that_are_kept_are_as_many_as_epsilon_allows(device, epsilon):
    """The ratio of keeping a bucket to taking another one, in 2^32 parts, against exp(epsilon) in 50 digits."""
    getcontext().prec = 50
    protocol = protocol_of(epsilon)
    most = Decimal(epsilon).exp()

    def ratio(kept):
        return Decimal(kept * (protocol["n_buckets"] - 1)) / Decimal(device.PARTS - kept)

    kept = device.kept_parts(protocol)
    assert ratio(kept) <= most < ratio(kept + 1)


def run_javascript(script, given):
    if not shutil.which("node"):
        pytest.skip("node isn't installed")
    head = f"""
        import * as device from {json.dumps((EXAMPLE / "report.mjs").as_uri())};
        import {{ readFileSync }} from "node:fs";
        const given = JSON.parse(readFileSync(0, "utf8"));
    """
    command = ["node", "--input-type=module", "--eval", head + script]
    done = subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_javascript_sends_the_same(device):
    """With the same numbers drawn both send the same; all paths of the first protocol, many of the others."""
    draw = random.Random(1)
    cases = []
    for epsilon in (0.5, 1, 4, 8):
        protocol = protocol_of(epsilon)
        for _ in range(500):
            cases.append(
                [protocol, draw.choice([*TASTES, ["Ä ﬀ 🛒", "i1"]]), [draw.randrange(2**32) for _ in range(4)]]
            )

    def python(protocol, taste, drawn):
        left = iter(drawn)
        return list(device.randomise(protocol, PERIOD, taste, lambda n: next(left) % n))

    script = """
        console.log(JSON.stringify(given.map(([protocol, taste, drawn]) =>
            device.randomise(protocol, "2026-05", taste, (n) => drawn.shift() % n))));
    """
    answers = run_javascript(script, cases)
    assert answers == [python(*case) for case in cases]
    # Some keep their bucket, some don't.
    kept = [
        device.bucket_of(case[0], PERIOD, answer[0], "a") == answer[1]
        for case, answer in zip(cases, answers, strict=True)
    ]
    assert 100 < sum(kept) < 1900
    parts = run_javascript(
        "console.log(JSON.stringify(given.map((one) => device.keptParts(one))));", [case[0] for case in cases]
    )
    assert parts == [device.kept_parts(case[0]) for case in cases]


def test_javascript_draws_evenly_from_the_cryptographic_source():
    """`below` gives each number as often as the others; 3 and 5 divide no power of two."""
    script = "console.log(JSON.stringify(given.map((n) => Array.from({ length: 30000 }, () => device.below(n)))));"
    for n, drawn in zip((3, 5), run_javascript(script, [3, 5]), strict=True):
        counts = np.bincount(drawn, minlength=n)
        assert len(counts) == n and ((counts - 30000 / n) ** 2 / (30000 / n)).sum() < 25
    assert "Math.random" not in (EXAMPLE / "report.mjs").read_text(encoding="utf-8")
    assert "import random" not in (EXAMPLE / "report.py").read_text(encoding="utf-8")


def test_a_device_sends_once_a_month_and_no_more_than_it_allows(device):
    may, june = datetime(2026, 5, 31, 23, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC)
    protocol = protocol_of(EPSILON)
    first = device.report(protocol, ["a"], "secret", now=may)
    assert first.keys() == {"sender_id", "period", "seed", "bucket", "epsilon"} and first["period"] == "2026-05"
    assert device.report(protocol, ["a"], "secret", last_period="2026-05", now=may) is None
    # A clock that goes back sends nothing.
    assert device.report(protocol, ["a"], "secret", last_period="2026-06", now=may) is None
    second = device.report(protocol, ["a"], "secret", last_period="2026-05", now=june)
    assert second["period"] == "2026-06" and second["sender_id"] != first["sender_id"]
    assert device.report(protocol, [], "other", now=may)["sender_id"] != first["sender_id"]
    with pytest.raises(ValueError, match="asks for reports with epsilon 8, and this device allows 4"):
        device.report(protocol_of(8), ["a"], "secret", now=may)
    for wrong in ({"n_buckets": 1}, {"n_seeds": 0}, {"n_buckets": 2.5}):
        with pytest.raises(ValueError, match="whole numbers"):
            device.report(protocol | wrong, ["a"], "secret", now=may)
    script = """
        const [protocol, may] = given, now = new Date(may);
        const send = (asked, options) => device.report(asked, ["a"], "secret", options);
        const tried = (...asked) => { try { return send(...asked); } catch (error) { return error.message; } };
        console.log(JSON.stringify([tried(protocol, { now }), tried(protocol, { now, lastPeriod: "2026-05" }),
            tried(protocol, { now, lastPeriod: "2026-06" }), tried({ ...protocol, epsilon: 8 }, { now }),
            tried({ ...protocol, n_buckets: 1 }, { now })]));
    """
    same, nothing, back, too_much, wrong = run_javascript(script, [protocol, may.isoformat()])
    known = {name: first[name] for name in ("sender_id", "period", "epsilon")}
    assert {name: same[name] for name in known} == known and same.keys() == first.keys()
    assert nothing is None and back is None and "this device allows 4" in too_much and "whole numbers" in wrong


@pytest.fixture(scope="module")
def shop(device, sample_shop, tmp_path_factory):
    """The sample shop with reports of 3,000 devices, three in ten of which like i035 alone; some rows don't count."""
    shop = Shop(tmp_path_factory.mktemp("devices"))
    shutil.copy(sample_shop.database, shop.database)
    items = shop.column("select item_id from items order by 1")
    draw, protocol, rows = random.Random(5), protocol_of(EPSILON), []
    shop.truth = dict.fromkeys(items, 0.0)
    for number in range(3000):
        liked = ["i035"] if number % 10 < 3 else draw.sample(items, 2) if number % 10 < 9 else []
        for item in liked:
            shop.truth[item] += 1 / len(liked) / 3000
        seed, bucket = device.randomise(protocol, PERIOD, liked, draw.randrange)
        rows.append({"sender_id": f"s{number}", "period": PERIOD, "seed": seed, "bucket": bucket, "epsilon": EPSILON})
    shop.good = list(rows)
    rows += [rows[0], rows[1] | {"bucket": (rows[1]["bucket"] + 1) % 50}, rows[2] | {"sender_id": "x", "bucket": 56}]
    rows += [rows[3] | {"sender_id": "y", "epsilon": 10}, rows[4] | {"sender_id": "z", "period": "2026-13"}]
    shop.load(device_reports=rows)
    shop.settings = {"tables": {"device_reports": "raw.device_reports"}, "privacy": {"device_epsilon": EPSILON}}
    tests = ["--exclude-resource-type", "unit_test"]
    result = shop.dbt("build", "--select", "checked_device_reports+", *tests, **shop.settings)
    assert result.returncode == 0, result.output
    return shop


def test_reports_that_no_device_can_have_sent_are_counted(shop):
    found = {(period, problem): n for period, problem, n in shop.query("from device_report_problems")}
    assert found == {
        (PERIOD, ""): 2999,
        (PERIOD, "it arrived again"): 1,
        (PERIOD, "its device sent several reports in the month"): 2,
        (PERIOD, "its bucket is no whole number from 0 to 55"): 1,
        (PERIOD, "its epsilon is not device_epsilon of kindred__privacy"): 1,
        ("2026-13", "its period is no month such as 2026-05"): 1,
    }


def test_estimates_are_those_of_the_protocol_and_near_the_truth(device, shop):
    protocol = protocol_of(EPSILON)
    n_buckets, kept = protocol["n_buckets"], device.kept_parts(protocol) / device.PARTS
    counting = [row for row in shop.good if row["sender_id"] != "s1"]
    rows = shop.query(
        "select item_id, n_reports, n_supporting, share, standard_error from item_statistics_from_devices"
    )
    assert {row[0] for row in rows} == shop.truth.keys() and {row[1] for row in rows} == {2999}
    for item, n, n_supporting, share, _ in rows[:40]:
        assert n_supporting == sum(
            device.bucket_of(protocol, PERIOD, one["seed"], item) == one["bucket"] for one in counting
        )
        assert share == pytest.approx((n_supporting / n - 1 / n_buckets) / (kept - 1 / n_buckets), abs=1e-8)
    off = np.array([(share - shop.truth[item]) / error for item, _, _, share, error in rows])
    assert np.abs(off).max() < 4.5 and abs(off.mean()) < 0.25 and 0.85 < off.std() < 1.15
    [(share, error)] = [(row[3], row[4]) for row in rows if row[0] == "i035"]
    assert share == pytest.approx(0.3, abs=0.1) and 0 < error < 0.03


def test_the_export_tells_devices_how_to_report(device, shop, tmp_path):
    folder = tmp_path / "export"
    folder.mkdir()
    arguments = ("run-operation", "export_for_devices", "--args", json.dumps({"folder": str(folder)}))
    assert shop.dbt(*arguments, **shop.settings).returncode == 0
    assert json.loads((folder / "reports.json").read_text(encoding="utf-8")) == protocol_of(EPSILON)
    for command in ([sys.executable, "report.py"], ["node", "report.mjs"]):
        done = subprocess.run(
            [*command[:1], EXAMPLE / command[1], folder, "i035"], capture_output=True, text=True, check=True
        )
        assert json.loads(done.stdout)["epsilon"] == EPSILON

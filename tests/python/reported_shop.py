"""Tables as builds leave them, by their contracts, in a DuckDB file: what the report and agents are told from."""

import datetime

import duckdb
import yaml
from conftest import REPOSITORY

from kindred.built import Built
from kindred.settings import fill


def contract(model):
    """{column: its type} of a model; types of Python models, which have no contracts, follow from the names."""
    paths = [*REPOSITORY.glob(f"models/**/{model}.yml"), *REPOSITORY.glob(f"python_models/**/{model}.yml")]
    [found] = [one for one in yaml.safe_load(paths[0].read_text(encoding="utf-8"))["models"] if one["name"] == model]
    return {column["name"]: column.get("data_type") or type_of(column["name"]) for column in found["columns"]}


def type_of(column):
    """The type of a column of a Python model."""
    if column.endswith("_at") or column == "as_of":
        return "timestamp"
    if column.startswith("n_") or column in ("bytes", "frequency"):
        return "bigint"
    numbers = ("seconds", "p_active", "expected_orders", "expected_spend", "value_90d", "churn", "mean_spend")
    return "double" if column in numbers or column.endswith("_days") else "varchar"


class ReportedShop(Built):
    """A DuckDB file with some of kindred's tables."""

    def __init__(self, folder, **settings):
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder / "shop.duckdb", {}, lambda group: fill(group, settings.get(group, {})))
        duckdb.connect(str(self.database_file)).close()

    def add(self, model, rows):
        """Write a table of kindred. rows: dicts; columns that they lack are null."""
        columns = contract(model)
        with duckdb.connect(str(self.database_file)) as connection:
            shown = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            connection.execute(f"create table if not exists {model} ({shown})")
            for row in rows:
                names = ", ".join(f'"{name}"' for name in row)
                connection.execute(
                    f"insert into {model} ({names}) values ({', '.join('?' * len(row))})", [*row.values()]
                )
        self.places[model] = ("shop", "main", model)
        return self


def evaluation(policy, value, n_users=400, metric="ndcg", k=10, user_group="all", generator="blend", **given):
    row = {"run_id": "run", "fold": "backtest", "policy": policy, "generator": generator, "user_group": user_group}
    row |= {"metric": metric, "k": k, "value": value, "standard_error": 0.01, "n_users": n_users}
    return row | given


def performance(policy, ctr, n_people, kind="", **given):
    row = {"run_id": "", "kind": kind, "policy": policy, "generator": "", "position": 0, "n_people": n_people}
    row |= {"n_lists": n_people, "n_impressions": 20 * n_people, "n_clicks": int(20 * n_people * ctr), "ctr": ctr}
    row |= {"ctr_standard_error": 0.004, "n_conversions": 5, "conversion_rate": 0.002, "revenue": 100.0}
    return row | {"revenue_per_list": 100.0 / max(n_people, 1)} | given


def experiment(name, stopping="fixed", metric="ctr", **given):
    row = {"experiment_id": name, "kind": "lists", "layer": name, "layer_from": 0, "layer_to": 1, "unit": "user"}
    row |= {"salt": name, "allocation": "fixed", "stopping": stopping, "metric": metric, "planned_people": 2000}
    return row | {"starts_at": "2026-05-01", "ends_at": "2026-05-29"} | given


def arms(name, control="main", *others):
    return [
        {"experiment_id": name, "arm": arm, "position": place, "share": 0.5, "is_control": place == 1, "policy": arm}
        for place, arm in enumerate([control, *others], start=1)
    ]


def result(name, arm, day="2026-05-29", n=1000, metric="ctr", verdict="undecided", **given):
    row = {"experiment_id": name, "day": day, "arm": arm, "segment_by": "", "segment": "", "metric": metric}
    row |= {"n_control": n, "n": n, "control": 0.04, "treatment": 0.046, "effect": 0.006, "standard_error": 0.002}
    row |= {"lower": 0.002, "upper": 0.01, "lift": 0.15, "p": 0.003, "p_adjusted": 0.003, "p_adjusted_bh": 0.003}
    row |= {"sequential_lower": -0.001, "sequential_upper": 0.013, "sequential_p": 0.2, "sequential_p_adjusted": 0.2}
    row |= {"is_guardrail": False, "is_newest": True, "is_valid": True, "verdict": verdict, "note": "within chance"}
    return row | given


def check(name, check_name, is_passed=True, is_decisive=True, explanation="as it should be"):
    row = {"experiment_id": name, "check_name": check_name, "value": 0.5, "bound": 0.001, "is_passed": is_passed}
    return row | {"is_decisive": is_decisive, "explanation": explanation}


def experimenting_shop(folder, **settings):
    """Experiments of each verdict, two policies, and cells of few people everywhere."""
    shop = ReportedShop(folder, **settings)
    build = {"run_id": "run", "as_of": "2026-06-01", "started_at": "2026-06-01 02:00:00", "n_people": 950}
    shop.add("builds", [build | {"n_events": 20_000, "n_items": 300, "n_recommended_items": 280}])
    groups = {"cold": 12, "warm": 130, "hot": 258}
    shop.add(
        "evaluation_metrics",
        [
            *(evaluation(policy, value) for policy, value in {"main": 0.31, "fresh": 0.33}.items()),
            *(evaluation("main", 0.3, n, user_group=group) for group, n in groups.items()),
            evaluation("main", 0.21, generator="popular"),
        ],
    )
    shop.add("list_performance", [performance("main", 0.041, 900), performance("fresh", 0.09, 19)])
    names = ("decided", "sequential", "broken", "aside", "young", "bandit", "mixed")
    shop.add(
        "checked_experiments",
        [
            experiment("decided"),
            experiment("sequential", stopping="sequential"),
            experiment("broken"),
            experiment("aside", problem="its shares add up to 0.9"),
            experiment("young"),
            experiment("bandit", allocation="thompson"),
            experiment("mixed", kind="interleaving"),
        ],
    )
    shop.add("checked_arms", [arm for name in names for arm in arms(name, "main", "fresh")])
    days = [("2026-05-10", 400), ("2026-05-11", 410), ("2026-05-20", 800), ("2026-05-28", 995)]
    shop.add(
        "experiment_results",
        [
            result("decided", "fresh", verdict="better", note="the effect is beyond chance"),
            *(result("decided", "fresh", day=day, n=n, is_newest=False) for day, n in days),
            result("decided", "fresh", metric="orders", n=19, treatment=0.987654),
            *(
                result("decided", "fresh", segment_by="segment", segment=segment, n=n)
                for segment, n in {"DE": 500, "FR": 481, "tiny": 19}.items()
            ),
            result("sequential", "fresh", note="the effect is within chance"),
            result("broken", "fresh", verdict="invalid", is_valid=False, note="the check srm fails"),
            result("young", "fresh", n=8),
        ],
    )
    share = {
        "experiment_id": "bandit",
        "context": "DE",
        "salt": "bandit",
        "is_frozen": False,
        "valid_from": "2026-06-01",
    }
    shop.add(
        "arm_shares",
        [
            share | {"run_id": "older", "arm": "main", "share": 0.123, "n_people": 90, "valid_from": "2026-05-01"},
            share | {"run_id": "run", "arm": "main", "share": 0.3, "n_people": 150, "p_best": 0.1},
            share | {"run_id": "run", "arm": "fresh", "share": 0.7, "n_people": 160, "p_best": 0.9},
            share | {"run_id": "run", "arm": "fresh", "context": "FR", "share": 0.987, "n_people": 19},
        ],
    )
    drafts = {"experiment_id": "mixed", "n_lists": 300, "losses": 12, "delta": 0.2, "lower": 0.1, "upper": 0.3}
    shop.add(
        "interleaving_results",
        [drafts | {"day": "2026-05-28", "n_people": 200, "wins": 90, "ties": 98, "p": 0.01, "sequential_p": 0.02}],
    )
    shop.add(
        "experiment_checks",
        [check("decided", "srm"), check("broken", "srm", is_passed=False, explanation="exposures get lost")],
    )
    return shop


def days(n, until="2026-05-31"):
    """The last n days until one, rising."""
    last = datetime.date.fromisoformat(until)
    return [last - datetime.timedelta(days=back) for back in range(n - 1, -1, -1)]


def measured_shop(folder, **settings):
    """What the rooms metrics and monitoring leave, with cells of few people."""
    shop = ReportedShop(folder, **settings)
    shop.add("builds", [{"run_id": "run", "as_of": "2026-06-01", "started_at": "2026-06-01 02:00:00"}])
    daily = []
    for number, day in enumerate(days(91)):
        # Orders are few on most days, people on one.
        row = {"day": day, "segment": "", "n_active": 19 if number == 50 else 200 + number, "n_new": 30}
        row |= {"n_sessions": 260, "n_impressions": 4000, "n_clicks": 300, "n_orders": 8, "revenue": 400.0}
        row |= {"watch_seconds": 0.0, "ctr": 0.075, "ctr_standard_error": 0.004, "conversion_rate": 8 / 260}
        daily.append(row | {"conversion_rate_standard_error": 0.01, "aov": 50.0, "aov_standard_error": 4.0})
    parts = {"DE": 120, "FR": 75, "tiny": 12}
    newest = daily[-1] | {"day": daily[-1]["day"]}
    daily += [newest | {"segment": segment, "n_active": n} for segment, n in parts.items()]
    shop.add("daily_metrics", daily)
    cohorts = []
    for week, n_people in {"2026-03-02": 80, "2026-03-09": 19, "2026-03-16": 60}.items():
        for age in range(12):
            row = {"cohort_week": week, "age_weeks": age, "segment": "", "n_people": n_people}
            is_over = age < 9
            row |= {"n_active": int(n_people / (1 + age)) if is_over else None, "revenue": 10.0}
            shares = {"retention": 1 / (1 + age), "lower": 0.5 / (1 + age), "upper": min(1, 1.5 / (1 + age))}
            cohorts.append(row | (shares if is_over else {}))
    shop.add("cohorts", cohorts)
    shop.add(
        "customer_values",
        [
            {"user_id": f"customer-{number:03}", "frequency": 2, "p_active": number / 120, "value_90d": float(number)}
            | {"expected_orders": 1.0, "expected_spend": 20.0, "model": "bg_nbd"}
            for number in range(120)
        ],
    )
    shares = {"lower": 0.1, "upper": 0.4, "median_days_to_value": 12}
    shop.add(
        "adoption",
        [
            {"feature": feature, "segment": "", "n_eligible": 400, "n_adopters": n, "adoption": n / 400} | shares
            for feature, n in {"": 200, "tea": 90, "<b>books</b>": 60, "rare": 7}.items()
        ],
    )
    value = {"segment": "", "metric": "revenue", "attributed": 900.0, "n_people": 300}
    beyond = {"incremental": 410.0, "lower": 120.0, "upper": 700.0, "n_holdout": 60}
    shop.add(
        "list_value",
        [
            value | {"experiment_id": ""},
            value | {"experiment_id": "quiet"} | beyond,
            value | {"experiment_id": "small", "attributed": 123456.0} | beyond | {"n_holdout": 9},
        ],
    )
    usual = {"expected": 500.0, "lower": 400.0, "upper": 600.0, "is_usual": True, "newest_at": "2026-05-31 23:00:00"}
    health = [{"input": "events", "day": day, "n_rows": 500} | usual for day in days(35)]
    health[-1] |= {"n_rows": 90, "is_usual": False, "age_hours": 3.0}
    shop.add("data_health", health)
    moved = {"run_id": "run", "kind": "feature", "subject": "users", "n_reference": 900, "noise": 0.02}
    moved |= {"generated_at": "2026-06-01"}
    shop.add(
        "drift",
        [
            moved | {"column_name": "age", "psi": 0.41, "n": 900, "is_drifted": True},
            moved | {"column_name": "price", "psi": 0.01, "n": 900, "is_drifted": False},
            moved | {"column_name": "of_few", "psi": 0.9, "n": 19, "is_drifted": None},
            moved | {"run_id": "older", "generated_at": "2026-05-01", "column_name": "past", "psi": 0.7, "n": 900},
        ],
    )
    narrow = {"policy": "", "n_items": 300, "top_share": 0.2, "coverage": 0.9, "popularity_lift": 0.3}
    narrow |= {"loop_share": 0.1, "n_releases": 3, "is_rising": True}
    shop.add(
        "concentration",
        [
            narrow | {"run_id": f"run-{number}", "gini": 0.5 + number / 100, "generated_at": f"2026-05-{number:02}"}
            for number in (29, 30, 31)
        ],
    )
    ran = {"run_id": "run", "resource_type": "model", "status": "success", "started_at": "2026-06-01"}
    shop.add(
        "run_costs",
        [
            ran | {"node": "", "resource_type": "run", "seconds": 70.0, "credits": 0.125},
            ran | {"node": "scored_candidates", "seconds": 12.0, "n_rows": 46_000},
            ran | {"node": "broken", "seconds": 3.0, "status": "error"},
        ],
    )
    answered = {"release_id": "r", "n": 9000, "p50_ms": 2.0, "p95_ms": 8.0, "p99_ms": 31.0, "n_empty": 1, "n_errors": 0}
    shop.add(
        "service_levels",
        [
            answered | {"day": day, "endpoint": endpoint, "is_met": endpoint != "/session"}
            for day in days(5)
            for endpoint in ("/recommendations/{user_id}", "/session")
        ],
    )
    return shop

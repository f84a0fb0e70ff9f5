"""`make experiments`: the effects that were planted in the sample shop's experiments are found and named."""

import re

import pytest
from conftest import REPOSITORY, Shop, run_dbt
from yaml import safe_load

# A whole shop is built, with its data tests.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """What `make experiments` builds, by the variables that stand in the Makefile."""
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8").replace("\\\n", "")
    settings = safe_load(re.search(r"^WITH_EXPERIMENTS := (.*)$", makefile, re.MULTILINE)[1])
    shop = Shop(tmp_path_factory.mktemp("experiments"))
    command = ["build", "--exclude-resource-type", "unit_test"]
    result = run_dbt(*command, target=shop.targets, database=shop.database, settings=settings)
    assert result.returncode == 0, result.output
    return shop


def test_the_seeds_are_those_that_the_program_writes(tmp_path, monkeypatch):
    from kindred.sample import experiments

    kept = experiments.SEEDS / "experiments"
    (tmp_path / "experiments").mkdir()
    (tmp_path / "sample_users.csv").write_bytes((experiments.SEEDS / "sample_users.csv").read_bytes())
    monkeypatch.setattr(experiments, "SEEDS", tmp_path)
    monkeypatch.setattr(experiments, "rng", experiments.np.random.default_rng(20260501))
    experiments.main()
    written = sorted(path.name for path in (tmp_path / "experiments").glob("*.csv"))
    assert written == sorted(path.name for path in kept.glob("*.csv"))
    for name in written:
        assert (tmp_path / "experiments" / name).read_bytes() == (kept / name).read_bytes(), name


def newest(shop, experiment, columns, metric):
    return {
        row[0]: row[1:]
        for row in shop.query(f"""
            select arm, {columns} from experiment_results
            where experiment_id = '{experiment}' and metric = '{metric}' and is_newest and segment_by = ''
        """)
    }


def test_each_declared_experiment_is_used(shop):
    assert shop.query("select experiment_id, problem from checked_experiments where problem is not null") == []
    assert shop.value("select count(*) from exposure_problems") == 0


def test_the_better_and_the_worse_arm_are_found_and_the_null_is_not(shop):
    truths = dict(shop.query("select other_id, value::double from sample_experiment_truths where kind = 'click_rate'"))
    found = newest(shop, "home_page", "verdict, lower, effect, upper", "ctr")
    assert {arm: row[0] for arm, row in found.items()} == {"bold": "better", "narrow": "worse", "twin": "undecided"}
    for arm, (_, lower, _, upper) in found.items():
        assert lower < truths[arm] - truths["as_it_is"] < upper
    others = shop.query("""
        select arm, metric, verdict from experiment_results
        where experiment_id = 'home_page' and is_newest and segment_by = '' and metric <> 'ctr'
            and verdict in ('better', 'worse')
    """)
    assert others == []


def test_lost_exposures_make_an_experiment_invalid(shop):
    [(p, passed)] = shop.query("""
        select value, is_passed from experiment_checks where experiment_id = 'free_delivery' and check_name = 'srm'
    """)
    assert p < 0.001 and not passed
    assert {row[0] for row in newest(shop, "free_delivery", "verdict", "conversion").values()} == {"invalid"}
    # The others are as they were drawn.
    sound = shop.query("select experiment_id, is_passed from experiment_checks where check_name = 'srm' and is_passed")
    assert {row[0] for row in sound} >= {"home_page", "personal"}


def test_countries_get_the_cover_that_they_like(shop):
    likes = shop.column("select other_id from sample_experiment_truths where kind = 'liked_cover'")
    shares = shop.query("""
        select regexp_extract(context, 'segment=(\\w+)', 1) as country, arm, share,
            sum(n_people) over (partition by context) as n_people
        from arm_shares where experiment_id = 'cover' and context like 'segment=_%|%'
    """)
    liked = [row for row in shares if row[1] == ("bright" if row[0] in likes else "dark")]
    assert {row[0] for row in liked} > set(likes)
    n_people = sum(row[3] for row in liked)
    assert n_people > 900 and sum(row[2] * row[3] for row in liked) / n_people > 0.85
    # A country of few people leans on the others.
    assert min(row[2] for row in liked) > 0.5


def test_what_is_personal_brings_orders(shop):
    [(verdict, effect)] = newest(shop, "personal", "verdict, effect", "conversion").values()
    assert verdict == "better" and effect == pytest.approx(0.18, abs=0.07)


def test_what_a_policy_of_the_foreign_log_would_have_earned(shop):
    known = "select entity_id, value::double from sample_experiment_truths where kind = 'policy_value'"
    truths = dict(shop.query(known))
    values = shop.query("""
        select policy, estimator, lower, upper, is_reliable from policy_values
        where kind = 'place' and policy in ('sharper', 'reversed') and period = 'all'
    """)
    assert {(policy, estimator) for policy, estimator, *_ in values} >= {
        (policy, estimator) for policy in ("sharper", "reversed") for estimator in ("ips", "snips", "dr", "switch_dr")
    }
    for policy, estimator, lower, upper, is_reliable in values:
        assert is_reliable and lower < truths[policy] < upper, (policy, estimator)
    means = dict(shop.query("select policy, avg(value) from policy_values where kind = 'place' group by 1"))
    assert means["sharper"] > truths["bought_in"] > means["reversed"]

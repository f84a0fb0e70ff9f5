"""kindred as a package in somebody else's project: what they write, what they replace, and what must not collide."""

import csv
import json

import duckdb
import pytest
import yaml
from conftest import REPOSITORY, run_dbt

PROJECT = {
    "name": "shop",
    "version": "1.0.0",
    "config-version": 2,
    "profile": "shop",
    # kindred's models read kindred's models, whatever the shop calls its own.
    "flags": {"require_ref_searches_node_package_before_root": True},
    # Names such as `events` and `users` are in use already: kindred's tables live in a schema of their own.
    "models": {"kindred": {"+schema": "kindred"}},
    "seeds": {"kindred": {"+schema": "kindred"}},
    "functions": {"kindred": {"+schema": "kindred"}},
    "vars": {
        "kindred": {
            "kindred__inputs": {"events": "shop_events"},
            "kindred__tables": {"generators": "shop_generators"},
            "kindred__lists": {"n_recommendations": 5},
            "kindred__generators": {"als": {"factors": 4}},
        }
    },
}
WAREHOUSE = {"type": "duckdb", "path": "{{ env_var('KINDRED_DUCKDB_PATH') }}", "schema": "main", "threads": 2}
PROFILE = {"shop": {"target": "dev", "outputs": {"dev": WAREHOUSE}}}
MODELS = {
    "shop_events": """
        select
            click_id as event_id, customer as user_id, what as event_type, product as item_id,
            cast(moment as timestamp) as occurred_at
        from {{ ref('clicks') }}
    """,
    # The shop has its own idea of these, which is none of kindred's business.
    "events": "select 1 as nothing_that_kindred_knows",
    "items": "select 'i1' as sku",
    "users": "select 'u1' as name, true as is_admin",
    # Instead of kindred's own weights: nothing but what is popular. Any types will do.
    "shop_generators": """
        select upper(generator) as generator, 'bestseller' as reason, if(generator = 'popular', '1', '0.0') as weight
        from {{ ref('kindred', 'generator_weights') }}
    """,
    "home_page": "select user_id, rank, item_id, reason from {{ ref('kindred', 'recommendations') }}",
}
N_PEOPLE = 12


def write_project(folder, **changes):
    (folder / "models").mkdir(parents=True)
    (folder / "seeds").mkdir()
    for name, select in MODELS.items():
        (folder / "models" / f"{name}.sql").write_text(select, encoding="utf-8")
    with open(folder / "seeds/clicks.csv", "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["click_id", "customer", "what", "product", "moment"])
        for number in range(N_PEOPLE * 6):
            user, step = divmod(number, 6)
            product = 2 * ((user * 5 + step * step) % 10) + user % 2
            what = "purchase" if step % 3 == 0 else "view"
            writer.writerow([number, f"u{user}", what, f"i{product}", f"2026-05-{1 + number % 28:02d} 10:00:00"])
    packages = {"packages": [{"local": str(REPOSITORY)}]}
    for name, content in (("dbt_project", PROJECT | changes), ("profiles", PROFILE), ("packages", packages)):
        (folder / f"{name}.yml").write_text(yaml.safe_dump(content), encoding="utf-8")
    shop = {"project": folder, "target": folder / "target", "database": folder / "shop.duckdb"}
    installed = run_dbt("deps", **shop)
    assert installed.returncode == 0, installed.output
    return shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    shop = write_project(tmp_path_factory.mktemp("package") / "shop")
    # The unit tests run in the consumer project of test_integration.py.
    shop["result"] = run_dbt("build", "--exclude-resource-type", "unit_test", **shop)
    return shop


@pytest.fixture
def warehouse(shop):
    assert shop["result"].returncode == 0, shop["result"].output
    with duckdb.connect(shop["database"], read_only=True) as connection:
        yield connection


def tables(warehouse, schema):
    select = f"select table_name from information_schema.tables where table_schema = '{schema}'"
    return {name for (name,) in warehouse.execute(select).fetchall()}


def test_package__builds_with_its_tests_hooks_and_seeds(shop, warehouse):
    output = shop["result"].output
    assert "OK hook: kindred.on-run-start.0" in output
    assert "OK hook: kindred.on-run-end.0" in output
    assert f"kindred: {N_PEOPLE} people have a list" in output
    assert "PASS" in output
    assert {"event_weights", "generator_weights"} <= tables(warehouse, "main_kindred")
    # One run, one row, with the settings of the shop.
    [(parameters,)] = warehouse.execute("select parameters from main_kindred.builds").fetchall()
    assert json.loads(parameters)["kindred__inputs"] == {"events": "shop_events"}


def test_package__leaves_the_sample_shop_at_home(shop, warehouse):
    everything = tables(warehouse, "main_kindred") | tables(warehouse, "main")
    assert not [name for name in everything if name.startswith("sample_")]


def test_package__names_do_not_collide(warehouse):
    assert tables(warehouse, "main") == {"clicks", *MODELS}
    assert {"events", "items", "users", "recommendations", "als_item_factors"} <= tables(warehouse, "main_kindred")
    assert warehouse.execute("select * from main.events").fetchall() == [(1,)]
    assert warehouse.execute("select count(*) from main_kindred.events").fetchall() == [(N_PEOPLE * 6,)]
    assert warehouse.execute("select count(*) from main_kindred.identities").fetchall() == [(N_PEOPLE,)]


def test_package__python_models_have_their_package(shop, warehouse):
    [(n_people, n_factors)] = warehouse.execute(
        "select count(*), max(len(factors)) from main_kindred.als_user_factors where fold = 'live'"
    ).fetchall()
    assert (n_people, n_factors) == (N_PEOPLE, 4)


def test_package__functions_give_the_lists(warehouse):
    lists = warehouse.execute("select item_id from main_kindred.recommendations where user_id = 'u1' order by rank")
    call = "select item_id from main_kindred.recommend_items('u1', n => 5) order by rank"
    assert lists.fetchall() == warehouse.execute(call).fetchall()
    assert len(warehouse.execute("from main_kindred.rerank_items('u1', '[\"i1\", \"i2\"]')").fetchall()) == 2


def test_package__a_setting_is_overridden(warehouse):
    lengths = warehouse.execute("select count(*) from main_kindred.recommendations group by user_id").fetchall()
    assert lengths == [(5,)] * N_PEOPLE


def test_package__a_table_of_its_own_takes_the_place_of_a_seed(warehouse):
    """The shop's table gives weight to popularity alone, so its lists are that; als is built, but has no weight."""
    assert warehouse.execute("select count(*) > 0 from main_kindred.als_candidates").fetchall() == [(True,)]
    chosen = "select distinct generator, reason from main_kindred.recommendations"
    assert warehouse.execute(chosen).fetchall() == [("popular", "bestseller")]
    assert warehouse.execute("select distinct reason from main.home_page").fetchall() == [("bestseller",)]


def test_package__a_name_that_hides_kindreds_is_refused(tmp_path):
    """Without the flag dbt hands the shop's `events`, `items` and `users` to kindred's models: that must not pass."""
    shop = write_project(tmp_path / "shop", flags={})
    result = run_dbt("build", "--exclude-resource-type", "unit_test", **shop)
    assert result.returncode != 0
    for name in ("events", "items", "users"):
        assert f"your project has '{name}' as kindred has, and kindred's models would read yours" in result.text
    assert "Set `require_ref_searches_node_package_before_root: true` under `flags:`" in result.text
    # One that takes the place of a disabled model of kindred's is what the shop wants.
    assert "your project has 'generators'" not in result.text
    assert "START sql" not in result.output


def test_package__an_override_in_a_file_is_refused(tmp_path):
    """What lets a gate through for one run would let everything through from then on."""
    settings = PROJECT["vars"]["kindred"] | {"kindred__override_gates": ["people"]}
    shop = write_project(tmp_path / "shop", vars={"kindred": settings})
    result = run_dbt("parse", **shop)
    assert result.returncode != 0
    assert "kindred__override_gates is for one run: give it with --vars, not in dbt_project.yml" in result.text

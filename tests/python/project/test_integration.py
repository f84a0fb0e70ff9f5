"""integration_tests/, the consumer project that is the README's example, as `dbt deps && dbt build` makes it."""

import json
import re

import duckdb
import pytest
import yaml
from conftest import REPOSITORY, copy_package, run_dbt

PROJECT = "integration_tests"
LIST_LENGTH = 8


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("integration")
    project = copy_package(folder / "kindred", PROJECT) / PROJECT
    paths = {"project": project, "target": folder / "target", "database": folder / "tea_shop.duckdb"}
    for command in (["deps"], ["build", "--exclude-resource-type", "unit_test"]):
        result = run_dbt(*command, writes=True, **paths)
        assert result.returncode == 0, result.output
    return paths | {"output": result.output}


@pytest.fixture(scope="module")
def warehouse(shop):
    with duckdb.connect(shop["database"], read_only=True) as connection:
        yield connection


def names(warehouse, schema):
    select = "select table_name from information_schema.tables where table_schema = ?"
    return {name for (name,) in warehouse.execute(select, [schema]).fetchall()}


def test_integration__passes_kindreds_data_tests(shop):
    assert re.search(r"Done\. PASS=\d+ WARN=0 ERROR=0 SKIP=0 ", shop["output"])


@pytest.mark.slow
def test_integration__plain_build_runs_kindreds_unit_tests(shop):
    """kindred's unit tests find kindred's events, items and users, although the shop has models of these names."""
    paths = {name: shop[name] for name in ("project", "target", "database")}
    result = run_dbt("build", **paths)
    assert re.search(r"Finished running .* \d+ unit tests", result.output)
    assert re.search(r"Done\. PASS=\d+ WARN=0 ERROR=0 SKIP=0 ", result.output)


def test_integration__everybody_has_a_list_of_their_own_taste(warehouse):
    """Half of the customers drink tea and half coffee, and the lists know which."""
    lengths = "select count(*), min(n), max(n) from (select count(*) as n from main.home_page group by customer_number)"
    assert warehouse.execute(lengths).fetchone() == (48, LIST_LENGTH, LIST_LENGTH)
    own_share = """
        with tastes as (
            select customer_number, mode(kind) as kind
            from main.clicks inner join main.products using (sku)
            group by all
        )
        select avg((home_page.kind = tastes.kind)::int) from main.home_page inner join tastes using (customer_number)
        where place <= 4
    """
    assert warehouse.execute(own_share).fetchone()[0] > 0.85
    unavailable = "select count(*) from main.home_page inner join main.products using (sku) where in_stock = 'no'"
    assert warehouse.execute(unavailable).fetchone() == (0,)


def test_integration__the_shops_models_are_its_own(shop, warehouse):
    own = {path.stem for part in ("models", "seeds") for path in (shop["project"] / part).iterdir()} - {
        "models",
        "seeds",
    }
    assert names(warehouse, "main") == own
    assert {"events", "items", "users"} <= own & names(warehouse, "main_kindred")
    assert warehouse.execute("select title from main.events").fetchall() == [("Teas of the Himalayas",)]
    n_events = "select (select count(*) from main_kindred.events), (select count(*) from main.clicks)"
    found, expected = warehouse.execute(n_events).fetchone()
    assert found == expected > 500
    assert not [name for name in names(warehouse, "main_kindred") if name.startswith("sample_")]


def test_integration__its_own_event_weights_count(warehouse):
    weights = "select event_type, weight from main_kindred.event_types order by event_type"
    own = "select event_type, weight from main.shop_event_weights order by event_type"
    assert warehouse.execute(weights).fetchall() == warehouse.execute(own).fetchall()
    tastings = "select count(*) > 0 from main_kindred.fold_events where event_type = 'tasting'"
    assert warehouse.execute(tastings).fetchone() == (True,)


def test_integration__dbt_knows_what_the_home_page_is_made_of(shop):
    manifest = json.loads((shop["target"] / "manifest.json").read_text(encoding="utf-8"))
    home_page = "model.tea_shop.home_page"
    assert manifest["exposures"]["exposure.tea_shop.home_page_of_the_shop"]["depends_on"]["nodes"] == [home_page]
    assert "model.kindred.recommendations" in manifest["nodes"][home_page]["depends_on"]["nodes"]


def test_integration__is_what_the_readme_says():
    """The settings of the README's chapter "As a package" are those of the project."""
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    [block] = re.findall(r"\*\*As a package:\*\*.*?```yaml\n(.*?)```", text, flags=re.DOTALL)
    project = yaml.safe_load((REPOSITORY / PROJECT / "dbt_project.yml").read_text(encoding="utf-8"))
    for part, settings in yaml.safe_load(block).items():
        assert settings.items() <= project[part].items()

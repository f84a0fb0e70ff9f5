"""Lists made from the files of `make export` are the warehouse's: by neighbours, by a vector, in JavaScript too."""

import importlib.util
import json
import shutil
import subprocess
import sys
import types
from collections import defaultdict

import numpy as np
import pytest
from conftest import REPOSITORY, run_dbt
from serving_worlds import SETTINGS

from kindred.serving import Store

EXAMPLE = REPOSITORY / "examples/on_device"


@pytest.fixture(scope="module")
def folder(sample_shop, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "it's here"
    folder.mkdir()
    arguments = ["run-operation", "export_for_devices", "--args", json.dumps({"folder": str(folder)})]
    result = run_dbt(*arguments, target=folder.parent / "target", database=sample_shop.database)
    assert result.returncode == 0, result.output
    return folder


@pytest.fixture(scope="module")
def device():
    specification = importlib.util.spec_from_file_location("on_device", EXAMPLE / "on_device.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def export(device, folder):
    return device.Export(folder)


@pytest.fixture(scope="module")
def sessions(sample_shop):
    """What forty people looked at, oldest first; some looked at a thing twice, some at more than 20; and oddities."""
    seen = sample_shop.column("""
        select list(item_id order by occurred_at, item_id)[-(10 + 3 * (hash(user_id) % 9))::int:]
        from person_events where event_type = 'view' group by user_id order by count(*) < 25, md5(user_id) limit 40
    """)
    assert max(len(set(session)) for session in seen) > 20
    assert any(len(set(session)) < len(session) for session in seen)
    return [*seen, seen[0][:1], ["unknown", seen[1][0]], ["unknown"], []]


def by_the_contract(shop, session, own=(), excluded=(), settings=SETTINGS):
    """The 20 items of the contract's formula, in SQL from the tables of the release."""
    n_steps, _, decay, session_share, list_share = settings

    def values(items):
        return ", ".join(f"({place}, '{item}')" for place, item in enumerate(items)) or "(null, null)"

    return shop.column(f"""
        with session as (
            select item_id, row_number() over (order by min(place)) as step
            from (values {values(reversed(session))}) as rows(place, item_id) where item_id is not null group by item_id
        ),
        votes as (
            select entries.key as item_id, sum({decay} ** (step - 1) * cast(entries.value as double)) as vote
            from session join release_neighbors using (item_id), json_each(neighbors) as entries
            where step <= {n_steps} and entries.key not in (select item_id from session)
            group by all
        ),
        own as (
            select item_id, 1 - place / {max(len(own), 1)} as share
            from (values {values(own)}) as rows(place, item_id) where item_id is not null
        ),
        scaled as (select item_id, vote / max(vote) over () as share from votes),
        everything as (
            select 1 as tier, item_id,
                -round({session_share} * coalesce(scaled.share, 0) + {list_share} * coalesce(own.share, 0), 9) as place
            from scaled full join own using (item_id)
            union all
            select 2, entry ->> 0, number
            from release_segments, unnest(cast(fallback as json[])) with ordinality as entries(entry, number)
            where segment = ''
            union all
            select 3, item_id, popular_rank from release_items where is_recommendable
        )
        select item_id from everything
        where item_id not in (select item_id from session)
            and item_id not in (select item_id from (values {values(excluded)}) as rows(place, item_id)
                where item_id is not null)
        group by item_id order by min((tier, place)), item_id limit 20
    """)


def test_session_list_is_the_contracts(device, export, sample_shop, sessions):
    for session in sessions:
        assert device.session_list(export, session) == by_the_contract(sample_shop, session)


def test_session_list_knows_the_person(device, export, sample_shop):
    rows = sample_shop.query("select items, history, excluded from release_lists where history <> '[]' limit 20")
    for items, history, excluded in (map(json.loads, row) for row in rows):
        own, session = [item[0] for item in items], history[::-1]
        shown = device.session_list(export, session, own_list=own, excluded=excluded)
        assert shown == by_the_contract(sample_shop, session, own, excluded)
        assert shown != by_the_contract(sample_shop, session, (), excluded)
        assert device.session_list(export, [], own_list=own) == own


def run_javascript(model, sessions, **options):
    """sessionList of session_list.mjs for each session."""
    if not shutil.which("node"):
        pytest.skip("node isn't installed")
    script = f"""
        import {{ sessionList }} from {json.dumps((EXAMPLE / "session_list.mjs").as_uri())};
        import {{ readFileSync }} from "node:fs";
        const {{ model, sessions, options }} = JSON.parse(readFileSync(0, "utf8"));
        console.log(JSON.stringify(sessions.map((session) => sessionList(model, session, options))));
    """
    given = json.dumps({"model": model, "sessions": sessions, "options": options})
    command = ["node", "--input-type=module", "--eval", script]
    return json.loads(subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout)


OTHER = (2, 25, 0.4, 0.35, 0.65)


def test_settings_are_those_of_the_release(device, export, folder, sample_shop, store, sessions):
    """What a session list is made of stands in the release; a device follows it, whatever it says."""
    names = ("n_steps", "n_neighbors", "decay", "session_share", "list_share")
    [row] = store.reader(store.follow()).connection.execute(f"select {', '.join(names)} from session_settings")
    assert export.settings == dict(zip(names, row, strict=True)) == dict(zip(names, SETTINGS, strict=True))
    model = json.loads((folder / "session.json").read_text(encoding="utf-8"))
    assert model["settings"] == {name: export.settings[name] for name in names if name != "n_neighbors"}
    neighbors = sample_shop.column("select len(json_keys(neighbors)) from release_neighbors")
    assert max(neighbors) == export.settings["n_neighbors"]

    changed = types.SimpleNamespace(**vars(export) | {"settings": dict(zip(names, OTHER, strict=True))})
    own = export.popular[30:50]
    expected = [by_the_contract(sample_shop, session, own, (), OTHER) for session in sessions[:20]]
    assert expected != [by_the_contract(sample_shop, session, own) for session in sessions[:20]]
    assert [device.session_list(changed, session, own_list=own) for session in sessions[:20]] == expected
    assert run_javascript(model | {"settings": changed.settings}, sessions[:20], ownList=own) == expected


def test_javascript_is_the_same(device, export, folder, sessions):
    model = json.loads((folder / "session.json").read_text(encoding="utf-8"))
    own, excluded = export.popular[30:50], export.popular[:3]
    assert run_javascript(model, sessions) == [device.session_list(export, session) for session in sessions]
    assert run_javascript(model, sessions, ownList=own, excluded=excluded) == [
        device.session_list(export, session, 20, own, excluded) for session in sessions
    ]


@pytest.fixture(scope="module")
def people(sample_shop):
    """Some people's events of the live fold; of those who also said what they don't like, as many."""
    users = sample_shop.column("""
        select user_id
        from als_user_factors inner join interactions using (fold, user_id)
        where fold = 'live'
        group by user_id
        qualify row_number() over (partition by min(weight) < 0 order by md5(user_id)) <= 12
    """)
    events = "select event_type, item_id, value, occurred_at from fold_events where fold = 'live' and user_id = "
    return {user: sample_shop.query(f"{events} '{user}' order by all") for user in users}


def test_weights_are_the_warehouses(device, export, sample_shop, people):
    for user, events in people.items():
        weights, excluded = device.history_of(export, events)
        where = f"from interactions where fold = 'live' and user_id = '{user}'"
        assert weights == pytest.approx(dict(sample_shop.query(f"select item_id, weight {where}")), abs=1e-5)
        assert excluded == set(sample_shop.column(f"select item_id {where} and is_excluded"))


def test_vectors_and_lists_are_the_warehouses(device, export, sample_shop, people):
    """Both count in 32 bits on one side: where two scores are nearer than 1e-4, either may come first."""
    for user, events in people.items():
        weights, excluded = device.history_of(export, events)
        vector = device.person_vector(export, weights)
        where = f"where fold = 'live' and user_id = '{user}'"
        factors = np.array(sample_shop.value(f"select factors from als_user_factors {where}"))
        np.testing.assert_allclose(vector, factors, atol=1e-4 * np.abs(factors).max())
        listed = sample_shop.query(f"select item_id, score from als_candidates {where} order by rank")
        made = device.als_list(export, vector, excluded, n=len(listed))
        assert [score for _, score in made] == pytest.approx([score for _, score in listed], abs=1e-4)
        last = listed[-1][1] + 1e-4
        assert {item for item, score in made if score > last} <= {item for item, _ in listed}
        assert [item for item, _ in made[:3]] == [item for item, _ in listed[:3]]


VECTORS = """
import { historyOf, personVector, gramOf, vectorList } from "{place}";
import { readFileSync } from "node:fs";
const { file, people, others } = JSON.parse(readFileSync(0, "utf8"));
const model = JSON.parse(readFileSync(file, "utf8")), gram = gramOf(model);
const found = people.map((events) => {
  const timed = events.map(([type, item, value, at]) => [type, item, value, new Date(at)]);
  const { weights, excluded } = historyOf(model, timed);
  const vector = personVector(model, weights, gram);
  return { weights, excluded, vector, list: vectorList(model, vector, { excluded }) };
});
console.log(JSON.stringify({ found, others: others.map((weights) => personVector(model, weights)) }));
"""


def test_vectors_in_javascript_are_the_same(device, export, folder, people):
    """To a millionth of the largest entry; a list's order may differ where two scores are nearer than that."""
    if not shutil.which("node"):
        pytest.skip("node isn't installed")
    late = [
        (kind, item, value, export.learns_until.replace(year=2999))
        for kind, item, value, _ in next(iter(people.values()))
    ]
    asked = [*people.values(), late, [("view", "i035", None, export.learns_until)] * 40]
    given = {
        "file": str(folder / "vector.json"),
        "people": [[[kind, item, value, f"{at.isoformat()}Z"] for kind, item, value, at in events] for events in asked],
        "others": [{"i035": -1}, {"new": 1}, {"toString": 1}, {}],
    }
    script = VECTORS.replace("{place}", (EXAMPLE / "vector.mjs").as_uri())
    command = ["node", "--input-type=module", "--eval", script]
    answer = json.loads(
        subprocess.run(command, input=json.dumps(given), capture_output=True, text=True, check=True).stdout
    )
    assert answer["others"] == [None] * 4
    for events, made in zip(asked, answer["found"], strict=True):
        weights, excluded = device.history_of(export, events)
        assert made["weights"] == pytest.approx(weights, abs=1e-9) and set(made["excluded"]) == excluded
        vector = device.person_vector(export, weights)
        np.testing.assert_allclose(made["vector"], vector, rtol=0, atol=1e-6 * np.abs(vector).max())
        listed = device.als_list(export, vector, excluded)
        assert [score for _, score in made["list"]] == pytest.approx([score for _, score in listed], abs=1e-6)
        assert made["list"][0][0] == listed[0][0]


@pytest.fixture
def small():
    """A model of five items as both examples take it; b and c are equally near to a."""
    votes = {"c": 0.5, "b": 0.5}
    fallback = {"": ["d", "c"], "AT": ["e"]}
    neighbors = defaultdict(list, a=list(votes.items()))
    settings = dict(zip(("n_steps", "n_neighbors", "decay", "session_share", "list_share"), SETTINGS, strict=True))
    python = types.SimpleNamespace(settings=settings, neighbors=neighbors, fallback=fallback, popular=["f", "d", "a"])
    return python, {
        "settings": settings,
        "neighbors": {"a": votes},
        "fallback": fallback[""],
        "popular": python.popular,
    }


def test_ties_and_what_fills_up(device, small):
    """Ids of equal score go by code points; in UTF-16, which JavaScript compares by itself, the cart comes first."""
    python, javascript = small
    cart, ligature = "\U0001f6d2", "\ufb00"
    votes = {cart: 0.5, ligature: 0.5, "z": 0.5, "zz": 0.5}
    python.neighbors["s"], javascript["neighbors"]["s"] = list(votes.items()), votes
    for answer in (device.session_list(python, ["s"], n=4), run_javascript(javascript, [["s"]], n=4)[0]):
        assert answer == ["z", "zz", ligature, cart]
    assert device.session_list(python, ["a"]) == run_javascript(javascript, [["a"]])[0] == ["b", "c", "d", "f"]
    assert device.session_list(python, ["a"], segment="AT") == ["b", "c", "e", "d", "f"]


def test_what_happened_since_the_export_counts(device, export, people):
    weights, _ = device.history_of(export, [("view", "i035", None, export.learns_until)])
    later, _ = device.history_of(export, [("view", "i035", None, export.learns_until.replace(year=2999))])
    assert weights == later == {"i035": 1}
    vector = device.person_vector(export, weights)
    assert device.als_list(export, vector, n=1)[0][1] > 0
    assert device.person_vector(export, {"i035": -1}) is None and device.person_vector(export, {"new": 1}) is None


def test_the_example_as_the_readme_calls_it(folder):
    done = subprocess.run(
        [sys.executable, EXAMPLE / "on_device.py", folder, "i035", "i188"], capture_output=True, text=True, check=True
    )
    lines = done.stdout.splitlines()
    assert [len(line.split(":")[1].split()) for line in lines] == [10, 10]


@pytest.fixture(scope="module")
def store(sample_shop):
    """The server's store over the release that the sample shop published."""
    return Store(sample_shop.database.with_name("shop_serving"))


def test_session_list_is_the_servers(device, export, store, sample_shop, sessions):
    def served(**question):
        return [item["item_id"] for item in store.recommend(**question)["items"]]

    for session in sessions:
        assert device.session_list(export, session) == served(session=session)
        assert device.session_list(export, session, segment="AT") == served(session=session, segment="AT")
    for row in sample_shop.query("select user_id, items, excluded from release_lists order by md5(user_id) limit 20"):
        user_id, own, excluded = row[0], [item[0] for item in json.loads(row[1])], json.loads(row[2])
        made = device.session_list(export, sessions[0], own_list=own, excluded=excluded)
        assert made == served(user_id=user_id, session=sessions[0])

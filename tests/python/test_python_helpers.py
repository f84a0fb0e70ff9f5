"""The helpers that are rendered into every Python model, on real DuckDB relations."""

import re
import symtable
import tomllib

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from conftest import REPOSITORY

INTERACTIONS = """
    select fold, user_id, item_id, weight::double as weight from (values
        ('live', 'u2', 'i1', 2.0), ('live', 'u1', 'i3', 1.0), ('live', 'u1', 'i1', -0.5), ('live', 'u3', 'i2', 0.0),
        ('backtest', 'u9', 'i9', 7.0)
    ) as interactions(fold, user_id, item_id, weight)
"""


@pytest.fixture
def connection():
    with duckdb.connect() as connection:
        yield connection


# encode_ids ---------------------------------------------------------------------------------------------------------


def test_encode_ids__own_values_in_sorted_order(helpers):
    ids, positions = helpers.encode_ids(pa.array(["b", "a", "c", "a"]))
    assert ids.to_pylist() == ["a", "b", "c"]
    assert positions.tolist() == [1, 0, 2, 0]
    assert positions.dtype == np.int32


def test_encode_ids__among_given_ids_in_their_order(helpers):
    ids, positions = helpers.encode_ids(pa.array(["a", "z", "c", "a"]), pa.array(["c", "b", "a"]))
    assert ids.to_pylist() == ["c", "b", "a"]
    assert positions.tolist() == [2, -1, 0, 2]


@pytest.mark.parametrize("ids", [None, pa.array(["a"]), pa.array([], pa.string())])
def test_encode_ids__of_nothing(helpers, ids):
    found, positions = helpers.encode_ids(pa.array([], pa.string()), ids)
    assert found.to_pylist() == ([] if ids is None else ids.to_pylist())
    assert positions.tolist() == []
    assert helpers.encode_ids(pa.chunked_array([], pa.string()), ids)[1].tolist() == []


def test_encode_ids__among_no_ids(helpers):
    assert helpers.encode_ids(pa.array(["a", "b"]), pa.array([], pa.string()))[1].tolist() == [-1, -1]


def test_encode_ids__any_text_is_an_id(helpers):
    texts = ["é", "e", "Z", "z", "日本", "🛒", "it's", '"quoted"', "a\\b", " ", "1", "10", "9", "x" * 10_000, "{{ x }}"]
    ids, positions = helpers.encode_ids(pa.array(texts))
    # Code points, as Python sorts them; never a locale's order, which differs from machine to machine.
    assert ids.to_pylist() == sorted(texts, key=lambda text: text.encode())
    assert [ids[int(position)].as_py() for position in positions] == texts


def test_encode_ids__chunks_share_their_ids(helpers):
    chunked = pa.chunked_array([["b", "a"], [], ["c", "b"], ["a"]], pa.string())
    ids, positions = helpers.encode_ids(chunked)
    assert ids.to_pylist() == ["a", "b", "c"]
    assert positions.tolist() == [1, 0, 2, 1, 0]
    assert helpers.encode_ids(chunked, pa.array(["c", "a"]))[1].tolist() == [-1, 1, 0, -1, 1]


def test_encode_ids__many_chunks_of_a_relation(helpers, connection):
    relation = connection.sql("select 'u' || (range * 7919 % 300000) as user_id from range(300000)")
    column = helpers.read_table(relation, ["user_id"])["user_id"]
    assert column.num_chunks > 1
    ids, positions = helpers.encode_ids(column)
    assert ids.take(pa.array(positions)).equals(column.combine_chunks())
    assert ids.to_pylist() == sorted(set(column.to_pylist()))


# read_table, read_folds, write_table --------------------------------------------------------------------------------


def test_read_table__columns_and_condition(helpers, connection):
    table = helpers.read_table(connection.sql(INTERACTIONS), ["item_id", "fold"], "fold = 'live' and weight > 0")
    assert table.column_names == ["item_id", "fold"]
    assert sorted(table["item_id"].to_pylist()) == ["i1", "i3"]


def test_read_folds__sorted(helpers, connection):
    assert helpers.read_folds(connection.sql("select unnest(['tuning', 'live', 'backtest']) as fold")) == [
        "backtest",
        "live",
        "tuning",
    ]


def test_write_table__streams_lists_to_duckdb(helpers, connection):
    schema = pa.schema([("item_id", pa.string()), ("factors", pa.list_(pa.float32()))])
    vectors = np.arange(6, dtype=np.float32).reshape(3, 2)
    batches = (
        pa.record_batch([pa.array([name]), helpers.vector_column(vectors[[row]])], schema=schema)
        for row, name in enumerate("abc")
    )
    written = helpers.write_table(connection, schema, batches)  # noqa: F841, DuckDB finds it by its name
    assert connection.sql("select * from written").fetchall() == [("a", [0, 1]), ("b", [2, 3]), ("c", [4, 5])]


def test_write_table__of_nothing_has_the_columns(helpers, connection):
    schema = pa.schema([("item_id", pa.string()), ("factors", pa.list_(pa.float32()))])
    written = helpers.write_table(connection, schema, [])  # noqa: F841
    result = connection.sql("select * from written")
    assert (result.columns, result.fetchall()) == (["item_id", "factors"], [])


# read_weights, to_confidences ----------------------------------------------------------------------------------------


def test_read_weights__signed_and_of_one_fold(helpers, connection):
    users, items, matrix = helpers.read_weights(connection.sql(INTERACTIONS), "live")
    # u3's only weight is 0: no sign of taste, so neither u3 nor i2 is in the matrix.
    assert users.to_pylist() == ["u1", "u2"]
    assert items.to_pylist() == ["i1", "i3"]
    assert matrix.dtype == np.float32
    assert matrix.toarray().tolist() == [[-0.5, 1], [2, 0]]


@pytest.mark.parametrize(("alpha", "expected"), [(10, [[-6, 11], [21, 0]]), (0, [[-1, 1], [1, 0]])])
def test_to_confidences__signed(helpers, connection, alpha, expected):
    weights = helpers.read_weights(connection.sql(INTERACTIONS), "live")[2]
    before = weights.toarray()
    confidences = helpers.to_confidences(weights, alpha)
    assert confidences.dtype == np.float32
    assert confidences.toarray().tolist() == expected
    assert np.array_equal(weights.toarray(), before)


def test_read_weights__of_an_empty_fold(helpers, connection):
    users, items, matrix = helpers.read_weights(connection.sql(INTERACTIONS), "tuning")
    assert (len(users), len(items), matrix.shape, matrix.nnz) == (0, 0, (0, 0), 0)


def test_read_weights__row_order_does_not_matter(helpers, connection):
    connection.execute("""
        create table interactions as
        select 'live' as fold, 'u' || (range % 971) as user_id, 'i' || (range * 31 % 113) as item_id,
            (range % 23 - 5.5)::double as weight
        from range(20000)
        qualify row_number() over (partition by user_id, item_id order by range) = 1
    """)
    answers = [
        helpers.read_weights(connection.sql(f"select * from interactions order by {order}"), "live")
        for order in ("user_id, item_id", "hash(user_id || item_id)", "item_id desc, weight")
    ]
    for users, items, matrix in answers[1:]:
        assert users.equals(answers[0][0])
        assert items.equals(answers[0][1])
        # The stored form, not only the values: training walks along it.
        for part in ("indptr", "indices", "data"):
            assert np.array_equal(getattr(matrix, part), getattr(answers[0][2], part))
    assert answers[0][2].nnz == connection.sql("select count(*) from interactions").fetchall()[0][0]


# read_factors, vector_column ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["item_id", "item_id desc", "hash(item_id)"])
def test_read_factors__in_the_order_of_the_ids(helpers, connection, order):
    connection.execute("""
        create table factors as
        select 'live' as fold, 'i' || range as item_id, [range::float, -range::float, 0.5::float] as factors
        from range(5000)
        union all
        select 'backtest', 'i1', [9::float, 9::float, 9::float]
    """)
    relation = connection.sql(f"select * from factors order by {order}")
    ids, vectors = helpers.read_factors(relation, "item_id", "live")
    assert ids.to_pylist() == sorted(f"i{number}" for number in range(5000))
    assert (vectors.dtype, vectors.shape, vectors.flags.writeable) == (np.float32, (5000, 3), True)
    numbers = np.array([int(text[1:]) for text in ids.to_pylist()])
    assert np.array_equal(vectors, np.column_stack([numbers, -numbers, np.full(5000, 0.5)]).astype(np.float32))


def test_read_factors__of_an_empty_fold(helpers, connection):
    relation = connection.sql("select 'live' as fold, 'i1' as item_id, [1::float] as factors")
    ids, vectors = helpers.read_factors(relation, "item_id", "backtest")
    assert (ids.to_pylist(), vectors.shape) == ([], (0, 0))
    # als_user_factors compares these ids with those of the matrix, so an empty fold must give equal ones.
    empty = connection.sql(f"{INTERACTIONS} limit 0")
    assert ids.equals(helpers.read_weights(empty, "backtest")[1])


def test_vector_column__one_list_per_row(helpers):
    vectors = np.arange(12, dtype=np.float32).reshape(4, 3)
    assert helpers.vector_column(vectors).to_pylist() == vectors.tolist()
    # Memory that isn't laid out row by row, as a transposed or a sliced array's.
    assert helpers.vector_column(vectors.T).to_pylist() == vectors.T.tolist()
    assert helpers.vector_column(vectors[1:3]).to_pylist() == vectors[1:3].tolist()
    assert helpers.vector_column(vectors[:, 1:]).to_pylist() == vectors[:, 1:].tolist()


def test_vector_column__of_no_rows(helpers):
    assert helpers.vector_column(np.empty((0, 3), dtype=np.float32)).to_pylist() == []


# choose_settings ----------------------------------------------------------------------------------------------------

TRIALS = """
    select generator, as_of::timestamp as as_of, trial::bigint as trial, settings, ndcg::double as ndcg
    from (values
        ('sequence', '2026-01-01', 1, '{"decay": 0.1, "n_steps": 99}', 0.9),
        ('sequence', '2026-01-02', 1, '{"decay": 0.2}', 0.3),
        ('sequence', '2026-01-02', 2, '{"decay": 0.3}', 0.4),
        ('sequence', '2026-01-02', 3, '{"decay": 0.4}', 0.4),
        ('content', '2026-01-03', 1, '{"decay": 0.5}', 0.8)
    ) as trials(generator, as_of, trial, settings, ndcg)
"""


def test_choose_settings__given_before_tuned_before_default(helpers, connection):
    folds = connection.sql("select timestamp '2026-01-05' as as_of")
    trials, none = connection.sql(TRIALS), connection.sql(f"{TRIALS} limit 0")
    defaults = helpers.DEFAULT_SETTINGS["sequence"]
    assert helpers.choose_settings("sequence", {}, none, folds) == defaults
    assert helpers.choose_settings("sequence", {"decay": "auto"}, none, folds) == defaults
    # The newest search's best trial, and of two as good the first; what an older search found is gone.
    assert helpers.choose_settings("sequence", {"n_steps": "auto"}, trials, folds) == defaults | {"decay": 0.3}
    assert helpers.choose_settings("sequence", {"decay": 0, "n_steps": 3}, trials, folds) == defaults | {
        "decay": 0,
        "n_steps": 3,
    }
    # A replay of an earlier day doesn't know what a later search found.
    earlier = connection.sql("select timestamp '2026-01-01' as as_of")
    assert helpers.choose_settings("sequence", {}, trials, earlier) == defaults | {"decay": 0.1, "n_steps": 99}
    assert helpers.choose_settings("neighbors", {}, trials, folds) == helpers.DEFAULT_SETTINGS["neighbors"]


def test_choose_settings__what_does_not_exist_is_named(helpers, connection):
    with pytest.raises(ValueError, match="kindred__content has 'steps': its settings are decay, n_steps"):
        helpers.choose_settings("content", {"steps": 3}, connection.sql(TRIALS), connection.sql("select null as as_of"))


def test_default_settings__are_those_that_can_be_given(helpers):
    macro = (REPOSITORY / "macros/settings/generator_settings.sql").read_text(encoding="utf-8")
    allowed = dict(re.findall(r"'kindred__(\w+)': \[(.*?)\]", macro, flags=re.DOTALL))
    for generator, settings in helpers.DEFAULT_SETTINGS.items():
        assert re.findall(r"'(\w+)'", allowed[generator]) == list(settings)


# Rendered into models -----------------------------------------------------------------------------------------------


def test_every_python_model_gets_the_helpers(sample_shop):
    compiled = list((sample_shop.database.parent / "target/run/kindred/python_models").glob("*.py"))
    assert {path.stem for path in compiled} == {path.stem for path in (REPOSITORY / "python_models").glob("*.py")}
    macros = {path.stem for path in (REPOSITORY / "macros/python").glob("python_*.sql")}
    assert macros
    for path in compiled:
        text = path.read_text(encoding="utf-8")
        for macro in macros:
            definitions = re.findall(
                r"^def \w+\(", (REPOSITORY / f"macros/python/{macro}.sql").read_text(), re.MULTILINE
            )
            assert definitions
            for definition in definitions:
                assert text.count("\n" + definition) == 1, (path.name, macro, definition)


def test_no_part_of_implicit_is_imported_before_the_whole():
    """Its parts import one another in a circle: models in two threads that begin with different parts deadlock."""
    for folder in ("macros/python", "python_models"):
        for path in (REPOSITORY / folder).iterdir():
            assert not re.search(r"(from|import) implicit\.", path.read_text(encoding="utf-8")), path.name


def test_ruff_knows_exactly_the_helpers_that_models_use(helpers):
    """A helper that a model names by a misspelt name is then an undefined name to ruff."""
    shared = {name for name in vars(helpers) if not name.startswith("__")}
    settings = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    used = set()
    for path in (REPOSITORY / "python_models").glob("*.py"):
        module = symtable.symtable(path.read_text(encoding="utf-8"), path.name, "exec")
        own = {symbol.get_name() for symbol in module.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
        used |= (names_of(module) & shared) - own
    assert settings["tool"]["ruff"]["builtins"] == sorted(used)


def names_of(scope):
    """The global names that a scope and those within it refer to."""
    names = {s.get_name() for s in scope.get_symbols() if s.is_referenced() and not (s.is_local() or s.is_free())}
    return names.union(*(names_of(child) for child in scope.get_children()))

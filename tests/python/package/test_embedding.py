"""The package as text inside dbt's Python models: what is embedded, and how a model finds it."""

import ast
import importlib
import json
import os
import re
import shutil
import subprocess
import sys

import jinja2
import pytest
from conftest import REPOSITORY

from kindred import __version__
from kindred.embed import FORBIDDEN, LOADER, embedded_sources, render_package

MODELS = sorted(REPOSITORY.glob("python_models/*/*.py"))
MACRO = REPOSITORY / "macros/embedded/py_script_comment.sql"


def rendered_macro():
    """What dbt appends to each compiled Python model."""
    environment = jinja2.Environment(extensions=["jinja2.ext.do"])
    environment.globals |= {
        "tojson": json.dumps,
        "invocation_id": "this-run",
        "env_var": lambda name, default: default,
        "kindred": {"setting": lambda group, key: f"{group}.{key}"},
        "target": {"path": "k.duckdb"},
    }
    return environment.from_string(MACRO.read_text(encoding="utf-8")).module.py_script_comment()


def run_python(folder, script, *, path="", **files):
    """What a Python process of its own prints, where the package is found only if `path` leads to it; never raises."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"PYTHONPATH": str(path)} if path else {}
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, env=environment, capture_output=True, text=True)
    return done.stdout.split("\n")[:-1] if done.returncode == 0 else [done.stderr]


# The macro ----------------------------------------------------------------------------------------------------------


def embed(project, *arguments):
    command = [sys.executable, "-m", "kindred.embed", *arguments]
    environment = os.environ | {"PYTHONPATH": str(project / "src")}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def test_macro__is_what_make_embed_writes():
    assert embed(REPOSITORY, "--check") == (0, "")


def test_macro__a_stale_one_is_found_and_rewritten(tmp_path):
    for part in ("src", "macros", "models", "python_models", "docs", "seeds/config"):
        shutil.copytree(REPOSITORY / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    module = tmp_path / "src/kindred/matrices.py"
    module.write_text(module.read_text(encoding="utf-8") + "\nADDED = 1\n", encoding="utf-8")
    stale = "macros/embedded/py_script_comment.sql is stale: run `make embed`"
    returncode, said = embed(tmp_path, "--check")
    assert (returncode, said.strip()) == (1, stale)
    assert "ADDED" not in (tmp_path / "macros/embedded/py_script_comment.sql").read_text(encoding="utf-8")
    assert embed(tmp_path) == (0, "")
    assert embed(tmp_path, "--check") == (0, "")
    assert "ADDED = 1" in (tmp_path / "macros/embedded/py_script_comment.sql").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", FORBIDDEN)
def test_macro__what_a_compiled_model_cannot_hold_is_refused(text):
    with pytest.raises(ValueError, match=f"src/kindred/a.py has {re.escape(repr(text))}"):
        render_package({"kindred/a.py": f"NOTHING = 1\nTEXT = '{text}'\n"})


def test_macro__gives_back_each_source_and_names_its_version():
    namespace = {}
    exec(rendered_macro().split("\ndef embed_kindred(")[0], namespace)
    assert namespace["KINDRED_SOURCES"] == embedded_sources()
    assert namespace["KINDRED_VERSION"] == __version__


def test_every_python_model_gets_the_package(sample_shop):
    compiled = list((sample_shop.database.parent / "target/run/kindred/python_models").glob("*/*.py"))
    # Those of optional generators and of the text encoder are off until they are named.
    assert {path.stem for path in MODELS} - {path.stem for path in compiled} == {
        "item_text_vectors",
        "transformer_parameters",
        "transformer_user_factors",
        "transformer_candidates",
    }
    [fingerprint] = re.findall(r"^KINDRED_FINGERPRINT = .*$", rendered_macro(), re.MULTILINE)
    for path in compiled:
        text = path.read_text(encoding="utf-8")
        assert text.count(f"\n{fingerprint}\n") == 1, path.name
        assert text.count("\nembed_kindred(KINDRED_VERSION, KINDRED_FINGERPRINT, KINDRED_SOURCES, {") == 1, path.name


# The models ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_model__is_a_thin_caller(path):
    docstring, model = ast.parse(path.read_text(encoding="utf-8")).body
    assert isinstance(docstring.value.value, str)
    assert (model.name, [argument.arg for argument in model.args.args]) == ("model", ["dbt", "session"])
    assert model.end_lineno - model.lineno + 1 <= 25


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_model__each_name_of_the_package_exists_and_is_embedded(path):
    """No import of a model is checked before it runs, and the type checker doesn't see these files."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    embedded = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in embedded_sources()}
    modules = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            assert not any(alias.name.startswith("kindred") for alias in node.names), "from kindred import ..."
        if isinstance(node, ast.ImportFrom) and node.module.split(".")[0] == "kindred":
            assert node.module in embedded
            for alias in node.names:
                if f"{node.module}.{alias.name}" in embedded:
                    modules[alias.asname or alias.name] = importlib.import_module(f"{node.module}.{alias.name}")
                else:
                    assert hasattr(importlib.import_module(node.module), alias.name), alias.name
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            assert hasattr(modules[node.value.id], node.attr), node.attr


def test_no_part_of_implicit_is_imported_before_the_whole():
    """Its parts import one another in a circle: models in two threads that begin with different parts deadlock."""
    paths = [*MODELS, *(REPOSITORY / "src/kindred").rglob("*.py")]
    assert len(paths) > 20
    for path in paths:
        assert not re.search(r"(from|import) implicit\.", path.read_text(encoding="utf-8")), path.name


# Finding it ---------------------------------------------------------------------------------------------------------

EMBED = "exec(open('macro.py').read())\n"
INSTALLED = """
import importlib.metadata
real = importlib.metadata.version
def version(name):
    if name != "kindred":
        return real(name)
    if {version!r} is None:
        raise importlib.metadata.PackageNotFoundError(name)
    return {version!r}
importlib.metadata.version = version
"""
NO_KINDRED = INSTALLED.format(version=None)


def test_embedded__the_whole_package_with_nothing_installed(tmp_path):
    """Every module that is embedded can be imported, none from a disk, and this run's values are there."""
    script = NO_KINDRED + EMBED
    script += """
import importlib
for path in KINDRED_SOURCES:
    module = importlib.import_module(path.removesuffix(".py").removesuffix("/__init__").replace("/", "."))
    assert module.__file__ == f"<embedded {path}>", module.__file__
from kindred.generators import registry
from kindred.run import current
print(",".join(registry()), current("run_id"), current("serving_path"), current("database"))
import kindred.embed
"""
    # The modules that make the macro aren't in it.
    [said] = run_python(tmp_path, script, macro=rendered_macro())
    assert "ModuleNotFoundError: No module named 'kindred.embed'" in said
    said = run_python(tmp_path, script.replace("import kindred.embed\n", ""), macro=rendered_macro())
    assert said == ["als,content,neighbors,sequence,sessions,slim,spectral,transformer this-run serving.path k.duckdb"]


def test_embedded__runs_also_where_the_package_is_installed(tmp_path):
    """What was imported from a disk before the model ran is put aside: both copies at once would be two packages."""
    script = "import kindred.matrices\nprint(kindred.matrices.__file__)\n" + EMBED
    script += "import kindred.matrices\nprint(kindred.matrices.__file__)\n"
    before, after = run_python(tmp_path, script, path=REPOSITORY / "src", macro=rendered_macro())
    assert before == str(REPOSITORY / "src/kindred/matrices.py")
    assert after == "<embedded kindred/matrices.py>"


@pytest.mark.parametrize("version", [None, __version__, "0.0.9"])
def test_embedded__an_installed_package_of_another_version_is_refused(tmp_path, version):
    script = INSTALLED.format(version=version) + EMBED + "print('it runs')"
    [said] = run_python(tmp_path, script, macro=rendered_macro())
    if version == "0.0.9":
        assert f"kindred 0.0.9 is installed in this Python, and the dbt package is kindred {__version__}" in said
        assert f"run `pip install kindred=={__version__}`, or set the dbt package to revision 0.0.9" in said
    else:
        assert said == "it runs"


def sources(**modules):
    return {"kindred/__init__.py": "", "kindred/run.py": "CURRENT = {}\n"} | {
        f"kindred/{name}.py": text for name, text in modules.items()
    }


def test_embedded__two_modules_that_import_one_another(tmp_path):
    given = sources(
        one="import kindred.two\n\ndef even(n):\n    return n == 0 or kindred.two.odd(n - 1)\n",
        two="import kindred.one\n\ndef odd(n):\n    return n != 0 and kindred.one.even(n - 1)\n",
    )
    script = NO_KINDRED + "exec(open('loader.py').read())\n"
    script += f"embed_kindred('1', 'f', {given!r}, {{}})\nfrom kindred.one import even\nprint(even(10), even(7))"
    assert run_python(tmp_path, script, loader=LOADER) == ["True False"]


def test_embedded__several_threads_at_once(tmp_path):
    """dbt runs models in threads of one process: each module is run once, and nobody sees half of one."""
    given = sources(slow="import time, kindred.run\nkindred.run.RUNS.append(1)\ntime.sleep(0.2)\nDONE = True\n")
    given["kindred/run.py"] += "RUNS = []\n"
    script = f"""{NO_KINDRED}
import threading
exec(open('loader.py').read())
seen, start = [], threading.Barrier(8)

def model(number):
    start.wait()
    embed_kindred('1', 'f', {given!r}, {{'number': number}})
    from kindred import slow
    seen.append((id(slow), slow.DONE))

threads = [threading.Thread(target=model, args=(number,)) for number in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
import sys, kindred.run
print(len(seen), len(set(seen)), len(kindred.run.RUNS))
print(sum(hasattr(finder, 'kindred_fingerprint') for finder in sys.meta_path))
"""
    assert run_python(tmp_path, script, loader=LOADER) == ["8 1 1", "1"]


def test_embedded__other_sources_take_the_place_of_the_first(tmp_path):
    """One process may run dbt twice, as dbt's Python API does; between the runs the package may have changed."""
    first, second = sources(a="VALUE = 1\n", gone="VALUE = 1\n"), sources(a="VALUE = 2\n")
    script = f"""{NO_KINDRED}
import sys
exec(open('loader.py').read())
embed_kindred('1', 'first', {first!r}, {{'run_id': 'one'}})
import kindred.gone
from kindred.a import VALUE
print(VALUE)
embed_kindred('1', 'first', {first!r}, {{'run_id': 'two'}})
import kindred.run
print(sys.modules['kindred.gone'] is kindred.gone, kindred.run.CURRENT)
embed_kindred('1', 'second', {second!r}, {{'run_id': 'three'}})
from kindred.a import VALUE
print(VALUE, 'kindred.gone' in sys.modules, sum(hasattr(finder, 'kindred_fingerprint') for finder in sys.meta_path))
"""
    expected = ["1", "True {'run_id': 'two'}", "2 False 1"]
    assert run_python(tmp_path, script, loader=LOADER) == expected

"""The command line: serve lists, explain them, list releases, go back to one and resume, export, write the report.

    kindred serve [--port 8000]
    kindred releases
    kindred rollback [RELEASE_ID] [--reason "why"]
    kindred resume
    kindred export [FOLDER]
    kindred land kafka --brokers HOST:PORT --topic TOPIC [--folder landing]
    kindred land files [--folder landing]
    kindred forget [FILE]
    kindred unforget FILE
    kindred results [EXPERIMENT] [--by segment]
    kindred plan [EXPERIMENT] [--lift 0.05]
    kindred explain USER [ITEM] [--json]
    kindred search WORDS [--user USER] [--n 10]
    kindred plan --mean 0.04 --lift 0.05 [--sd 1.2] [--people-per-day 800]
    kindred report [--output report.html]
    kindred mcp

The serving folder is --folder, or else where builds publish (kindred.publishing.settings). PostgreSQL has the last
release alone, so nothing to go back to; on Snowflake dbt goes back (`dbt run-operation roll_back`).
"""

from __future__ import annotations

import argparse
import getpass
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kindred import __version__
from kindred.publishing import folder as publishing
from kindred.publishing.settings import serving_folder, serving_settings

if TYPE_CHECKING:
    from kindred.landing.tables import Tables

# What `land`, `forget` and `unforget` hand on to dbt.
DBT_OPTIONS = ("--target", "--vars", "--target-path", "--log-path")


def describe(
    releases: Iterable[Mapping[str, Any]], current: str | None, rollback: Mapping[str, Any] | None
) -> list[str]:
    """The lines of `releases`."""
    lines = [
        f"{'*' if release['release_id'] == current else ' '} {release['release_id']}  {release['n_lists']:>9,} lists"
        f"  as of {release['as_of']}  made {release['generated_at']}  expires {release['expires_at']}"
        for release in releases
    ]
    if rollback and rollback["is_held"]:
        lines.append(f"publication is held since {rollback['at']} by {rollback['by']}; `kindred resume` ends the hold")
    return lines


def find_folder(given: str | None) -> Path:
    """The serving folder. Raises RuntimeError where there is none that keeps releases."""
    if given is None and serving_settings().get("store") == "postgres":
        raise RuntimeError(
            "kindred__serving has the store postgres, which keeps the last release alone: there is nothing to list or "
            "to go back to. Build again with what was right, or restore its schema kindred_serving from a backup"
        )
    folder = Path(given) if given else serving_folder()
    if not folder.is_dir():
        raise RuntimeError(
            f"{folder} is no folder: nothing was published there yet, or --folder or KINDRED_SERVING_PATH names "
            "another. PostgreSQL keeps no older release; on Snowflake it is `dbt run-operation show_releases`"
        )
    return folder


def list_releases(given: argparse.Namespace) -> None:
    folder = find_folder(given.folder)
    releases = publishing.list_releases(folder)
    lines = describe(releases, publishing.current_id(folder), publishing.read_rollback(folder))
    print("\n".join(lines) or f"{folder} has no release")


def roll_back(given: argparse.Namespace) -> None:
    folder = find_folder(given.folder)
    before, after = publishing.roll_back(folder, given.release_id, getpass.getuser(), given.reason)
    print(f"apps read {after} now, before {before}; builds publish nothing until `kindred resume`")


def resume(given: argparse.Namespace) -> None:
    held = publishing.resume(find_folder(given.folder))
    print(f"the hold of {held['at']} by {held['by']} is over: the next build publishes" if held else "no hold")


def serve(given: argparse.Namespace) -> None:
    try:
        from kindred.serving import api
    except ImportError as error:
        raise RuntimeError(f"{error.name} is missing: pip install 'kindred[serve]'") from error
    if given.workers < 1:
        raise RuntimeError("--workers: at least 1")
    log_folder = Path(given.request_log) if given.request_log else None
    folder = Path(given.folder) if given.folder else serving_folder()
    api.serve(folder, given.host, given.port, given.workers, log_folder, given.reason_writer)


def export(given: argparse.Namespace) -> None:
    """Let dbt, which knows where the tables are, write the files (macros/operations/export_for_devices.sql)."""
    folder = Path(given.to)
    folder.mkdir(parents=True, exist_ok=True)
    # As a module dbt would warn of itself.
    command = [sys.executable, "-c", "from dbt.cli.main import cli; cli()", "--quiet", "run-operation"]
    done = subprocess.run([*command, "kindred.export_for_devices", "--args", json.dumps({"folder": str(folder)})])
    if done.returncode:
        raise RuntimeError("dbt could not export: run this in the folder of your dbt project, after `dbt build`")


def dbt_options(given: argparse.Namespace) -> list[str]:
    """The options of dbt as dbt gets them."""
    values = {option: getattr(given, option.strip("-").replace("-", "_")) for option in DBT_OPTIONS}
    return [text for option, value in values.items() if value for text in (option, value)]


def land_kafka(given: argparse.Namespace) -> None:
    from kindred.landing import kafka
    from kindred.landing.tables import landed_offsets, open_tables

    tables = None if given.only_files else open_tables(given.schema, dbt_options(given))
    known = landed_offsets(tables) if tables else {}
    config = kafka.read_config(given.config) if given.config else {}
    lines = kafka.fetch(given.brokers, given.topic, Path(given.folder), known, given.seconds, given.max_bytes, config)
    print("\n".join(lines))
    if tables:
        print_landing(given, tables)


def land_files(given: argparse.Namespace) -> None:
    from kindred.landing.tables import open_tables

    print_landing(given, open_tables(given.schema, dbt_options(given)))


def print_landing(given: argparse.Namespace, tables: Tables) -> None:
    from kindred.landing.tables import land

    landing = land(Path(given.folder), tables)
    print("\n".join(landing.lines()))
    if landing.problems:
        raise RuntimeError("not everything is landed, see NOT LANDED above; what could be read is there")


def forget(given: argparse.Namespace) -> None:
    from kindred.erasure.forget import forget

    report = forget(given.file, dbt_options(given))
    print("\n".join(report.lines()))
    if report.n_ids and not report.is_proved:
        raise RuntimeError("not everything is erased, see NOT ERASED above")


def unforget(given: argparse.Namespace) -> None:
    from kindred.erasure.forget import unforget

    print(f"{unforget(given.file, dbt_options(given)):,} ids are taken in again from the next build on")


def results(given: argparse.Namespace) -> None:
    from kindred.built import read_built
    from kindred.experiments.report import show_results

    print("\n".join(show_results(read_built(dbt_options(given)), given.experiment, given.by or "")))


def plan(given: argparse.Namespace) -> None:
    from kindred.experiments.report import plan_by_hand, show_plans

    if given.mean is not None:
        if given.lift is None:
            raise RuntimeError("--mean needs --lift, the relative effect to be found, such as 0.05")
        print("\n".join(plan_by_hand(given.mean, given.sd, given.lift, given.people_per_day)))
        return
    from kindred.built import read_built

    print("\n".join(show_plans(read_built(dbt_options(given)), given.experiment, given.lift)))


def explain(given: argparse.Namespace) -> None:
    from kindred.built import read_built
    from kindred.explain.command import explain

    print("\n".join(explain(read_built(dbt_options(given)), given.user, given.item, given.json)))


def search(given: argparse.Namespace) -> None:
    from kindred.serving import NoRelease, Store

    if given.n < 1:
        raise RuntimeError("--n: at least 1")
    try:
        from kindred.search import found_lines

        store = Store(Path(given.folder) if given.folder else serving_folder())
        found = store.search(given.words, given.user, given.n)
    except NoRelease as error:
        raise RuntimeError(f"{error}. A search reads the releases of the store sqlite alone") from error
    except ImportError as error:
        raise RuntimeError(f"{error.name} is missing, which a search needs: pip install 'kindred[serve]'") from error
    print("\n".join(found_lines(found, has_person=given.user is not None)))


def report(given: argparse.Namespace) -> None:
    from kindred.report.write import write_report

    output = Path(given.output) if given.output else None
    print("\n".join(write_report(dbt_options(given), given.folder, output)))


def mcp(given: argparse.Namespace) -> None:
    try:
        from kindred.serving import mcp as server
    except ImportError as error:
        raise RuntimeError(f"{error.name} is missing: pip install 'kindred[mcp]'") from error
    server.serve(Path(given.folder) if given.folder else serving_folder())


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="kindred", description="Serve recommendations and look after their releases.")
    parser.add_argument("--version", action="version", version=f"kindred {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    served = argparse.ArgumentParser(add_help=False)
    served.add_argument("--folder", help="the serving folder; default: where builds publish")

    one = commands.add_parser("serve", parents=[served], help="lists over HTTP, from the release that is current")
    one.add_argument("--host", default="127.0.0.1", help="the address to listen on (%(default)s: this machine alone)")
    one.add_argument("--port", type=int, default=8000, help="%(default)s")
    one.add_argument("--workers", type=int, default=2, help="processes that answer (%(default)s)")
    one.add_argument("--request-log", metavar="FOLDER", help="write a line of JSON for each request into this folder")
    one.add_argument("--reason-writer", metavar="MODULE:FUNCTION", help="your function that writes reasons, checked")
    one.set_defaults(run=serve)
    one = commands.add_parser("releases", parents=[served], help="the releases, newest first; * is what apps read")
    one.set_defaults(run=list_releases)
    one = commands.add_parser(
        "rollback", parents=[served], help="let apps read an older release and hold all builds back"
    )
    one.add_argument("release_id", nargs="?", help="default: the one before the current")
    one.add_argument("--reason", default="", help="is shown by the builds that are held")
    one.set_defaults(run=roll_back)
    one = commands.add_parser("resume", parents=[served], help="let the next build publish again")
    one.set_defaults(run=resume)
    one = commands.add_parser("export", help="neighbours and item factors as files, for lists without a server")
    one.add_argument("to", nargs="?", default="export", metavar="FOLDER", help="where to (%(default)s)")
    one.set_defaults(run=export)

    dbt = argparse.ArgumentParser(add_help=False)
    for option in DBT_OPTIONS:
        dbt.add_argument(option, help="as dbt has it")
    land = commands.add_parser("land", help="messages of a stream into files and the tables that dbt reads")
    sources = land.add_subparsers(dest="source", required=True)
    landed = argparse.ArgumentParser(add_help=False)
    landed.add_argument("--folder", default="landing", help="the folder of the files (%(default)s)")
    landed.add_argument("--schema", help="of landed_events; default: that of kindred__trackers, stream")
    one = sources.add_parser("kafka", parents=[landed, dbt], help="read topics into files, and load these")
    one.add_argument("--brokers", required=True, help="host:port of a broker, or several with commas")
    one.add_argument("--topic", required=True, action="append", help="may stand more than once")
    one.add_argument("--for", dest="seconds", type=float, metavar="SECONDS", help="default: until all there is is read")
    one.add_argument("--max-bytes", type=int, default=64_000_000, help="of a file, about (%(default)s)")
    one.add_argument("--config", metavar="FILE", help="key=value settings of the client, such as sasl.password")
    one.add_argument("--only-files", action="store_true", help="load nothing: no dbt project is needed")
    one.set_defaults(run=land_kafka)
    one = sources.add_parser("files", parents=[landed, dbt], help="load files, such as Kafka Connect's")
    one.set_defaults(run=land_files)
    one = commands.add_parser("forget", parents=[dbt], help="erase people everywhere, and keep them out")
    one.add_argument(
        "file", nargs="?", help="one id a line, - = standard input; without it, those of the input erasures alone"
    )
    one.set_defaults(run=forget)
    one = commands.add_parser("unforget", parents=[dbt], help="take ids in again that were forgotten")
    one.add_argument("file", help="one id a line, - = standard input")
    one.set_defaults(run=unforget)
    one = commands.add_parser("results", parents=[dbt], help="what experiments found, and whether they can be read")
    one.add_argument("experiment", nargs="?", help="default: all")
    one.add_argument("--by", choices=("segment", "activity"), help="a kind of segment; default: everybody")
    one.set_defaults(run=results)
    one = commands.add_parser("plan", parents=[dbt], help="the effect that an experiment can find, people and days")
    one.add_argument("experiment", nargs="?", help="default: all that are declared")
    one.add_argument("--lift", type=float, help="people and days for this relative effect, such as 0.05")
    one.add_argument("--mean", type=float, help="plan without a warehouse: the metric's mean, or a share")
    one.add_argument("--sd", type=float, help="its standard deviation per person; default: that of a share")
    one.add_argument("--people-per-day", type=float, help="people exposed a day, in both arms")
    one.set_defaults(run=plan)
    one = commands.add_parser(
        "explain", parents=[dbt], help="why a person has this list, or an item this place or none"
    )
    one.add_argument("user", help="any id of the person, a device's too")
    one.add_argument("item", nargs="?", help="an item_id; default: the whole list")
    one.add_argument("--json", action="store_true", help="the rows that the words are made of")
    one.set_defaults(run=explain)
    one = commands.add_parser("search", parents=[served], help="items by words, with a person's taste")
    one.add_argument("words", help="what is looked for, in quotes")
    one.add_argument("--user", help="any id of the person; the release puts what was found in their order")
    one.add_argument("--n", type=int, default=10, help="items to show (%(default)s)")
    one.set_defaults(run=search)
    one = commands.add_parser(
        "report", parents=[served, dbt], help="what the last build's tables say, as one HTML file"
    )
    one.add_argument("--output", metavar="FILE", help="default: report.html in the serving folder")
    one.set_defaults(run=report)
    one = commands.add_parser(
        "mcp", parents=[served], help="the release and metrics for agents, on standard input and output"
    )
    one.set_defaults(run=mcp)
    return parser


def main(arguments: list[str] | None = None) -> None:
    given = make_parser().parse_args(arguments)
    try:
        given.run(given)
    except (RuntimeError, OSError) as error:
        sys.exit(f"kindred: {error}")


if __name__ == "__main__":
    main()

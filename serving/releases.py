"""The releases in the serving folder: list them, go back to one, end the hold that this puts on publication.

    python serving/releases.py list
    python serving/releases.py rollback [RELEASE_ID] [--reason "why"]
    python serving/releases.py resume

The folder is --folder, or else where builds publish and `make serve` reads (settings.py). PostgreSQL has the last
release alone, so nothing to go back to; on Snowflake dbt goes back (macros/operations/roll_back.sql).
"""

import argparse
import getpass
import importlib.util
import sys
from pathlib import Path

MODEL = Path(__file__).resolve().parents[1] / "python_models/releases.py"


def load(path):
    """A file as a module: the dbt model that publishes is in no package, and neither is this file when it is run."""
    specification = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def describe(releases, current, rollback):
    """The lines of `list`."""
    lines = [
        f"{'*' if release['release_id'] == current else ' '} {release['release_id']}  {release['n_lists']:>9,} lists"
        f"  as of {release['as_of']}  made {release['generated_at']}  expires {release['expires_at']}"
        for release in releases
    ]
    if rollback and rollback["is_held"]:
        lines.append(f"publication is held since {rollback['at']} by {rollback['by']}; `resume` ends the hold")
    return lines


def main(arguments=None):
    parser = argparse.ArgumentParser(description="List releases, go back to one, or let builds publish again.")
    parser.add_argument("--folder", help="the serving folder; default: where builds publish")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="the releases, newest first; * is what apps read")
    rollback = commands.add_parser("rollback", help="let apps read an older release and hold all builds back")
    rollback.add_argument("release_id", nargs="?", help="default: the one before the current")
    rollback.add_argument("--reason", default="", help="is shown by the builds that are held")
    commands.add_parser("resume", help="let the next build publish")
    given = parser.parse_args(arguments)

    publishing, settings = load(MODEL), load(Path(__file__).with_name("settings.py"))
    folder = Path(given.folder) if given.folder else settings.serving_folder()
    try:
        if not given.folder and settings.project_variables().get("kindred__serving_store") == "postgres":
            raise RuntimeError(
                "kindred__serving_store is postgres, which keeps the last release alone: there is nothing to list or "
                "to go back to. Build again with what was right, or restore its schema kindred_serving from a backup"
            )
        if not folder.is_dir():
            raise RuntimeError(
                f"{folder} is no folder: nothing was published there yet, or --folder or KINDRED_SERVING_PATH names "
                "another. PostgreSQL keeps no older release; on Snowflake it is `dbt run-operation show_releases`"
            )
        if given.command == "list":
            releases = publishing.list_releases(folder)
            lines = describe(releases, publishing.current_id(folder), publishing.read_rollback(folder))
            print("\n".join(lines) or f"{folder} has no release")
        elif given.command == "rollback":
            before, after = publishing.roll_back(folder, given.release_id, getpass.getuser(), given.reason)
            print(f"apps read {after} now, before {before}; builds publish nothing until `resume`")
        else:
            held = publishing.resume(folder)
            print(f"the hold of {held['at']} by {held['by']} is over: the next build publishes" if held else "no hold")
    except (RuntimeError, OSError) as error:
        sys.exit(f"kindred: {error}")


if __name__ == "__main__":
    main()

"""`kindred forget` is killed at 20 moments while an app reads: the next run finishes it, and the app misses nothing."""

import os
import random
import signal
import subprocess
import threading
import time

import pytest
from conftest import REPOSITORY
from erasable_shop import TABLES, ErasableShop
from released_shop import keep_releases

from kindred.serving import Store

pytestmark = pytest.mark.slow
N_KILLS = 20


class Reader(threading.Thread):
    """An app that reads the list of somebody who stays."""

    def __init__(self, folder):
        super().__init__(daemon=True)
        self.store, self.user, self.n_reads, self.broken, self.is_over = Store(folder), "person-39", 0, [], False

    def run(self):
        while not self.is_over:
            found = self.store.recommend(self.user, n=5)
            if len(found["items"]) != 5 or "-p-" not in found["list_id"]:
                self.broken.append(found)
            self.n_reads += 1
            time.sleep(0.002)


def test_killed_at_any_moment(tmp_path):
    shop = ErasableShop(tmp_path).give(**TABLES).build()
    keep_releases(shop.folder, 5)
    began = time.monotonic()
    done = shop.kindred("forget", "-", ids=["person-10", "person-11", "person-12"])
    seconds = time.monotonic() - began
    assert done.returncode == 0 and "nobody waits" in shop.kindred("forget").stdout
    reader = Reader(shop.folder)
    reader.start()
    chance, n_killed, n_noted = random.Random(1), 0, 0
    people = [f"person-{number}" for number in range(13, 13 + N_KILLS)]
    for number, person in enumerate(people):
        # Evenly spread over the run, so that each of its steps is met.
        moment = seconds * (number + chance.random()) / N_KILLS
        command, environment = shop.command("forget", "-")
        process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        process.stdin.write(f"{person}-phone\n".encode())
        process.stdin.close()
        time.sleep(moment)
        is_running = process.poll() is None
        os.killpg(process.pid, signal.SIGKILL) if is_running else None
        process.wait()
        n_killed += is_running
        is_noted = (tmp_path / "shop.duckdb.forgetting").exists()
        n_noted += is_noted
        # Where the ids were taken before the end, nobody has to give them again.
        again = shop.kindred("forget") if is_noted else shop.kindred("forget", "-", ids=[f"{person}-phone"])
        assert again.returncode == 0, again.stdout + again.stderr
        assert shop.columns_with(person) == {} and shop.files_with(person) == []
    reader.is_over = True
    reader.join()
    assert n_killed >= N_KILLS - 3 and n_noted > 3
    assert reader.n_reads > 1000 and reader.broken == []
    assert shop.value("select count(*) from identities where user_id like 'person-%'") > 0
    assert shop.value("select count(*) from forgotten_ids where erased_at is null") == 0

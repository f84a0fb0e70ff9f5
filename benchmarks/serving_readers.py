"""Readers of a serving folder, and the judgement of what they read.

A read is a person's published list by Store.recommend. Of the reads, counted are

* torn: the generator of an entry, its reason (it comes from another table) or the list_id is of another version than
  the release_id of the answer says (serving_world.py marks them);
* backwards: the release is older than one that the same reader saw before;
* empty: not as many items as were asked for, or not the list that was published for the person, who has one;
* failed: an exception.

Latency is the time of the call. A paced reader begins one call at each tick of its own clock and leaves out ticks that
it missed; an unpaced one begins the next call at once.
"""

from __future__ import annotations

import multiprocessing
import random
import sys
import threading
import time
from array import array
from collections import Counter
from pathlib import Path

from kindred.serving import Store

N_LISTED = 20
FAULTS = ("torn", "backwards", "empty", "failed")


class Judge:
    """Counts what is wrong with the answers that one reader gets."""

    def __init__(self):
        self.faults = Counter()
        self.last = ""
        self.releases = set()

    def see(self, answer: dict) -> None:
        release_id = answer["release_id"]
        version = int(release_id.split("-")[1])
        run, kind, _ = answer["list_id"].split("-")
        if len(answer["items"]) != N_LISTED or kind != "p":
            self.faults["empty"] += 1
        elif int(run) != version or any(
            item["generator"] != f"als-{version}" or item["reason"] != "your_history" for item in answer["items"]
        ):
            self.faults["torn"] += 1
        if release_id < self.last:
            self.faults["backwards"] += 1
        self.last = max(self.last, release_id)
        self.releases.add(release_id)


def read(folder: Path, n_people: int, rate: float | None, seed: int, ready, stop) -> dict[str, object]:
    """Read lists of random people until `stop` is set; rate: calls per second, None = unpaced.

    Returns seconds (one per call), faults (a Counter) and the release ids that were seen. Sets `ready` at the first
    call that was answered.
    """
    store, judge, draw = Store(folder), Judge(), random.Random(seed)
    seconds = array("d")
    tick = time.perf_counter() + (draw.random() / rate if rate else 0)
    while not stop.is_set():
        if rate:
            time.sleep(max(0.0, tick - time.perf_counter()))
            tick += (int(max(0.0, time.perf_counter() - tick) * rate) + 1) / rate
        user = f"u{draw.randrange(n_people):07d}"
        began = time.perf_counter()
        try:
            answer = store.recommend(user)
            seconds.append(time.perf_counter() - began)
            judge.see(answer)
        except Exception as error:
            if not judge.faults["failed"]:
                print(f"reader {seed}: {error!r}", file=sys.stderr)
            judge.faults["failed"] += 1
        ready.set()
    return {"seconds": seconds, "faults": judge.faults, "releases": judge.releases}


def put_reads(queue, *arguments):
    queue.put(read(*arguments))


def read_during(work, folder: Path, n_people: int, n_readers: int, rate: float | None, use_threads=False):
    """Call work() in this process while readers read, each in a process (or all in threads of one process).

    Returns the reads of all readers: seconds (sorted), faults by name, n_releases that some reader saw, duration.
    """
    processes = multiprocessing.get_context("spawn")
    queue, stop = processes.Queue(), processes.Event()
    started = [processes.Event() for _ in range(n_readers)]
    arguments = [(queue, folder, n_people, rate, seed, started[seed], stop) for seed in range(n_readers)]
    if use_threads:
        process = processes.Process(target=read_in_threads, args=(arguments,))
        readers = [process]
    else:
        readers = [processes.Process(target=put_reads, args=one) for one in arguments]
    for reader in readers:
        reader.start()
    try:
        for event in started:
            if not event.wait(60):
                raise RuntimeError("a reader doesn't read")
        began = time.perf_counter()
        work()
        duration = time.perf_counter() - began
    finally:
        stop.set()
    found = [queue.get(timeout=60) for _ in range(n_readers)]
    for reader in readers:
        reader.join()
    faults = sum((one["faults"] for one in found), Counter())
    return {
        "seconds": sorted(second for one in found for second in one["seconds"]),
        "faults": {name: faults[name] for name in FAULTS},
        "n_releases": len(set().union(*(one["releases"] for one in found))),
        "duration": duration,
    }


def read_in_threads(arguments):
    threads = [threading.Thread(target=put_reads, args=one) for one in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def percentile(ordered: list[float], share: float) -> float:
    """Return the value below which `share` of the sorted values lie, in their unit."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]

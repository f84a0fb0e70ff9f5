"""Load of a fixed rate over HTTP, and what each request took.

The load is open: the moments of sending are drawn beforehand (a Poisson process), and the latency of a request counts
from its moment, whether or not a connection was free then. So a service that stalls is charged for all who would have
come in the meantime.
"""

from __future__ import annotations

import http.client
import itertools
import json
import random
import threading
import time
from array import array
from collections import Counter

N_CONNECTIONS = 32


def session_bodies(n: int, n_people: int, n_items: int, seed: int) -> list[bytes]:
    """Return bodies of POST /session: 1 to 20 random items each, every other one of a known person."""
    draw = random.Random(seed)
    bodies = []
    for number in range(n):
        asked = {"items": [f"i{draw.randrange(n_items):06d}" for _ in range(draw.randint(1, 20))]}
        if number % 2:
            asked["user_id"] = f"u{draw.randrange(n_people):07d}"
        bodies.append(json.dumps(asked).encode())
    return bodies


def send_at_rate(port: int, path: str, bodies: list[bytes], rate: float, seed: int) -> dict[str, object]:
    """POST each body at its moment, `rate` a second on average, over kept connections to 127.0.0.1.

    Returns seconds (sorted, from the intended moment to the last byte), statuses (a Counter; "error" where the
    connection failed), and n_short: the lists of fewer than 20 items.
    """
    draw, lock = random.Random(seed), threading.Lock()
    moments = itertools.accumulate(draw.expovariate(rate) for _ in bodies)
    start = time.perf_counter() + 0.5
    requests = iter(list(zip(moments, bodies, strict=True)))
    seconds, statuses = array("d"), Counter()

    def work():
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.connect()
        while True:
            with lock:
                moment, body = next(requests, (None, None))
            if moment is None:
                break
            time.sleep(max(0.0, start + moment - time.perf_counter()))
            try:
                connection.request("POST", path, body, {"Content-Type": "application/json"})
                response = connection.getresponse()
                answer, status = response.read(), response.status
            except OSError:
                connection.close()
                answer, status = b"", "error"
            took = time.perf_counter() - start - moment
            with lock:
                seconds.append(took)
                statuses[status] += 1
                statuses["short"] += answer.count(b'"rank"') != 20
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(N_CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    n_short = statuses.pop("short")
    return {"seconds": sorted(seconds), "statuses": dict(statuses), "n_short": n_short}

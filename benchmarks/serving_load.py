"""Load of a fixed rate over HTTP, and what each request took.

The load is open: the moments of sending are drawn beforehand (a Poisson process), and the latency of a request counts
from its moment, whether or not a connection was free then. So a service that stalls is charged for all who would have
come in the meantime.
"""

from __future__ import annotations

import itertools
import json
import random
import re
import selectors
import socket
import time
from array import array
from collections import Counter, deque

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


def connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.setblocking(False)
    return connection


def whole_answer(received: bytes) -> tuple[int, bytes] | None:
    """Return status and body of an answer, or None while some of it is missing."""
    head, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, flags=re.IGNORECASE)
    if length is None or len(body) < int(length[1]):
        return None
    return int(head[9:12]), body


def send_at_rate(port: int, path: str, bodies: list[bytes], rate: float, seed: int) -> dict[str, object]:
    """POST each body at its moment, `rate` a second on average, over kept connections to 127.0.0.1.

    Returns seconds (sorted, from the intended moment to the last byte), statuses (a Counter; "error" where the
    connection failed), and n_short: the lists of fewer than 20 items. Raises TimeoutError where nothing comes for ten
    seconds.
    """
    draw = random.Random(seed)
    moments = itertools.accumulate(draw.expovariate(rate) for _ in bodies)
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: "
    # The one that rested longest comes next: a service closes what rests for seconds.
    free = deque(connect(port) for _ in range(N_CONNECTIONS))
    start = time.perf_counter() + 0.5
    waiting = deque(
        (start + moment, head.encode() + b"%d\r\n\r\n" % len(body) + body)
        for moment, body in zip(moments, bodies, strict=True)
    )
    seconds, statuses, n_short = array("d"), Counter(), 0
    # select() alone waits for less than a millisecond; one thread alone takes little from the service it measures.
    with selectors.SelectSelector() as selector:
        while waiting or selector.get_map():
            now = time.perf_counter()
            while waiting and free and waiting[0][0] <= now:
                moment, request = waiting.popleft()
                connection = free.popleft()
                connection.send(request)
                selector.register(connection, selectors.EVENT_READ, [moment, bytearray()])
            timeout = max(0.0, waiting[0][0] - time.perf_counter()) if waiting and free else 10
            ready = selector.select(timeout)
            if not ready and timeout == 10:
                raise TimeoutError(f"no answer to {len(selector.get_map())} requests of POST {path} for ten seconds")
            for key, _ in ready:
                moment, received = key.data
                try:
                    some = key.fileobj.recv(1 << 18)
                except OSError:
                    some = b""
                received += some
                answer = whole_answer(received)
                if some and answer is None:
                    continue
                selector.unregister(key.fileobj)
                seconds.append(time.perf_counter() - moment)
                if answer is None:
                    key.fileobj.close()
                    free.append(connect(port))
                    statuses["error"] += 1
                else:
                    free.append(key.fileobj)
                    statuses[answer[0]] += 1
                n_short += answer is None or answer[1].count(b'"rank"') != 20
    for connection in free:
        connection.close()
    return {"seconds": sorted(seconds), "statuses": dict(statuses), "n_short": n_short}

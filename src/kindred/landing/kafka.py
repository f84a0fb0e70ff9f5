"""Read topics of a Kafka broker into files, from where the files end.

Offsets live where the data lives: partitions are assigned, no consumer group is joined, and nothing is committed to the
broker. A run that is killed leaves whole files, and the next one goes on after them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from kindred.durable import lock
from kindred.landing.files import PART, Message, Writer, decode, next_offsets

PATIENCE = 30.0  # seconds without an answer after which the brokers count as gone
ROLL_SECONDS = 30.0  # seconds after which a service finishes a file that isn't full
TIMESTAMP_NOT_AVAILABLE = 0


def read_config(path: str) -> dict[str, str]:
    """Settings of the client, such as a password, from a file of `key=value` lines."""
    settings = {}
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), start=1):
        if line.strip() and not line.lstrip().startswith("#"):
            key, separator, value = line.partition("=")
            if not separator:
                raise RuntimeError(f"{path}, line {number}: give key=value, such as security.protocol=SASL_SSL")
            settings[key.strip()] = value.strip()
    return settings


def locked(folder: Path) -> AbstractContextManager[None]:
    """One lander a folder. Errors: RuntimeError where another one is at work."""
    return lock(
        folder / ".lock", f"another `kindred land` writes into {folder}: wait for it, or give a folder of its own"
    )


def fetch(
    brokers: str,
    topics: Sequence[str],
    folder: Path,
    known: Mapping[tuple[str, int], int],
    seconds: float | None = None,
    max_bytes: int = 64_000_000,
    config: Mapping[str, str] | None = None,
) -> list[str]:
    """Write what the topics have and the folder hasn't into files; returns what there is to say, as lines.

    known: {(topic, partition): offset from which on the warehouse has nothing yet}. seconds: None = until what the
    topics have by now is read; else so long, whatever comes. Errors: RuntimeError, which says what to do; whole files
    that were written stay.
    """
    try:
        from confluent_kafka import Consumer, KafkaException, TopicPartition
    except ImportError as error:
        raise RuntimeError(f"{error.name} is missing: pip install 'kindred[kafka]'") from error
    settings = {"bootstrap.servers": brokers, "group.id": "kindred-landing", "enable.auto.commit": False}
    settings |= {"auto.offset.reset": "error", "isolation.level": "read_committed", "enable.partition.eof": True}
    settings |= {"allow.auto.create.topics": False, "log_level": 0}
    with locked(folder):
        for leftover in folder.rglob(f".*.{PART}"):
            leftover.unlink()
        consumer = Consumer(settings | dict(config or {}))
        try:
            starts, lines = plan(consumer, topics, folder, known)
            if starts:
                consumer.assign([TopicPartition(topic, partition, at) for (topic, partition), at in starts.items()])
                lines += consume(consumer, folder, starts, seconds, max_bytes)
        except KafkaException as error:
            raise RuntimeError(
                f"{brokers}: {error.args[0].str()}. See that --brokers names a broker's host:port"
            ) from error
        finally:
            consumer.close()
    return lines


def plan(
    consumer: Any, topics: Sequence[str], folder: Path, known: Mapping[tuple[str, int], int]
) -> tuple[dict[tuple[str, int], int], list[str]]:
    """({(topic, partition): offset to begin at}, what there is to say)."""
    from confluent_kafka import TopicPartition

    there = consumer.list_topics(timeout=PATIENCE).topics
    unknown = [topic for topic in topics if topic not in there]
    if unknown:
        names = ", ".join(sorted(name for name in there if not name.startswith("__"))) or "none"
        raise RuntimeError(f"there is no topic {unknown[0]}: the brokers have {names}")
    landed = next_offsets(folder)
    starts, lines = {}, []
    for topic in topics:
        for partition in sorted(there[topic].partitions):
            key = (topic, partition)
            first, _ = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=PATIENCE)
            start = max(landed.get(key, 0), known.get(key, 0))
            if start < first and key in {**landed, **known}:
                lines.append(f"{topic}/{partition}: offsets {start:,} to {first - 1:,} are gone from the broker")
            starts[key] = max(start, first)
    return starts, lines


def consume(
    consumer: Any,
    folder: Path,
    starts: Mapping[tuple[str, int], int],
    seconds: float | None,
    max_bytes: int,
) -> list[str]:
    """Write messages into files until each partition was at its end once, or the time is over."""
    from confluent_kafka import KafkaError, KafkaException

    writers = {key: Writer(folder, *key, max_bytes) for key in starts}
    open_ends = set(starts)
    started = answered = rolled = time.monotonic()
    while open_ends if seconds is None else time.monotonic() < started + seconds:
        messages = consumer.consume(num_messages=1000, timeout=0.5)
        if messages:
            answered = time.monotonic()
        elif open_ends and time.monotonic() > answered + PATIENCE:
            raise RuntimeError(f"the brokers have not answered for {PATIENCE:.0f} seconds: run this again")
        for message in messages:
            key = (message.topic(), message.partition())
            error = message.error()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:
                    open_ends.discard(key)
                elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                    raise RuntimeError(
                        f"{key[0]}/{key[1]} has no offset {starts[key]:,}, up to which it was landed: the topic was"
                        " made again. Land it under another name, or into a folder and a schema of its own"
                    )
                elif not error.retriable():
                    raise KafkaException(error)
                continue
            kind, timestamp = message.timestamp()
            when = timestamp if kind != TIMESTAMP_NOT_AVAILABLE else None
            writers[key].add(Message(message.offset(), when, decode(message.value())))
        if time.monotonic() > rolled + ROLL_SECONDS:
            rolled = time.monotonic()
            for writer in writers.values():
                writer.finish()
    for writer in writers.values():
        writer.finish()
    return [
        f"{topic}/{partition}: {writer.n_messages:,} messages in {writer.n_files} files"
        for (topic, partition), writer in writers.items()
        if writer.n_messages
    ] or ["nothing new"]

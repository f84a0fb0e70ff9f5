"""The same work as bare_script.py by Spark's ALS, on local[2].

Reads the Parquet of make_world.py, weighs events by type and age, fits ALS with implicitPrefs and writes the top items
of everybody.

Output: a Parquet folder, one row per (user_id, rank): user_id, item_id, rank (1 is best), score (dot product).
Prints one JSON line: seconds per step, peak resident memory in MiB of each process and added up, CPU seconds, counts.

Spark multiplies its regularization by the number of a person's (an item's) events, so regParam is the given
regularization divided by the mean number of events of a person; given as it is, it would pull every vector to zero.
Two differences can't be had away: Spark solves each least-squares problem exactly, where implicit takes three
conjugate-gradient steps; and recommendForAllUsers() has no filter, so its lists still hold what was bought, which
spares Spark a step. Without a native BLAS on the machine Spark uses the JVM's own; the JSON says which.

Needs `pip install -r benchmarks/requirements-spark.txt` and Java 17 or 21. Linux only, as memory is read from /proc.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from pyspark import StorageLevel
from pyspark.ml.feature import StringIndexer
from pyspark.ml.recommendation import ALS
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from script_options import Stopwatch, model_options


def read_peak_rss_mib(pid: int) -> float:
    """Return the high-water mark of resident memory of one process, in MiB; 0 where the process is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    kib = next((int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")), 0)
    return round(kib / 1024, 1)


def read_cpu_seconds(pid: int) -> float:
    """Return user plus system time of one process, in seconds; 0 where the process is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def list_descendants(root: int) -> list[int]:
    """Return the process ids below root, from /proc."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                # The command in parentheses may hold spaces; the parent is the second field after it.
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found: list[int] = []
    waiting = [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def main() -> None:
    parser = model_options("Fit Spark's ALS on a file of events and write top lists.", "Parquet folder to write")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--blocks", type=int, default=8, help="blocks that people, and items, are cut into")
    parser.add_argument("--driver-memory", default="8g", help="heap of the JVM, as -Xmx takes it")
    args = parser.parse_args()

    watch = Stopwatch()
    spark = (
        SparkSession.builder.master(f"local[{args.cores}]")
        .appName("spark_als")
        .config("spark.driver.memory", args.driver_memory)
        .config("spark.sql.shuffle.partitions", 4 * args.cores)
        .config("spark.default.parallelism", 4 * args.cores)
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("ERROR")
    watch.lap("start")

    events = spark.read.parquet(str(args.events)).select("user_id", "item_id", "event_type", "occurred_at")
    newest = events.agg(F.max("occurred_at")).first()[0]
    as_of = F.date_add(F.to_date(F.lit(newest)), 1).cast("timestamp")
    age_days = (as_of.cast("double") - F.col("occurred_at").cast("timestamp").cast("double")) / 86_400
    weight_of_type = F.create_map(*[F.lit(part) for pair in args.event_weights for part in pair])
    type_weight = weight_of_type[F.col("event_type")]
    weight = type_weight * F.pow(F.lit(0.5), age_days / args.half_life_days)
    indexer = StringIndexer(
        inputCols=["user_id", "item_id"], outputCols=["user", "item"], stringOrderType="alphabetAsc"
    ).fit(events)
    interactions = (
        indexer.transform(events)
        .groupBy(F.col("user").cast("int").alias("user"), F.col("item").cast("int").alias("item"))
        .agg(F.sum(weight).cast("float").alias("weight"))
        .persist(StorageLevel.MEMORY_AND_DISK)
    )
    n_interactions = interactions.count()
    user_names, item_names = indexer.labelsArray
    n_people = len(user_names)
    watch.lap("read_and_weigh")

    als = ALS(
        userCol="user",
        itemCol="item",
        ratingCol="weight",
        implicitPrefs=True,
        rank=args.factors,
        maxIter=args.iterations,
        regParam=args.regularization * n_people / n_interactions,
        alpha=args.alpha,
        seed=args.seed,
        numUserBlocks=args.blocks,
        numItemBlocks=args.blocks,
    )
    model = als.fit(interactions)
    watch.lap("fit")

    names_of_users = spark.createDataFrame(list(enumerate(user_names)), "user int, user_id string")
    names_of_items = spark.createDataFrame(list(enumerate(item_names)), "item int, item_id string")
    lists = (
        model.recommendForAllUsers(args.n_recommendations)
        .select("user", F.posexplode("recommendations").alias("position", "pair"))
        .select(
            "user",
            F.col("pair.item").alias("item"),
            (F.col("position") + 1).alias("rank"),
            F.col("pair.rating").alias("score"),
        )
        .join(F.broadcast(names_of_items), "item")
        .join(F.broadcast(names_of_users), "user")
        .select("user_id", "item_id", "rank", "score")
    )
    lists.write.mode("overwrite").parquet(str(args.output))
    watch.lap("recommend_and_write")

    blas = spark._jvm.dev.ludovic.netlib.blas.BLAS.getInstance().getClass().getSimpleName()
    rows_written = spark.read.parquet(str(args.output)).count()
    processes = [os.getpid(), *list_descendants(os.getpid())]
    peaks = [read_peak_rss_mib(pid) for pid in processes]
    cpu_seconds = round(sum(map(read_cpu_seconds, processes)), 2)
    print(
        json.dumps(
            {
                "seconds": watch.report(),
                "cpu_seconds": cpu_seconds,
                "peak_rss_mib": round(sum(peaks), 1),
                "peak_rss_mib_of_processes": peaks,
                "interactions": n_interactions,
                "people": n_people,
                "items": len(item_names),
                "rows_written": rows_written,
                "spark": spark.version,
                "blas": blas,
            }
        )
    )
    spark.stop()


if __name__ == "__main__":
    main()

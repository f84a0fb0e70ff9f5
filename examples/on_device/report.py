"""What a device may tell of its person once a month: one bucket that says little of any item, by itself and for sure.

    python examples/on_device/report.py export i035 i188

prints the report of a person who likes these items, as a row of the table of device reports.

Local differential privacy: whatever a person likes, each report has nearly the same probability, within a factor of
exp(epsilon). Nobody who reads the report, the shop included, can find out more, whatever else they know. The randomiser
is optimal local hashing (T. Wang, J. Blocki, N. Li, S. Jha, "Locally differentially private protocols for frequency
estimation", USENIX Security 2017), of one liked item that is drawn by chance. It counts in whole numbers, because noise
in floating point tells more than its formula (I. Mironov, "On significance of the least significant bits for
differential privacy", CCS 2012), and draws from the system's cryptographic source.
"""

import hashlib
import json
import math
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path

# Probabilities are so many parts of one.
PARTS = 2**32
# What an app allows a month at most, whatever the export asks for.
MOST_EPSILON = 4


def digest(*parts):
    return hashlib.md5("|".join(map(str, parts)).encode()).hexdigest()


def bucket_of(protocol, period, seed, item):
    """The bucket of an item under the month's hash function number `seed`; '' = nothing is liked."""
    return int(digest(period, seed, item)[:8], 16) % protocol["n_buckets"]


def kept_parts(protocol, parts=PARTS):
    """In so many of `parts` cases the true bucket is sent; rounded down, so that epsilon is never passed."""
    odds = math.exp(protocol["epsilon"])
    return math.floor(parts * (1 - 1e-12) * odds / (odds + protocol["n_buckets"] - 1))


def randomise(protocol, period, liked, below=secrets.randbelow, parts=PARTS):
    """(seed, bucket): what is sent of a person who likes these items. below(n): a number from 0 to n - 1 by chance."""
    seed = below(protocol["n_seeds"])
    item = liked[below(len(liked))] if liked else ""
    true = bucket_of(protocol, period, seed, item)
    if below(parts) < kept_parts(protocol, parts):
        return seed, true
    other = below(protocol["n_buckets"] - 1)
    return seed, other + (other >= true)


def report(protocol, liked, secret, last_period=None, now=None, most_epsilon=MOST_EPSILON):
    """The row to send now, None where this month has had one. The app keeps its period as the next last_period.

    liked: ids of the items of positive weight, each once. secret: drawn once on the device, which never sends it; so
    the senders of two months can't be known for one. Errors: ValueError where the export asks for more than
    most_epsilon, or for something that is no such protocol.
    """
    n_buckets, n_seeds, epsilon = (protocol[name] for name in ("n_buckets", "n_seeds", "epsilon"))
    if not 0 < epsilon <= most_epsilon:
        raise ValueError(f"the export asks for reports with epsilon {epsilon}, and this device allows {most_epsilon}")
    if not (isinstance(n_buckets, int) and isinstance(n_seeds, int) and n_buckets >= 2 and n_seeds >= 1):
        raise ValueError("n_buckets and n_seeds of reports.json are whole numbers, of at least 2 and 1")
    period = f"{now or datetime.now(UTC):%Y-%m}"
    if last_period is not None and period <= last_period:
        return None
    seed, bucket = randomise(protocol, period, sorted(liked))
    sender_id = digest(secret, period)[:16]
    return {"sender_id": sender_id, "period": period, "seed": seed, "bucket": bucket, "epsilon": epsilon}


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    asked = json.loads((Path(sys.argv[1]) / "reports.json").read_text(encoding="utf-8"))
    print(json.dumps(report(asked, sys.argv[2:], secrets.token_hex(16))))

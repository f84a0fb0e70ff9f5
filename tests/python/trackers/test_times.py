"""A tracker's time zone is that of its times without an offset; a time that says its own offset is what it says."""

from datetime import datetime

import pytest
from tracked_shop import build, write

WRITTEN = {
    "naive": ("2026-05-01 12:00:00", datetime(2026, 5, 1, 10)),
    "winter": ("2026-01-01 12:00:00", datetime(2026, 1, 1, 11)),
    "z": ("2026-05-01T12:00:00Z", datetime(2026, 5, 1, 12)),
    "offset": ("2026-05-01T12:00:00.250+02:00", datetime(2026, 5, 1, 10, 0, 0, 250000)),
    "day": ("2026-05-01", datetime(2026, 4, 30, 22)),
}


@pytest.mark.parametrize("is_typed", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_times_without_an_offset_alone_are_shifted(tmp_path, is_typed):
    names = ["naive", "winter"] if is_typed else list(WRITTEN)
    rows = [
        {"id": name, "user_id": "u1", "product_id": "p1"}
        | {"timestamp": datetime.fromisoformat(WRITTEN[name][0]) if is_typed else WRITTEN[name][0]}
        for name in names
    ]
    write(tmp_path / "shop.duckdb", "web", {"product_viewed": rows})
    options = {"time_zones": {"segment": "Europe/Berlin"}}
    shop = build(tmp_path, {"segment": "web"}, ["+events"], tracker_options=options)
    found = shop.column("select occurred_at from events order by occurred_at")
    assert found == sorted(WRITTEN[name][1] for name in names)

"""What dbt rendered and logged is deleted, that of hourly builds too."""

from kindred.erasure.stores import ARTIFACTS, erase_artifacts


def test_erase_artifacts__of_daily_and_hourly_builds(tmp_path):
    target, logs = tmp_path / "target", tmp_path / "logs"
    for folder in (target, target / "hourly"):
        for name in ARTIFACTS:
            path = folder / name / "model.sql" if "." not in name else folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("select 'somebody'", encoding="utf-8")
    kept = target / "hourly/partial_parse.msgpack"
    kept.touch()
    logs.mkdir()
    (logs / "dbt.log.1").touch()
    found = list(erase_artifacts(target, logs, None))
    assert [row[2:] for row in found] == [(2 * len(ARTIFACTS), 0), (1, 0)]
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [kept]

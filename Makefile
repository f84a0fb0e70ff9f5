# make build and make test set up all they need on a machine with Python 3.11 and make.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
export DBT_PROFILES_DIR := .

.DEFAULT_GOAL := help
.PHONY: help build daily show tune serve releases rollback resume export test test-slow lint test-snowflake bench-quality \
        bench-speed bench-serving bench-daily bench-sessions sample clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | awk -F ':.*## ' '{printf "make %-16s %s\n", $$1, $$2}'

$(VENV)/installed: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

$(VENV)/installed-serving: $(VENV)/installed requirements-serving.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-serving.txt
	touch $@

$(VENV)/installed-dev: $(VENV)/installed-serving requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	touch $@

build: $(VENV)/installed  ## the sample shop: events to recommendations, shown for three people
	@echo "building the sample shop, half a minute; logs/dbt.log has every step"
	@$(BIN)/dbt --quiet build --exclude-resource-type unit_test
	@$(MAKE) --no-print-directory show

daily: $(VENV)/installed  ## new events into the lists: models are trained when it is due, nothing is judged
	$(BIN)/dbt build --exclude-resource-type unit_test --vars '{kindred__folds: [live], kindred__train: when_due}'

show: $(VENV)/installed  ## three people, their lists, and the evaluation
	@$(BIN)/dbt --quiet run-operation show_recommendations

MINUTES ?= 10
tune: $(VENV)/installed  ## search better settings for MINUTES (10) on the fold tuning; later builds use them
	$(BIN)/dbt run --select +tuning_trials --vars '{kindred__tune_minutes: $(MINUTES)}'

PORT ?= 8000
serve: $(VENV)/installed-serving  ## lists over HTTP on 127.0.0.1:PORT (8000), from what was built last, and a page to try them
	$(BIN)/kindred serve --port $(PORT)

releases: $(VENV)/installed  ## the releases that apps read and could go back to
	@$(BIN)/kindred releases

rollback: $(VENV)/installed  ## let apps read the release before, or RELEASE=id; builds hold back until `make resume`
	@$(BIN)/kindred rollback $(RELEASE) --reason '$(REASON)'

resume: $(VENV)/installed  ## let the next build publish again after a rollback
	@$(BIN)/kindred resume

FOLDER ?= export
export: $(VENV)/installed  ## item factors and neighbours as Parquet files in FOLDER (export), for lists without a server
	$(BIN)/kindred export $(FOLDER)

test: $(VENV)/installed-dev lint  ## every test but the Snowflake ones
	$(BIN)/dbt build --target-path target/test --vars '{}'
	$(BIN)/pytest -q -n 2 --dist loadfile

test-slow: $(VENV)/installed-dev  ## the tests that take minutes: builds that are killed at any moment
	$(BIN)/pytest -q -m slow

lint: $(VENV)/installed-dev  ## ruff and sqlfluff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/sqlfluff lint --processes 2 models tests

test-snowflake: $(VENV)/installed-dev  ## the same project on the Snowflake emulator, compared with DuckDB
	$(BIN)/pytest -q -n 2 --dist loadfile -m snowflake

bench-quality: $(VENV)/installed-dev  ## public data sets through the main path, beside the published figures
	$(BIN)/python benchmarks/bench_quality.py

bench-speed: $(VENV)/installed-dev  ## the whole build against a bare implicit script, 1 to 20 million interactions
	$(BIN)/python benchmarks/bench_speed.py

bench-serving: $(VENV)/installed-dev  ## publication, lookups, session lists and rollback at a million people
	$(BIN)/python benchmarks/bench_serving.py

bench-daily: $(VENV)/installed-dev  ## a daily build with 1 % new events beside the full build
	$(BIN)/python benchmarks/bench_daily.py

bench-sessions: $(VENV)/installed-dev  ## how many items of a session its list should look at, on real sessions
	$(BIN)/python benchmarks/bench_sessions.py

sample: $(VENV)/installed  ## write the sample shop's seeds again
	$(BIN)/python -m kindred.sample.shop

clean:  ## remove what builds leave behind; the environment stays
	rm -rf target logs export kindred.duckdb kindred_serving .kindred_temp

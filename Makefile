# make build and make test set up all they need on a machine with Python 3.11 and make.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
export DBT_PROFILES_DIR := .

.DEFAULT_GOAL := help
.PHONY: help build report daily hourly show experiments recipe tune serve releases rollback resume export embed test test-slow lint test-python checks-of-python \
        test-snowflake bench-quality bench-speed bench-peers bench-serving bench-daily bench-sessions sample clean

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

build: $(VENV)/installed  ## the sample shop: events to recommendations, shown for three people, and the report
	@echo "building the sample shop, half a minute; logs/dbt.log has every step"
	@$(BIN)/dbt --quiet build --exclude-resource-type unit_test
	@$(MAKE) --no-print-directory show report

report: $(VENV)/installed  ## what the last build's tables say, as one HTML file; metrics.json beside it is for agents
	@$(BIN)/kindred report

# What dbt would write beside the tables, its log and its JSON files, are no part of a build that runs every day; what it
# says is on the screen.
daily: $(VENV)/installed  ## new events into the lists: models are trained when it is due, nothing is evaluated
	$(BIN)/dbt build --exclude-resource-type unit_test --no-write-json --log-level-file none \
	    --vars '{kindred__folds: [live], kindred__train: when_due}'

# Without bounds a change of settings alone makes a training due. A folder of its own: with other settings dbt would
# parse the project again, here and in the next daily build.
WITHIN_THE_HOUR := {kindred__folds: [live], kindred__train: when_due, \
    kindred__training: {age_days: off, new_events_share: off, drift: off}}
hourly: $(VENV)/installed  ## new people, new items, stock and consent into the lists, by the models that are there
	$(BIN)/dbt build --selector hourly --target-path target/hourly --no-write-json --log-level-file none \
	    --vars '$(WITHIN_THE_HOUR)'

show: $(VENV)/installed  ## three people, their lists, and the evaluation
	@$(BIN)/dbt --quiet run-operation show_recommendations

# A file of its own: the shop with experiments has other events, and a release of its own.
OF_EXPERIMENTS := KINDRED_DUCKDB_PATH=experiments.duckdb
WITH_EXPERIMENTS := {kindred__inputs: {events: sample_events_with_experiments, items: sample_items, users: sample_users, \
    consents: sample_consents}, kindred__tables: {experiments: sample_experiments, experiment_arms: sample_experiment_arms, \
    policies: sample_policies, foreign_log: sample_foreign_log, foreign_policies: sample_foreign_policies}}
experiments: $(VENV)/installed  ## the sample shop with four experiments whose effects are known, and their results
	@$(OF_EXPERIMENTS) $(BIN)/dbt --quiet build --exclude-resource-type unit_test --target-path target/experiments \
	    --vars '$(WITH_EXPERIMENTS)'
	@$(OF_EXPERIMENTS) $(BIN)/kindred results --target-path target/experiments

RECIPE ?= commerce
recipe: $(VENV)/installed  ## a recipe of an industry on its own world: RECIPE=commerce, its promise measured and an extract
	@PYTHONPATH=src $(BIN)/python recipes/run.py $(RECIPE)

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

embed: $(VENV)/installed  ## write the package into the macro that dbt renders into Python models; after any change in src/
	PYTHONPATH=src $(BIN)/python -m kindred.embed

# The tests read the sample shop that was built with the unit and data tests, as a first build leaves it.
SAMPLE := target/sample
test: $(VENV)/installed-dev lint  ## every test but the Snowflake ones
	rm -rf $(SAMPLE)
	mkdir -p $(SAMPLE)
	KINDRED_DUCKDB_PATH=$(SAMPLE)/shop.duckdb $(BIN)/dbt build --target-path $(SAMPLE)/target --log-path $(SAMPLE)/target \
	    --vars '{kindred__tables: {experiments: experiments}}'
	$(BIN)/pytest -q -n 2 --dist loadfile --sample=$(SAMPLE)

test-slow: $(VENV)/installed-dev  ## the tests that take minutes: builds that are killed at any moment
	$(BIN)/pytest -q -m slow

# The dbt templater renders models and tests. What is no node of this project is rendered by Jinja alone: functions,
# examples and the consumer project in full; macros, which render to nothing, by the rules that read their source.
lint: $(VENV)/installed-dev  ## ruff, mypy, the embedded package, sqlfluff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	PYTHONPATH=src $(BIN)/python -m kindred.embed --check
	$(BIN)/sqlfluff lint --processes 2 models tests
	$(BIN)/sqlfluff lint --templater jinja functions examples integration_tests recipes
	$(BIN)/sqlfluff lint --templater jinja --rules LT05,LT12,LT13,JJ01 macros

test-python:  ## the package and the sample shop on another Python: make test-python PYTHON=python3.13
	@$(MAKE) --no-print-directory VENV=.venv-$(shell $(PYTHON) -c 'import platform; print(platform.python_version())') checks-of-python

checks-of-python: $(VENV)/installed-dev
	$(BIN)/pip check
	mkdir -p target/$(VENV)
	KINDRED_DUCKDB_PATH=target/$(VENV)/kindred.duckdb \
	    $(BIN)/dbt build --exclude-resource-type unit_test --target-path target/$(VENV)
	$(BIN)/pytest -q -n 2 --dist loadfile --no-builds

test-snowflake: $(VENV)/installed-dev  ## the same project on the Snowflake emulator, compared with DuckDB
	$(BIN)/pytest -q -n 2 --dist loadfile -m 'snowflake and not slow'

bench-quality: $(VENV)/installed-dev  ## public data sets through the main path, beside the published figures
	$(BIN)/python benchmarks/bench_quality.py

bench-speed: $(VENV)/installed-dev  ## the whole build against a bare implicit script, 1 to 20 million interactions
	$(BIN)/python benchmarks/bench_speed.py

# An environment of its own: these libraries want other versions than kindred.
.venv-peers/installed: benchmarks/requirements-peers.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install --quiet --disable-pip-version-check -r benchmarks/requirements-peers.txt
	touch $@

bench-peers: $(VENV)/installed-dev .venv-peers/installed  ## the whole build beside the field's libraries, with recall
	$(BIN)/python benchmarks/bench_peers.py --peers-python .venv-peers/bin/python

bench-serving: $(VENV)/installed-dev  ## publication, lookups, session lists and rollback at a million people
	$(BIN)/python benchmarks/bench_serving.py

bench-daily: $(VENV)/installed-dev  ## a daily build with 1 % new events beside the full build
	$(BIN)/python benchmarks/bench_daily.py

bench-sessions: $(VENV)/installed-dev  ## how many items of a session its list should look at, on real sessions
	$(BIN)/python benchmarks/bench_sessions.py

sample: $(VENV)/installed  ## write the sample shop's seeds again, those of its experiments too
	$(BIN)/python -m kindred.sample.shop
	$(BIN)/python -m kindred.sample.experiments

clean:  ## remove what builds leave behind; the environment stays
	rm -rf target logs export kindred.duckdb kindred_serving experiments.duckdb experiments_serving .kindred_temp

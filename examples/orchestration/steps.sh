#!/usr/bin/env bash
# The steps of a shop's day. cron, Airflow, Dagster and Kubernetes call this file, so that each step stands once.
#
#     steps.sh land | forget | build | check | hourly | all
#
# land     read the stream that KINDRED_BROKERS names, or load the files in KINDRED_LANDING; without either: nothing
# forget   erase who asked for it in the input `erasures`
# build    dbt build: new events into lists, training when it is due, publication if the gates pass
# check    fail unless the release that apps read is younger than KINDRED_MAX_AGE_HOURS
# hourly   land, then dbt build of what matters within the hour, without training; for the hours between two days
# all      land, forget, build and check in this order, under one lock
#
# What stands behind a step goes to its command: steps.sh build --target prod.
# Exit codes: 0 done; 1 failed, or a gate stopped publication; 2 called or set up wrongly; 75 another run is at work.
#
# Environment, beside what dbt and kindred read themselves (KINDRED_DUCKDB_PATH, DBT_TARGET, ...):
# KINDRED_PROJECT (.)            folder of the dbt project
# KINDRED_VENV                   Python environment of dbt and kindred; without it: what is in PATH
# KINDRED_BROKERS                host:port of a Kafka broker, several with commas
# KINDRED_TOPIC (events)         the topic
# KINDRED_KAFKA_CONFIG           file of the client's settings, such as passwords
# KINDRED_LANDING (landing)      folder of the landed files
# KINDRED_MAX_AGE_HOURS (26)     off where apps read PostgreSQL or Snowflake, of which `kindred releases` knows nothing
set -euo pipefail

say() { echo "steps.sh: $*"; }

land() {
    local folder="${KINDRED_LANDING:-landing}"
    if [ -n "${KINDRED_BROKERS:-}" ]; then
        local config=()
        [ -z "${KINDRED_KAFKA_CONFIG:-}" ] || config=(--config "$KINDRED_KAFKA_CONFIG")
        kindred land kafka --brokers "$KINDRED_BROKERS" --topic "${KINDRED_TOPIC:-events}" --folder "$folder" \
            "${config[@]}" "$@"
    elif [ -n "${KINDRED_LANDING:-}" ]; then
        kindred land files --folder "$folder" "$@"
    else
        say "no stream: neither KINDRED_BROKERS nor KINDRED_LANDING is set"
    fi
}

forget() {
    # What the command reads, on the first day and where `erasures` is a model: today's requests.
    dbt --quiet build --exclude-resource-type test unit_test --select +kindred.erasure.forgotten_ids "$@"
    kindred forget "$@"
}

# What is given comes last and wins: `build --vars '{kindred__as_of: "2026-05-01"}'` replays a day, and
# `build --log-level-file debug` writes dbt's log.
build() {
    dbt build --exclude-resource-type unit_test --no-write-json --log-level-file none \
        --vars '{kindred__folds: [live], kindred__train: when_due}' "$@"
}

# The selector is one of the project's selectors.yml: copy kindred's. A folder of its own keeps both projects parsed.
hourly() {
    local unbounded='kindred__training: {age_days: off, new_events_share: off, drift: off}'
    land
    dbt build --selector hourly --target-path "${DBT_TARGET_PATH:-target}/hourly" --no-write-json --log-level-file none \
        --vars "{kindred__folds: [live], kindred__train: when_due, $unbounded}" "$@"
}

check() {
    local hours="${KINDRED_MAX_AGE_HOURS:-26}" oldest releases made
    if [ "$hours" = off ]; then
        say "the release's age is not checked"
        return
    fi
    oldest="$(date -u -d "$hours hours ago" '+%F %T')"
    releases="$(kindred releases "$@")"
    echo "$releases"
    made="$(sed -nE 's/^\* .* made ([0-9-]{10} [0-9:]{8}).*/\1/p' <<< "$releases")"
    # Times in this form are in order as texts are.
    if [ -z "$made" ]; then
        say "apps read no release" >&2
        return 1
    elif [[ "$made" < "$oldest" ]]; then
        say "apps read a release of $made UTC, older than $hours hours: see why the builds since published nothing" >&2
        return 1
    fi
}

step="${1:-}"
case "$step" in
    land | forget | build | check | hourly | all) shift ;;
    *)
        say "unknown step '$step': land, forget, build, check, hourly or all" >&2
        exit 2
        ;;
esac
if [ "$step" = all ] && [ $# -gt 0 ]; then
    say "all takes nothing more: $*" >&2
    exit 2
fi

cd "${KINDRED_PROJECT:-.}" || exit 2
[ -z "${KINDRED_VENV:-}" ] || export PATH="$KINDRED_VENV/bin:$PATH"
for command in dbt kindred flock; do
    if ! command -v "$command" > /dev/null; then
        say "$command is not in PATH: KINDRED_VENV names the environment of dbt and kindred, util-linux has flock" >&2
        exit 2
    fi
done

# One writer: the lock goes with the last process that holds it, so a dbt that outlives a killed script keeps it.
if [ "$step" != check ]; then
    lock="${KINDRED_DUCKDB_PATH:-kindred.duckdb}.lock"
    exec 9>> "$lock" || exit 2
    if ! flock --nonblock 9; then
        say "another run is at work on $lock: nothing was done" >&2
        exit 75
    fi
    if [ -f packages.yml ] && [ ! -d dbt_packages ]; then dbt deps; fi
fi

if [ "$step" = all ]; then
    land
    forget
    build
    check
else
    "$step" "$@"
fi

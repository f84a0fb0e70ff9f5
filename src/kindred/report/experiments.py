"""What experiments found, a sentence each: rows of the room `experiments` in, facts for people and agents out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kindred.experiments.report import number, probability, share
from kindred.report.cells import Cells, Row, keep, keep_steps
from kindred.report.tables import Tables

EXPERIMENTS = (
    "experiment_id", "kind", "allocation", "stopping", "metric", "planned_people", "problem", "starts_at", "ends_at",
)  # fmt: skip
RESULTS = (
    "experiment_id", "day", "arm", "segment_by", "segment", "metric", "n_control", "n", "control", "treatment",
    "effect", "lower", "upper", "lift", "p_adjusted", "sequential_lower", "sequential_upper", "sequential_p_adjusted",
    "mde", "is_guardrail", "is_newest", "is_valid", "verdict", "note",
)  # fmt: skip
CHECKS = ("experiment_id", "check_name", "value", "bound", "is_passed", "is_decisive", "explanation")
INTERLEAVING = ("experiment_id", "day", "n_people", "n_lists", "wins", "losses", "ties", "delta", "lower", "upper",
                "p", "sequential_p")  # fmt: skip
ARMS = ("experiment_id", "arm", "position", "share", "is_control", "policy", "value")
SHARES = ("experiment_id", "context", "arm", "share", "n_people", "p_best", "is_frozen", "reason", "valid_from")
PEOPLE = ("n_control", "n")


@dataclass(frozen=True)
class Experiment:
    """An experiment and what may be shown of it.

    results: the newest row of each arm and metric, of everybody. days: rows of the deciding metric by arm and rising
    day. interleaving: rows by rising day. shares: of a bandit, the newest by context and arm.
    """

    row: Row
    arms: list[Row]
    results: Cells
    segments: Cells
    days: Cells
    checks: list[Row]
    interleaving: Cells
    shares: Cells
    level: float
    smallest: int

    @property
    def name(self) -> str:
        return str(self.row["experiment_id"])

    @property
    def is_sequential(self) -> bool:
        return bool(self.row["stopping"] == "sequential")

    @property
    def control(self) -> str:
        return next((str(arm["arm"]) for arm in self.arms if arm["is_control"]), "control")

    @property
    def failed(self) -> list[Row]:
        """The failed checks that take all verdicts."""
        return [check for check in self.checks if check["is_decisive"] and not check["is_passed"]]

    def interval(self, row: Row) -> tuple[Any, Any, Any]:
        """(lower, upper, p) by which a verdict is given: at any number of looks, or at the planned end."""
        names = ("sequential_lower", "sequential_upper", "sequential_p_adjusted")
        lower, upper, p = (row[name] for name in (names if self.is_sequential else ("lower", "upper", "p_adjusted")))
        return lower, upper, p

    def deciding(self) -> list[Row]:
        """The newest rows of the metric that decides, by arm."""
        return [row for row in self.results.rows if row["metric"] == self.row["metric"]]

    def verdict(self) -> str:
        """In one word: set aside, no result, invalid, better, worse or undecided; of the arm with the surest one."""
        if self.row["problem"]:
            return "set aside"
        if self.failed:
            return "invalid"
        if self.row["kind"] == "interleaving":
            if not self.interleaving:
                return "no result"
            p = self.interleaving.rows[-1]["sequential_p"]
            return "decided" if p is not None and p < 1 - self.level else "undecided"
        found = [row["verdict"] for row in self.deciding()]
        return next((word for word in ("better", "worse", "undecided") if word in found), "no result")

    def sentences(self) -> list[str]:
        """What happened, a sentence per arm."""
        if self.row["problem"]:
            return [f"{self.name} is set aside: {self.row['problem']}"]
        if self.failed:
            names = [check["check_name"] for check in self.failed]
            what = f"the check {names[0]} fails" if len(names) == 1 else f"the checks {', '.join(names)} fail"
            return [f"{self.name} can't be read: {what}. There is no verdict, and its figures mean nothing."]
        if self.row["kind"] == "interleaving":
            return [self.interleaved()]
        rows = self.deciding()
        if not rows:
            if self.row["kind"] == "holdout" and not self.results:
                return [f"{self.name} holds people out; nothing can be compared yet."]
            why = f"what there is rests on fewer than {self.smallest} people in an arm"
            if not self.results.n_left_out:
                why = "nobody has been exposed for as long as the window of the metric"
            return [f"{self.name} has no result yet in {self.row['metric'] or 'any metric'}: {why}."]
        return [self.compared(row) for row in rows]

    def compared(self, row: Row) -> str:
        """A sentence about an arm beside its control."""
        metric, arm = row["metric"], row["arm"]
        lower, upper, p = self.interval(row)
        values = f"{metric} is {number(row['treatment'])} with {arm} and {number(row['control'])} with {self.control}"
        if lower is None or upper is None:
            return f"{values}: too few people for an interval ({row['n_control']:,} and {row['n']:,})."
        kind = "always-valid" if self.is_sequential else "fixed"
        lift = f", lift {share(row['lift'])}" if row["lift"] is not None else ""
        figures = (
            f"{values}, a difference of {number(row['effect'])} ({100 * self.level:g} % {kind} interval "
            f"{number(lower)} to {number(upper)}{lift}, p {probability(p)})"
        )
        people = f"{row['n_control']:,} and {row['n']:,} people"
        if row["verdict"] in ("better", "worse"):
            return f"{arm} is {row['verdict']} than {self.control}: {figures}; {people}."
        why = f" {row['note'][:1].upper()}{row['note'][1:]}." if row["note"] else ""
        return f"{arm} against {self.control} is undecided: {figures}; {people}.{why}"

    def interleaved(self) -> str:
        """A sentence about two policies in one list."""
        if not self.interleaving:
            return f"{self.name} has no result yet: nobody's clicks on its lists tell the policies apart."
        newest = self.interleaving.rows[-1]

        def few(n: int) -> str:
            return f"{n:,}" if n >= self.smallest else f"fewer than {self.smallest}"

        first, second = [str(arm["arm"]) for arm in self.arms[:2]] if len(self.arms) > 1 else ("A", "B")
        preferred = first if newest["delta"] > 0 else second
        is_sure = self.verdict() == "decided"
        said = f"People click items of {preferred} more" if is_sure else "No preference is shown yet"
        wins = f"{few(newest['wins'])} clicked more of {first}, {few(newest['losses'])} more of {second}"
        interval = f"{100 * self.level:g} % interval {number(newest['lower'])} to {number(newest['upper'])}"
        return (
            f"{said}: of {newest['n_people']:,} people {wins}; delta {number(newest['delta'])} ({interval}, p at any "
            f"number of looks {probability(newest['sequential_p'])})."
        )


def of_kind(row: Row) -> tuple[Any, ...]:
    """Segments of one kind add up to everybody."""
    return tuple(row[part] for part in ("metric", "arm", "segment_by"))


def read_experiments(tables: Tables) -> list[Experiment]:
    """The experiments of the last build; [] where none are named."""
    smallest = tables.smallest_cell

    def by_experiment(table: str, columns: tuple[str, ...], rest: str) -> dict[str, list[Row]]:
        found: dict[str, list[Row]] = {}
        for row in tables.rows(table, columns, rest):
            found.setdefault(str(row["experiment_id"]), []).append(row)
        return found

    experiments = tables.rows("checked_experiments", EXPERIMENTS, "order by starts_at desc, experiment_id")
    if not experiments:
        return []
    deciding = f"select experiment_id, metric from {tables.connection.name('checked_experiments')}"
    newest = by_experiment(
        "experiment_results", RESULTS,
        "where is_newest order by experiment_id, segment_by, segment, is_guardrail, metric, arm",
    )  # fmt: skip
    days = by_experiment(
        "experiment_results", RESULTS,
        f"where segment_by = '' and (experiment_id, metric) in ({deciding}) order by experiment_id, arm, day",
    )  # fmt: skip
    arms = by_experiment("checked_arms", ARMS, "order by experiment_id, position, arm")
    checks = by_experiment("experiment_checks", CHECKS, "order by experiment_id, check_name")
    interleaving = by_experiment("interleaving_results", INTERLEAVING, "order by experiment_id, day")
    shares: dict[str, list[Row]] = {}
    if tables.has("arm_shares"):
        runs = f"select run_id from {tables.connection.name('arm_shares')} order by valid_from desc, run_id limit 1"
        shares = by_experiment(
            "arm_shares", SHARES, f"where run_id = ({runs}) order by experiment_id, context, share desc, arm"
        )
    found = []
    for row in experiments:
        name = str(row["experiment_id"])
        results = newest.get(name, [])
        sequence: list[Row] = []
        n_left_out = 0
        for arm in dict.fromkeys(one["arm"] for one in days.get(name, [])):
            of_arm = [one for one in days[name] if one["arm"] == arm and one["metric"] == row["metric"]]
            steps = keep_steps(of_arm, PEOPLE, smallest)
            sequence += steps.rows
            n_left_out += steps.n_left_out
        found.append(
            Experiment(
                row=row,
                arms=arms.get(name, []),
                results=keep([one for one in results if one["segment_by"] == ""], PEOPLE, smallest),
                segments=keep(
                    [one for one in results if one["segment_by"] != ""],
                    PEOPLE,
                    smallest,
                    of_kind,
                ),  # fmt: skip
                days=Cells(sequence, n_left_out),
                checks=checks.get(name, []),
                interleaving=keep_steps(interleaving.get(name, []), ("n_people",), smallest),
                shares=keep(shares.get(name, []), ("n_people",), smallest) if row["allocation"] != "fixed" else Cells(),
                level=1 - tables.alpha,
                smallest=smallest,
            )
        )
    return found

"""Stands in for kindred's macros where sqlfluff renders SQL without dbt: a macro is a subquery, of its first argument
where that is a name; known_person is a list of CTEs."""

EXPRESSIONS = {"runs_now": "true", "rule_is_for": "true", "arm_key": "'key'", "layer_key": "'key'"}


def __getattr__(name):
    def macro(*arguments, **settings):
        if name in EXPRESSIONS:
            return EXPRESSIONS[name]
        if name == "known_person":
            return "known_person as (select user_id from request),"
        is_name = arguments and isinstance(arguments[0], str) and arguments[0].isidentifier()
        return f"(select item_id from {arguments[0] if is_name else 'items'})"

    return macro

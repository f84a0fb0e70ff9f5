"""The tables of a DuckDB file as `kindred explain` asks for them."""

from kindred.settings import fill


class Tables:
    """The tables of a DuckDB file, by the names of the models."""

    def __init__(self, connection):
        self.connection = connection

    def name(self, model):
        return model

    def has(self, model):
        return bool(self.value("select count(*) from information_schema.tables where table_name = ?", model))

    def rows(self, sql):
        return self.connection.execute(sql).fetchall()

    def setting(self, group):
        return fill(group, {})

    def value(self, sql, *parameters):
        return self.connection.execute(sql, parameters).fetchone()[0]

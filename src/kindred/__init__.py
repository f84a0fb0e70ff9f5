"""Personalization where the data is: the Python of the dbt project kindred.

The dbt Python models import this package inside `model()`. What they need of it is embedded into each compiled model by
one generated macro (`make embed`, macros/embedded), so that an installed dbt package and a Snowflake procedure install
nothing.
"""

__version__ = "0.1.0"

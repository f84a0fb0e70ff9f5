"""`kindred forget`: people leave every place that kindred keeps and stay out (docs/privacy.md).

requests: whom to forget · warehouse: the tables that name people · stores: releases, PostgreSQL, the files around the
warehouse · forget: the steps, in their order.
"""

-- one row per product of a raw event, or per raw event without products
{{ config(materialized='view', enabled=('segment' in kindred.named_trackers())) }}

{{ kindred.spec_rows('segment') }}

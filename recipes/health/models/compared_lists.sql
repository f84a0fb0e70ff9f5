-- one row per (is_careful, user_id, rank): each member's list, by whether the recipe's care was taken
-- A build replaces the rows of its own `is_careful` and keeps the others.
{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='is_careful') }}

select
    {{ var('is_careful') | lower }} as is_careful,
    user_id,
    rank,
    item_id
from {{ ref('kindred', 'recommendations') }}

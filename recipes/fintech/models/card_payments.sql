-- one row per payment_id of an entry that is a payment: what signals, profiles and recurring payments are made of
{{ config(materialized='view') }}

select * from {{ ref('card_entries') }}
where kind = 'payment'

-- one row per invoice line
-- noqa: disable=CP02,AL09
-- The source's columns have capitals.
{{ config(materialized='view') }}

with source_lines as (select * from {{ source('invoices', 'online_retail_2010_2011') }}),

-- The invoices have 85123A and 85123a for the same product, and titles with blanks around them.
cleaned as (

    select
        InvoiceNo as invoice_id,
        upper(StockCode) as stock_code,
        CustomerID as customer_id,
        Country as country,
        trim(Description) as description,
        InvoiceNo like 'C%' as is_cancellation,
        -- Products have five digits and at most two letters. POST, DOT, C2, M, D, BANK CHARGES, AMAZONFEE, CRUK and
        -- the like are postage, corrections, discounts and fees.
        regexp_matches(upper(StockCode), '^[0-9]{5}[A-Z]{0,2}$') as is_product,
        Quantity as quantity,
        UnitPrice as unit_price,
        InvoiceDate as invoiced_at
    from source_lines

),

-- An invoice may name a product twice, even with the same quantity: the lines are told apart by their number.
numbered as (

    select
        *,
        row_number() over (
            partition by invoice_id, stock_code
            order by invoiced_at, quantity, unit_price, description, customer_id
        ) as line_number
    from cleaned

)

select * from numbered

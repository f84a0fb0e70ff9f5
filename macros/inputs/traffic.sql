{#- The columns by which the events' traffic is told, strongest first. -#}
{% macro traffic_columns() %}
    {{ return(['traffic', 'user_agent', 'host', 'ip_address']) }}
{% endmacro %}

{#- Those of them that rules of kindred__tables, traffic_rules read: what none reads, an address above all, isn't worth
    keeping. All, where that can't be known yet. -#}
{% macro ruled_columns() %}
    {{ return(kindred.traffic_columns_in("lower(trim(field))", kindred.table_relation('traffic_rules'))) }}
{% endmacro %}

{#- Those of them in which this build has met a rule (traffic_values): the events, which are read many times, are joined
    with no more. -#}
{% macro met_columns() %}
    {% set met = kindred.traffic_columns_in('field', ref('traffic_values')) %}
    {{ return(met | select('in', kindred.input_columns('events')) | list) }}
{% endmacro %}

{% macro traffic_columns_in(field, relation) %}
    {% set rows = kindred.known_rows("select distinct " ~ field ~ " as field", relation) %}
    {% set columns = kindred.traffic_columns() %}
    {{ return(columns if rows is none else columns | select('in', rows | map(attribute='field') | list) | list) }}
{% endmacro %}

{#- What the first field says whose value a rule meets, joined with traffic_values as <field>_traffic. -#}
{% macro first_traffic(fields, column) %}
    {% set parts = [] %}
    {% for field in fields %}{% do parts.append(field ~ '_traffic.' ~ column) %}{% endfor %}
    {{ return(kindred.first_of(parts, 'varchar')) }}
{% endmacro %}

{#- The form in which a value of a field is compared with patterns. -#}
{% macro traffic_form(field, value) -%}
    {%- if field == 'user_agent' -%}
    concat(' ', trim(regexp_replace(
        replace(lower({{ value }}), '://', ' url '), '[^a-z0-9]+', ' '{{ ", 'g'" if target.type == 'duckdb' }}
    )), ' ')
    {%- else -%}
    lower({{ value }})
    {%- endif -%}
{%- endmacro %}

{#- An IPv4 or IPv6 address as 32 hexadecimal digits, in whose order its networks are ranges; null for what is none. -#}
{% macro ip_key(address) -%}
    {%- set plain = "replace(lower(" ~ address ~ "), '::ffff:', '')" -%}
    {%- set zeros = "concat(':', repeat('0:', 8 - " ~ kindred.count_of(address, ':') ~ "))" -%}
    {%- set whole = "replace(lower(" ~ address ~ "), '::', " ~ zeros ~ ")" -%}
    case
        when {{ kindred.matches_part(plain, '^[0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}[.][0-9]{1,3}$') }} then concat(
            '00000000000000000000ffff'
            {%- for part in range(1, 5) %},
            {{ kindred.two_digits("cast(split_part(" ~ plain ~ ", '.', " ~ part ~ ") as integer)") }}
            {%- endfor %}
        )
        when {{ kindred.matches_part('lower(' ~ address ~ ')', '^[0-9a-f:]*:[0-9a-f:]*$') }} then concat(
            {%- for part in range(1, 9) %}
            lpad(split_part({{ whole }}, ':', {{ part }}), 4, '0'){{ "," if not loop.last }}
            {%- endfor %}
        )
    end
{%- endmacro %}

{#- The first or last key of a network such as 203.0.113.0/24, given the key of its address and the number of bits of
    128 that all of its addresses share. -#}
{% macro ip_bound(key, bits, is_last) -%}
    {%- set digits = "cast(floor(" ~ bits ~ " / 4.0) as integer)" -%}
    {%- set span = "cast(power(2, 4 - mod(" ~ bits ~ ", 4)) as integer)" -%}
    {%- set digit = kindred.hex_digit("substr(" ~ key ~ ", " ~ digits ~ " + 1, 1)") -%}
    {%- set first = digit ~ " - mod(" ~ digit ~ ", " ~ span ~ ")" -%}
    case
        when {{ bits }} = 128 then {{ key }}
        when {{ bits }} between 0 and 127 then concat(
            substr({{ key }}, 1, {{ digits }}),
            substr('0123456789abcdef', {{ first }} + {{ span ~ " - 1 + " if is_last }}1, 1),
            repeat('{{ "f" if is_last else "0" }}', 31 - {{ digits }})
        )
    end
{%- endmacro %}

{#- A whole number from 0 to 255 as two hexadecimal digits. -#}
{% macro two_digits(number) -%}
    concat(
        substr('0123456789abcdef', cast(floor({{ number }} / 16.0) as integer) + 1, 1),
        substr('0123456789abcdef', mod({{ number }}, 16) + 1, 1)
    )
{%- endmacro %}

{% macro count_of(text, letter) -%}
    (length({{ text }}) - length(replace({{ text }}, '{{ letter }}', '')))
{%- endmacro %}

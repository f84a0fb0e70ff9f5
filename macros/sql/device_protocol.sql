{#- How devices report, by device_epsilon of kindred__privacy: optimal local hashing (T. Wang, J. Blocki, N. Li, S. Jha,
    "Locally differentially private protocols for frequency estimation", USENIX Security 2017) with hash functions that
    devices share (G. Cormode, S. Maddock, C. Maple, "Frequency estimation under local differential privacy", VLDB 2021).
    A device keeps the bucket of its item with the probability keep / 2^32, else it takes one of the others.
    Returns {epsilon, n_buckets, n_seeds, keep}. -#}
{% macro device_protocol() %}
    {#- dbt reads all models before validate_configuration may speak of a setting that is no such number. -#}
    {%- set given = kindred.setting('privacy', 'device_epsilon') -%}
    {%- set epsilon = given if given is number and 0 < given <= 10 else 1 -%}
    {%- set odds = 2.718281828459045 ** epsilon -%}
    {%- set n_buckets = [odds | round | int + 1, 2] | max -%}
    {%- set keep = (2 ** 32 * (1 - 1e-12) * odds / (odds + n_buckets - 1)) | int -%}
    {{- return({'epsilon': epsilon, 'n_buckets': n_buckets, 'n_seeds': 256, 'keep': keep}) -}}
{% endmacro %}

{#- The bucket that a digest falls into, as devices compute it: its first 32 bits, modulo n_buckets. -#}
{% macro device_bucket(digest) -%}
    mod(
        {% for number in range(8) -%}
        {%- set digit = kindred.hex_digit("substr(" ~ digest ~ ", " ~ (number + 1) ~ ", 1)") -%}
        {{ "+ " if not loop.first }}{{ digit }} * {{ 16 ** (7 - number) }}
        {% endfor -%}
        , {{ kindred.device_protocol().n_buckets }}
    )
{%- endmacro %}

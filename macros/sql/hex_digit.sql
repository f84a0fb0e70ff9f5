{#- A hexadecimal digit as a number: how many digits come before it. -#}
{% macro hex_digit(digit) %}
    {{- return("length(split_part('0123456789abcdef', " ~ digit ~ ", 1))") -}}
{% endmacro %}

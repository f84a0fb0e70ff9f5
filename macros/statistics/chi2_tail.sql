{#- P(X > x) of a chi-squared X with `df` degrees of freedom, columns both, by its finite sums for whole numbers
    (M. Abramowitz, I. Stegun, "Handbook of Mathematical Functions", 26.4.4 and 26.4.5). Null beyond max_df. -#}
{% macro chi2_tail(x, df, max_df=20) -%}
    {%- set x = "(" ~ x ~ ")" -%}
    case when {{ x }} >= 0 and {{ df }} between 1 and {{ max_df }}
        then least(1.0e0, exp(-0.5e0 * {{ x }}) * case {{ df }}
        {%- for number in range(1, max_df + 1) %}
        {%- set terms, part = [], {'divisor': 1.0} %}
        {%- for power in range(number // 2) %}
        {%- if power > 0 %}
        {%- do part.update({'divisor': part.divisor * (2 * power if number % 2 == 0 else 2 * power + 1)}) %}
        {%- endif %}
        {%- do terms.insert(0, 1.0 / part.divisor) %}
        {%- endfor %}
        when {{ number }} then {{ "sqrt(" ~ x ~ " * 6.3661977236758134e-1) * " if number % 2 and terms }}
            {{- kindred.polynomial(terms, x) if terms else "0.0e0" }}
        {%- endfor %}
    end + case when {{ df }} in ({{ range(1, max_df + 1, 2) | join(', ') }})
        then 2.0e0 * ({{ kindred.normal_tail("sqrt(" ~ x ~ ")") }}) else 0.0e0 end) end
{%- endmacro %}

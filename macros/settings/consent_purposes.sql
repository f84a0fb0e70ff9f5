{#- What kindred__privacy says of purposes: {gating: those that must all be allowed, required: those of which no answer
    is a refusal}. -#}
{% macro consent_purposes() %}
    {% set gating = kindred.setting('privacy', 'purposes') %}
    {% set required = kindred.setting('privacy', 'requires_consent') %}
    {{ return({
        'gating': gating,
        'required': gating if required is sameas true else [] if required is sameas false else required,
    }) }}
{% endmacro %}

{#- What is wrong with kindred__privacy. -#}
{% macro privacy_problems() %}
    {% set problems = [] %}
    {% set gating = kindred.setting('privacy', 'purposes') %}
    {% set required = kindred.setting('privacy', 'requires_consent') %}
    {% if not kindred.is_list_of_words(gating) or not gating %}
        {% do problems.append("kindred__privacy, purposes is '" ~ gating
            ~ "': give a list such as [personalization]") %}
    {% endif %}
    {% if required is not boolean and not kindred.is_list_of_words(required) %}
        {% do problems.append("kindred__privacy, requires_consent is '" ~ required
            ~ "': give true, false or a list of purposes such as [personalization]") %}
    {% endif %}
    {% if kindred.setting('privacy', 'consent_scope') not in ['person', 'event'] %}
        {% do problems.append("kindred__privacy, consent_scope is '" ~ kindred.setting('privacy', 'consent_scope')
            ~ "': give person or event") %}
    {% endif %}
    {% set fields = kindred.setting('privacy', 'protected_fields') %}
    {% if fields is string or fields is mapping or fields is not iterable or fields | reject('string') | list
        or '' in fields %}
        {% do problems.append("kindred__privacy, protected_fields is '" ~ fields
            ~ "': give a list such as [sex], of country and keys of the attributes of users") %}
    {% endif %}
    {% set epsilon = kindred.setting('privacy', 'epsilon') %}
    {% if epsilon != '' and (epsilon is not number or epsilon is boolean or epsilon <= 0) %}
        {% do problems.append("kindred__privacy, epsilon is '" ~ epsilon
            ~ "': give a number above 0, such as 1, or '' for no differential privacy") %}
    {% endif %}
    {% set device_epsilon = kindred.setting('privacy', 'device_epsilon') %}
    {% if device_epsilon != '' and (
        device_epsilon is not number or device_epsilon is boolean or device_epsilon <= 0 or device_epsilon > 10
    ) %}
        {% do problems.append("kindred__privacy, device_epsilon is '" ~ device_epsilon
            ~ "': give a number above 0 and at most 10, such as 4, or '' where devices report nothing") %}
    {% elif device_epsilon == '' and kindred.table_pointer('device_reports') %}
        {% do problems.append("kindred__tables has device_reports and kindred__privacy no device_epsilon: give the one "
            ~ "with which the reports were made") %}
    {% endif %}
    {% set lists_for = kindred.setting('privacy', 'lists_for') %}
    {% if lists_for not in ['people', 'segments'] %}
        {% do problems.append("kindred__privacy, lists_for is '" ~ lists_for ~ "': give people or segments") %}
    {% elif lists_for == 'segments' and kindred.setting('privacy', 'min_people') == 1 %}
        {% do problems.append("kindred__privacy has lists_for: segments and min_people 1, by which a segment of one "
            ~ "person would have a list: give min_people too, such as 5") %}
    {% endif %}
    {{ return(problems) }}
{% endmacro %}

{% macro is_list_of_words(value) %}
    {% if value is string or value is mapping or value is not iterable %}{{ return(false) }}{% endif %}
    {% for word in value if word is not string or modules.re.fullmatch('[a-z0-9_]+', word) is none %}
        {{ return(false) }}
    {% endfor %}
    {{ return(true) }}
{% endmacro %}

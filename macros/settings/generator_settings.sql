{#- What kindred__generators gives for the generators whose settings shape what is trained, or for the others: with
    other settings an earlier training, or an earlier list, is of no use. -#}
{% macro generator_settings(is_trained) %}
    {% set given = kindred.setting('generators') %}
    {% set settings = {'n_neighbors': given.n_neighbors} if is_trained else {} %}
    {% if is_trained and given.text_encoder %}{% do settings.update({'text_encoder': given.text_encoder}) %}{% endif %}
    {% for name, generator in kindred.default_settings().generators.items() if generator.is_trained == is_trained %}
        {% do settings.update({name: given.get(name) or {}}) %}
    {% endfor %}
    {{ return(settings) }}
{% endmacro %}

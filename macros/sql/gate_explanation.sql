{#- A row of publish_gates in words, as SQL over its CTE `evaluated`: how the value stands to the bound and why, and
    where it fails what to look at. -#}
{% macro gate_explanation() -%}
    case
            when sentence is null then 'kindred__tables, gates names a table without a row of this gate: add one'
            when gate = 'rollback_hold' then {{ kindred.text_literal(kindred.rollback_text(kindred.read_rollback())) }}
            when gate = 'lists' and is_passed then 'there are lists'
            when gate = 'lists' then concat(sentence, ' (', details, '); ', way_out)
            when bound is null then 'off'
            when gate = 'fairness' and measure is null
                then 'not compared: group_fairness has no two groups of a protected field'
            when compared_release_id is null and gate not in ('traffic', 'fairness')
                then 'the first release: nothing to compare with'
            when gate = 'quality' and measure is null then 'not compared: this build evaluated nobody'
            when gate = 'changed_lists' and measure is null
                then concat('not compared: recommendation_log has no lists of release ', compared_release_id)
            when gate = 'drift' and measure is null
                then concat('not compared: ', coalesce(details, 'drift has no row of this build or of that release'))
            when gate = 'concentration' and measure is null
                then concat('not compared: ', coalesce(
                    details, 'lists have fewer than 1,000 places, or concentration has no row of that release'
                ))
            when measure is null then 'not compared: this build has no figure'
            when gate = 'catalog_coverage' and value is null
                then concat('not compared: release ', compared_release_id, ' was made by another lists_for')
            when value is null then concat('not compared: there is no figure of release ', compared_release_id)
            else concat(
                sentence, ': ', {{ kindred.figure('value') }}, ', at most ', {{ kindred.figure('bound') }},
                case
                    when measure_name is not null and served_measure is not null
                        then concat(
                            ' (', measure_name, ' ', {{ kindred.figure('measure') }},
                            ', before ', {{ kindred.figure('served_measure') }}, ')'
                        )
                    else ''
                end,
                case when details is not null then concat('; ', details) else '' end,
                case when gate not in ('traffic', 'fairness') then concat('; compared with release ', compared_release_id) else '' end,
                case when not is_passed and way_out is not null then concat('; ', way_out) else '' end
            )
        end
{%- endmacro %}

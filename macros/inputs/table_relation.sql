{#- The table of a shop's decisions: what kindred__tables points at under `name`, else the seed that comes with kindred.
    -#}
{% macro table_relation(name) %}
    {% set pointer = kindred.table_pointer(name) %}
    {% if not pointer %}
        {{ return(ref('kindred', kindred.table_contract(name).seed)) }}
    {% endif %}
    {{ return(kindred.pointed_relation(pointer, 'kindred__tables has ' ~ name)) }}
{% endmacro %}

{#- What kindred__tables points at, '' = nothing but kindred's own seed, which may be named, too. -#}
{% macro table_pointer(name) %}
    {% set pointer = kindred.setting('tables', name) %}
    {{ return('' if pointer == kindred.table_contract(name).seed else pointer) }}
{% endmacro %}

{#- Whether kindred__tables names a table, be it kindred's own seed. Else models needn't count with rows. -#}
{% macro has_table(name) %}
    {{ return(kindred.setting('tables', name) != '') }}
{% endmacro %}

{#- The seed that comes with kindred, and the columns that a shop's own table in its place must or may have. -#}
{% macro table_contract(name) %}
    {% set contracts = {
        'event_weights': {
            'seed': 'event_weights',
            'columns': {
                'event_type': {'kind': 'text', 'form': 'word', 'required': true},
                'weight': {'kind': 'number', 'required': true},
                'half_life_days': {'kind': 'number', 'required': false},
                'neutral_value': {'kind': 'number', 'required': false},
                'excludes_item': {'kind': 'boolean', 'words': 'answers', 'required': false},
                'is_target': {'kind': 'boolean', 'words': 'answers', 'required': false},
            },
        },
        'generators': {
            'seed': 'generator_weights',
            'columns': {
                'generator': {'kind': 'text', 'form': 'word', 'required': true},
                'weight': {'kind': 'number', 'required': true},
                'reason': {'kind': 'text', 'form': 'word', 'required': true},
            },
        },
        'rules': {
            'seed': 'ranking_rules',
            'is_text': true,
            'columns': {
                'rule_id': {'kind': 'text', 'form': 'id', 'required': true},
                'action': {'kind': 'text', 'form': 'word', 'required': true},
                'item_id': {'kind': 'text', 'form': 'id', 'required': false},
                'category': {'kind': 'text', 'form': 'name', 'required': false},
                'brand': {'kind': 'text', 'form': 'name', 'required': false},
                'segment': {'kind': 'text', 'form': 'name', 'required': false},
                'activity': {'kind': 'text', 'form': 'word', 'required': false},
                'amount': {'kind': 'number', 'required': false},
                'policy': {'kind': 'text', 'form': 'word', 'required': false},
                'starts_at': {'kind': 'timestamp', 'required': false},
                'ends_at': {'kind': 'timestamp', 'required': false},
            },
        },
        'gates': {
            'seed': 'gates',
            'columns': {
                'gate': {'kind': 'text', 'form': 'word', 'required': true},
                'default_bound': {'kind': 'number', 'required': false},
                'unit': {'kind': 'text', 'required': true},
                'sentence': {'kind': 'text', 'required': true},
                'measure_name': {'kind': 'text', 'required': false},
                'way_out': {'kind': 'text', 'required': false},
                'is_off_for_sample': {'kind': 'boolean', 'words': 'answers', 'required': false},
                'has_bound': {'kind': 'boolean', 'words': 'answers', 'required': true},
                'is_overridable': {'kind': 'boolean', 'words': 'answers', 'required': true},
            },
        },
        'tracker_events': {
            'seed': 'tracker_events',
            'columns': {
                'tracker': {'kind': 'text', 'form': 'word', 'required': true},
                'event_name': {'kind': 'text', 'form': 'word', 'required': true},
                'event_type': {'kind': 'text', 'form': 'word', 'required': true},
            },
        },
        'traffic_rules': {
            'seed': 'traffic_rules',
            'is_text': true,
            'columns': {
                'rule_id': {'kind': 'text', 'form': 'id', 'required': true},
                'traffic': {'kind': 'text', 'form': 'word', 'required': true},
                'field': {'kind': 'text', 'form': 'word', 'required': true},
                'pattern': {'kind': 'text', 'required': true},
            },
        },
        'blocked_ids': {
            'seed': 'blocked_ids',
            'is_text': true,
            'columns': {'blocked_id': {'kind': 'text', 'form': 'id', 'required': true}},
        },
        'purposes': {
            'seed': 'purposes',
            'columns': {
                'spelling': {'kind': 'text', 'form': 'word', 'required': true},
                'purpose': {'kind': 'text', 'form': 'word', 'required': true},
                'is_question': {'kind': 'boolean', 'words': 'answers', 'required': false},
                'is_opt_out': {'kind': 'boolean', 'words': 'answers', 'required': false},
            },
        },
        'policies': {
            'seed': 'policies',
            'is_text': true,
            'columns': {
                'policy': {'kind': 'text', 'form': 'word', 'required': true},
                'generators': {'kind': 'text', 'required': false},
                'weights': {'kind': 'text', 'required': false},
                'ranker': {'kind': 'text', 'form': 'word', 'required': false},
                'diversity': {'kind': 'number', 'required': false},
                'freshness': {'kind': 'number', 'required': false},
                'exploration_share': {'kind': 'number', 'required': false},
            },
        },
        'experiments': {
            'seed': 'experiments',
            'is_text': true,
            'columns': {
                'experiment_id': {'kind': 'text', 'form': 'id', 'required': true},
                'kind': {'kind': 'text', 'form': 'word', 'required': true},
                'layer': {'kind': 'text', 'form': 'id', 'required': false},
                'layer_from': {'kind': 'number', 'required': false},
                'layer_to': {'kind': 'number', 'required': false},
                'unit': {'kind': 'text', 'form': 'word', 'required': false},
                'salt': {'kind': 'text', 'form': 'id', 'required': false},
                'allocation': {'kind': 'text', 'form': 'word', 'required': false},
                'stopping': {'kind': 'text', 'form': 'word', 'required': false},
                'metric': {'kind': 'text', 'form': 'word', 'required': false},
                'planned_people': {'kind': 'number', 'required': false},
                'forgetting': {'kind': 'number', 'required': false},
                'starts_at': {'kind': 'timestamp', 'required': true},
                'ends_at': {'kind': 'timestamp', 'required': false},
            },
        },
        'experiment_arms': {
            'seed': 'experiment_arms',
            'is_text': true,
            'columns': {
                'experiment_id': {'kind': 'text', 'form': 'id', 'required': true},
                'arm': {'kind': 'text', 'form': 'id', 'required': true},
                'position': {'kind': 'number', 'required': false},
                'share': {'kind': 'number', 'required': true},
                'is_control': {'kind': 'boolean', 'words': 'answers', 'required': false},
                'policy': {'kind': 'text', 'form': 'word', 'required': false},
                'value': {'kind': 'text', 'form': 'id', 'required': false},
                'min_price': {'kind': 'number', 'required': false},
                'max_price': {'kind': 'number', 'required': false},
                'price_step': {'kind': 'number', 'required': false},
                'segment': {'kind': 'text', 'form': 'name', 'required': false},
                'activity': {'kind': 'text', 'form': 'word', 'required': false},
                'category': {'kind': 'text', 'form': 'name', 'required': false},
                'brand': {'kind': 'text', 'form': 'name', 'required': false},
            },
        },
        'experiment_metrics': {
            'seed': 'experiment_metrics',
            'is_text': true,
            'columns': {
                'metric': {'kind': 'text', 'form': 'word', 'required': true},
                'statistic': {'kind': 'text', 'form': 'word', 'required': true},
                'numerator': {'kind': 'text', 'form': 'word', 'required': true},
                'denominator': {'kind': 'text', 'form': 'word', 'required': false},
                'event_type': {'kind': 'text', 'form': 'word', 'required': false},
                'window_days': {'kind': 'number', 'required': false},
                'covariate_days': {'kind': 'number', 'required': false},
                'winsorize_at': {'kind': 'number', 'required': false},
                'quantile': {'kind': 'number', 'required': false},
                'is_guardrail': {'kind': 'boolean', 'words': 'answers', 'required': false},
                'higher_is_better': {'kind': 'boolean', 'words': 'answers', 'required': false},
            },
        },
        'foreign_log': {
            'seed': 'foreign_log',
            'is_text': true,
            'columns': {
                'list_id': {'kind': 'text', 'form': 'id', 'required': true},
                'user_id': {'kind': 'text', 'form': 'id', 'required': false},
                'item_id': {'kind': 'text', 'form': 'id', 'required': true},
                'rank': {'kind': 'number', 'required': true},
                'policy': {'kind': 'text', 'form': 'word', 'required': false},
                'propensity': {'kind': 'number', 'required': true},
                'reward': {'kind': 'number', 'required': true},
                'evaluated_policy': {'kind': 'text', 'form': 'word', 'required': true},
                'evaluated_propensity': {'kind': 'number', 'required': false},
                'shown_at': {'kind': 'timestamp', 'required': false},
                'rewarded_at': {'kind': 'timestamp', 'required': false},
            },
        },
        'foreign_policies': {
            'seed': 'foreign_policies',
            'is_text': true,
            'columns': {
                'evaluated_policy': {'kind': 'text', 'form': 'word', 'required': true},
                'list_id': {'kind': 'text', 'form': 'id', 'required': false},
                'rank': {'kind': 'number', 'required': true},
                'item_id': {'kind': 'text', 'form': 'id', 'required': true},
                'propensity': {'kind': 'number', 'required': true},
            },
        },
    } %}
    {{ return(contracts[name]) }}
{% endmacro %}

{#- The select list that brings a table of kindred__tables into the contract's types, whatever types it has. -#}
{% macro select_table_columns(name) %}
    {% set contract = kindred.table_contract(name).columns %}
    {{- kindred.select_columns(contract, kindred.table_columns(name)) -}}
{% endmacro %}

{#- {column in lower case: data type in lower case} of a table of kindred__tables. Of the seed in its place the types
    are known. -#}
{% macro table_columns(name) %}
    {% set contract = kindred.table_contract(name) %}
    {% set pointer = kindred.table_pointer(name) %}
    {% if pointer %}
        {{ return(kindred.relation_columns(
            kindred.table_relation(name), contract.columns, 'kindred__tables, ' ~ name, pointer,
            "; or leave it out to use kindred's own."
        )) }}
    {% endif %}
    {% set types = {} %}
    {% for column, rule in contract.columns.items() %}
        {% do types.update({column: 'varchar' if contract.is_text else kindred.type_of(rule.kind)}) %}
    {% endfor %}
    {{ return(types) }}
{% endmacro %}

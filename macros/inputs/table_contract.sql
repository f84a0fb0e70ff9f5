{#- The seed that comes with kindred, and the columns that a shop's own table in its place must or may have. -#}
{% macro table_contract(name) %}
    {{ return(kindred.shop_table_contracts().get(name) or kindred.experiment_table_contracts()[name]) }}
{% endmacro %}

{#- {table: its contract} of what weighs, rules, maps and gates. -#}
{% macro shop_table_contracts() %}
    {{ return({
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
        'eligibility': {
            'seed': 'eligibility',
            'is_text': true,
            'columns': {
                'rule_id': {'kind': 'text', 'form': 'id', 'required': true},
                'item_id': {'kind': 'text', 'form': 'id', 'required': false},
                'category': {'kind': 'text', 'form': 'name', 'required': false},
                'brand': {'kind': 'text', 'form': 'name', 'required': false},
                'field': {'kind': 'text', 'form': 'name', 'required': true},
                'operator': {'kind': 'text', 'form': 'name', 'required': true},
                'value': {'kind': 'text', 'form': 'name', 'required': false},
            },
        },
        'campaigns': {
            'seed': 'campaigns',
            'is_text': true,
            'columns': {
                'campaign_id': {'kind': 'text', 'form': 'id', 'required': true},
                'item_id': {'kind': 'text', 'form': 'id', 'required': false},
                'category': {'kind': 'text', 'form': 'name', 'required': false},
                'purpose': {'kind': 'text', 'form': 'word', 'required': false},
                'max_people': {'kind': 'number', 'required': true},
                'max_sends': {'kind': 'number', 'required': true},
                'within_days': {'kind': 'number', 'required': true},
                'starts_at': {'kind': 'timestamp', 'required': true},
                'ends_at': {'kind': 'timestamp', 'required': false},
            },
        },
        'device_reports': {
            'seed': 'device_reports',
            'is_text': true,
            'columns': {
                'sender_id': {'kind': 'text', 'form': 'id', 'required': true},
                'period': {'kind': 'text', 'form': 'name', 'required': true},
                'seed': {'kind': 'number', 'required': true},
                'bucket': {'kind': 'number', 'required': true},
                'epsilon': {'kind': 'number', 'required': true},
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
        'reason_texts': {
            'seed': 'reason_texts',
            'is_text': true,
            'columns': {
                'reason': {'kind': 'text', 'form': 'word', 'required': true},
                'language': {'kind': 'text', 'form': 'word', 'required': true},
                'text_with_item': {'kind': 'text', 'form': 'name', 'required': false},
                'text_alone': {'kind': 'text', 'form': 'name', 'required': true},
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
                'fatigue': {'kind': 'number', 'required': false},
                'discovery_share': {'kind': 'number', 'required': false},
                'exploration_share': {'kind': 'number', 'required': false},
            },
        },
    }) }}
{% endmacro %}

{#- The columns of an input: what each holds and whether a user's table must have it. `kind` is text, timestamp, number,
    boolean or vector (the text of a JSON array of numbers). `form` is the normal form of a text that is compared: id,
    name (shown too) or word (one of a known few); `words` names the words of a boolean; is_person: it names a person;
    an id that is nobody's (blocked_ids) counts as none. -#}
{% macro input_contract(input) %}
    {% set contracts = {
        'events': {
            'event_id': {'kind': 'text', 'required': true},
            'user_id': {'kind': 'text', 'form': 'id', 'is_person': true, 'required': false},
            'anonymous_id': {'kind': 'text', 'form': 'id', 'is_person': true, 'required': false},
            'session_id': {'kind': 'text', 'form': 'id', 'required': false},
            'event_type': {'kind': 'text', 'form': 'word', 'required': true},
            'item_id': {'kind': 'text', 'form': 'id', 'required': true},
            'occurred_at': {'kind': 'timestamp', 'required': true},
            'quantity': {'kind': 'number', 'required': false},
            'value': {'kind': 'number', 'required': false},
            'order_id': {'kind': 'text', 'form': 'id', 'required': false},
            'list_id': {'kind': 'text', 'form': 'id', 'required': false},
            'position': {'kind': 'number', 'required': false},
            'query': {'kind': 'text', 'required': false},
            'properties': {'kind': 'text', 'required': false},
            'traffic': {'kind': 'text', 'required': false},
            'user_agent': {'kind': 'text', 'required': false},
            'host': {'kind': 'text', 'required': false},
            'ip_address': {'kind': 'text', 'required': false},
        },
        'items': {
            'item_id': {'kind': 'text', 'form': 'id', 'required': true},
            'title': {'kind': 'text', 'required': false},
            'description': {'kind': 'text', 'required': false},
            'category': {'kind': 'text', 'form': 'name', 'required': false},
            'brand': {'kind': 'text', 'form': 'name', 'required': false},
            'price': {'kind': 'number', 'required': false},
            'margin': {'kind': 'number', 'required': false},
            'is_available': {'kind': 'boolean', 'words': 'availability', 'required': false},
            'created_at': {'kind': 'timestamp', 'required': false},
            'attributes': {'kind': 'text', 'required': false},
            'embedding': {'kind': 'vector', 'required': false},
        },
        'users': {
            'user_id': {'kind': 'text', 'form': 'id', 'is_person': true, 'required': true},
            'created_at': {'kind': 'timestamp', 'required': false},
            'country': {'kind': 'text', 'required': false},
            'preferences': {'kind': 'text', 'required': false},
            'attributes': {'kind': 'text', 'required': false},
        },
        'consents': {
            'user_id': {'kind': 'text', 'form': 'id', 'is_person': true, 'required': true},
            'purpose': {'kind': 'text', 'form': 'word', 'required': true},
            'is_granted': {'kind': 'boolean', 'words': 'answers', 'required': true},
            'updated_at': {'kind': 'timestamp', 'required': true},
            'source': {'kind': 'text', 'required': false},
            'region': {'kind': 'text', 'required': false},
        },
        'identity_links': {
            'left_id': {'kind': 'text', 'form': 'id', 'is_person': true, 'required': true},
            'right_id': {'kind': 'text', 'form': 'id', 'is_person': true, 'required': true},
            'kind': {'kind': 'text', 'form': 'word', 'required': false},
            'linked_at': {'kind': 'timestamp', 'required': false},
        },
        'erasures': {
            'identity_id': {'kind': 'text', 'form': 'id', 'is_person': true, 'required': true},
            'requested_at': {'kind': 'timestamp', 'required': false},
        },
    } %}
    {{ return(contracts[input]) }}
{% endmacro %}

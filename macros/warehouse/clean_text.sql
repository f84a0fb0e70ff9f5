{#- A text in Unicode NFC, every kind of blank in it a plain one, none around it, and without characters that nobody
    sees. In an id these include the zero-width joiners, which in words of some scripts carry meaning. -#}
{% macro clean_text(text, is_id=false, composes=true) %}
    {{- return(adapter.dispatch('clean_text', 'kindred')(text, is_id, composes)) -}}
{% endmacro %}

{% macro duckdb__clean_text(text, is_id, composes) -%}
    {%- set invisible = '\\p{Cc}\\p{Cf}' if is_id
        else '\\p{Cc}\\x{ad}\\x{61c}\\x{180e}\\x{200b}\\x{200e}\\x{200f}\\x{202a}-\\x{202e}\\x{2060}-\\x{206f}\\x{feff}' -%}
    trim(nfc_normalize(
        regexp_replace(regexp_replace({{ text }}, '[\s\x0b\p{Z}]', ' ', 'g'), '[{{ invisible }}]', '', 'g')
    ))
{%- endmacro %}

{#- Snowflake has no function that composes letters: the commonest letters of Latin alphabets with their marks are
    composed here, by one `replace` within another, and others stay as they are: hundreds of them would be more than a
    parser takes. Characters are named one by one, as its regular expressions know no classes of Unicode. (DuckDB, on
    which the emulator runs, takes them for plain blanks where a comment before them has an odd apostrophe.) -#}
{% macro snowflake__clean_text(text, is_id, composes) -%}
    {%- set blanks = '\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a'
        ~ '\u2028\u2029\u202f\u205f\u3000' -%}
    {%- set invisible = '\u00ad\u061c\u180e\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063'
        ~ '\u2064\u2066\u2067\u2068\u2069\u206a\u206b\u206c\u206d\u206e\u206f\ufeff' ~ ('\u200c\u200d' if is_id else '') -%}
    {%- set controls = 'chr(9), chr(10), chr(11), chr(12), chr(13)' -%}
    {#- A loop's own variables end with each turn; those of a namespace stay. -#}
    {%- set unwanted = "concat(" ~ controls ~ ", '" ~ blanks ~ invisible ~ "')" -%}
    {%- set plain_blanks = ' ' * (5 + blanks | length) -%}
    {%- set composed = namespace(text="translate(" ~ text ~ ", " ~ unwanted ~ ", '" ~ plain_blanks ~ "')") -%}
    {%- for mark, plain, whole in (kindred.composed_letters() if composes else []) -%}
        {%- for letter in plain -%}
            {%- set pair = "'" ~ letter ~ mark ~ "', '" ~ whole[loop.index0] ~ "'" -%}
            {%- set composed.text = "replace(" ~ composed.text ~ ", " ~ pair ~ ")" -%}
        {%- endfor -%}
    {%- endfor -%}
    trim({{ composed.text }})
{%- endmacro %}

{#- [combining mark, letters, the same letters composed with it] -#}
{% macro composed_letters() %}
    {{ return([
        ['\u0300', 'ae', 'àè'],
        ['\u0301', 'aeiouE', 'áéíóúÉ'],
        ['\u0302', 'eo', 'êô'],
        ['\u0303', 'n', 'ñ'],
        ['\u0308', 'aeouAOU', 'äëöüÄÖÜ'],
        ['\u030a', 'a', 'å'],
        ['\u0327', 'c', 'ç'],
    ]) }}
{% endmacro %}

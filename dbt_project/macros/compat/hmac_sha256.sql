{#
  a text and the two padded blocks of a secret (hex) → HMAC-SHA256 as 64 hex digits

  The pads are the key block XORed with 0x36 and 0x5c; they are columns, so no key stands in compiled SQL.
#}
{% macro hmac_sha256(message, inner_pad, outer_pad) -%}
    {{ adapter.dispatch('hmac_sha256', 'ckm')(message, inner_pad, outer_pad) }}
{%- endmacro %}

{% macro duckdb__hmac_sha256(message, inner_pad, outer_pad) -%}
    sha256(unhex({{ outer_pad }}) || unhex(sha256(unhex({{ inner_pad }}) || encode({{ message }}))))
{%- endmacro %}

{% macro spark__hmac_sha256(message, inner_pad, outer_pad) -%}
    sha2(
        unhex({{ outer_pad }})
        || unhex(sha2(unhex({{ inner_pad }}) || encode({{ message }}, 'UTF-8'), 256)),
        256
    )
{%- endmacro %}

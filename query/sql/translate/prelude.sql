-- Trino's functions in DuckDB's. What fails does so with Athena's code and message, through flowlake_raise.

-- Numbers
CREATE OR REPLACE MACRO flowlake_divide(n, d) AS ((abs(n) * 2 + abs(d)) // (abs(d) * 2)) * CAST(sign(n) * sign(d) AS HUGEINT);
CREATE OR REPLACE MACRO flowlake_sqrt(x) AS CASE WHEN x < 0 THEN CAST('NaN' AS DOUBLE) ELSE sqrt(x) END;
CREATE OR REPLACE MACRO flowlake_ln(x) AS CASE WHEN x = 0 THEN CAST('-Infinity' AS DOUBLE) WHEN x < 0 THEN CAST('NaN' AS DOUBLE) ELSE ln(x) END;
CREATE OR REPLACE MACRO flowlake_log10(x) AS CASE WHEN x = 0 THEN CAST('-Infinity' AS DOUBLE) WHEN x < 0 THEN CAST('NaN' AS DOUBLE) ELSE log10(x) END;
CREATE OR REPLACE MACRO flowlake_finite_sin(x) AS CASE WHEN isfinite(x) THEN sin(x) WHEN x IS NOT NULL THEN CAST('NaN' AS DOUBLE) END;
CREATE OR REPLACE MACRO flowlake_finite_cos(x) AS CASE WHEN isfinite(x) THEN cos(x) WHEN x IS NOT NULL THEN CAST('NaN' AS DOUBLE) END;
CREATE OR REPLACE MACRO flowlake_finite_tan(x) AS CASE WHEN isfinite(x) THEN tan(x) WHEN x IS NOT NULL THEN CAST('NaN' AS DOUBLE) END;
CREATE OR REPLACE MACRO flowlake_asin(x) AS CASE WHEN abs(x) <= 1 THEN asin(x) WHEN x IS NOT NULL THEN CAST('NaN' AS DOUBLE) END;
CREATE OR REPLACE MACRO flowlake_acos(x) AS CASE WHEN abs(x) <= 1 THEN acos(x) WHEN x IS NOT NULL THEN CAST('NaN' AS DOUBLE) END;
CREATE OR REPLACE MACRO flowlake_width_bucket(x, low, high, n) AS CASE
  WHEN n <= 0 THEN CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: bucketCount must be greater than 0') AS BIGINT)
  WHEN low = high THEN CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: bounds cannot equal each other') AS BIGINT)
  WHEN isnan(x) THEN CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: operand must not be NaN') AS BIGINT)
  WHEN low < high AND x < low OR low > high AND x > low THEN 0
  WHEN low < high AND x >= high OR low > high AND x <= high THEN n + 1
  ELSE CAST(floor(n * (x - low) / (high - low)) AS BIGINT) + 1 END;
CREATE OR REPLACE MACRO flowlake_is_number(s) AS regexp_full_match(s, '[ \t]*([+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[dDfF]?|Infinity|NaN))[ \t]*');
CREATE OR REPLACE MACRO flowlake_number(s) AS regexp_replace(trim(s, E' \t'), '([0-9.])[dDfF]$', '\1');

-- Text
CREATE OR REPLACE MACRO flowlake_reverse(s) AS CASE WHEN strlen(s) = length(s) THEN reverse(s) ELSE flowlake_reverse_text(s) END;
-- Java leaves the sharp s as it is.
CREATE OR REPLACE MACRO flowlake_upper(s) AS CASE WHEN contains(s, 'ß')
  THEN array_to_string(list_transform(string_split(s, 'ß'), lambda flowlake_x: upper(flowlake_x)), 'ß') ELSE upper(s) END;
CREATE OR REPLACE MACRO flowlake_substr(s, i) AS CASE
  WHEN s IS NULL OR i IS NULL THEN NULL WHEN i = 0 OR -i > length(s) THEN '' ELSE substr(s, i) END;
CREATE OR REPLACE MACRO flowlake_substr_length(s, i, n) AS CASE
  WHEN s IS NULL OR i IS NULL OR n IS NULL THEN NULL WHEN i = 0 OR n <= 0 OR -i > length(s) THEN '' ELSE substr(s, i, n) END;
CREATE OR REPLACE MACRO flowlake_replace(s, a, b) AS CASE WHEN a = '' THEN flowlake_replace_empty(s, b) ELSE replace(s, a, b) END;
CREATE OR REPLACE MACRO flowlake_delimiter(d) AS CASE
  WHEN d = '' THEN CAST(CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: The delimiter may not be the empty string') AS INTEGER) AS VARCHAR) ELSE d END;
CREATE OR REPLACE MACRO flowlake_split(s, d) AS CASE WHEN d IS NOT NULL THEN string_split(s, flowlake_delimiter(d)) END;
CREATE OR REPLACE MACRO flowlake_split_limit(s, d, n) AS CASE
  WHEN n <= 0 THEN CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: Limit must be positive') AS VARCHAR[])
  WHEN len(flowlake_split(s, d)) <= n THEN flowlake_split(s, d)
  ELSE string_split(s, d)[1:n - 1] || [array_to_string(string_split(s, d)[n:], d)] END;
CREATE OR REPLACE MACRO flowlake_split_part(s, d, i) AS string_split(s, d)[CASE
  WHEN i <= 0 THEN CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: Index must be greater than zero') AS BIGINT) ELSE i END];
CREATE OR REPLACE MACRO flowlake_pad_size(n, p) AS CASE
  WHEN n < 0 OR n > 2147483647 THEN CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: Target length must be in the range [0..2147483647]') AS INTEGER)
  WHEN p = '' THEN CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: Padding string must not be empty') AS INTEGER)
  ELSE CAST(n AS INTEGER) END;
CREATE OR REPLACE MACRO flowlake_lpad(s, n, p) AS lpad(s, flowlake_pad_size(n, p), p);
CREATE OR REPLACE MACRO flowlake_rpad(s, n, p) AS rpad(s, flowlake_pad_size(n, p), p);
CREATE OR REPLACE MACRO flowlake_regexp_extract(s, p, g) AS CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p, g) END;

-- Time
CREATE OR REPLACE MACRO flowlake_whole_days(ms) AS CASE
  WHEN ms % 86400000 <> 0 THEN CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: Cannot add hour, minutes or seconds to a date') AS BIGINT)
  ELSE ms // 86400000 END;
CREATE OR REPLACE MACRO flowlake_floor_time(us, unit) AS make_timestamp(us - ((us % unit) + unit) % unit);
CREATE OR REPLACE MACRO flowlake_round_time(t, unit) AS flowlake_floor_time(epoch_us(t) + unit // 2, unit);
CREATE OR REPLACE MACRO flowlake_timestamp_text(s) AS trim(s, E' \t\n\r');
CREATE OR REPLACE MACRO flowlake_date_parse(s, year, f, format) AS CASE WHEN s IS NOT NULL THEN coalesce(
  CASE WHEN s = trim(s) THEN flowlake_floor_time(epoch_us(try_strptime(year || s, f)), 1000) END,
  CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: Invalid format: "' || s || '" does not fit ' || format) AS TIMESTAMP)) END;
CREATE OR REPLACE MACRO flowlake_iso_date(s) AS CASE WHEN s IS NOT NULL THEN coalesce(
  CASE WHEN regexp_full_match(s, '[0-9]{4}-[0-9]{2}-[0-9]{2}') THEN TRY_CAST(s AS DATE) END,
  CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: Invalid format: "' || s || '"') AS DATE)) END;
CREATE OR REPLACE MACRO flowlake_iso_timestamp(s) AS CASE WHEN s IS NOT NULL THEN coalesce(
  CASE WHEN regexp_full_match(s, '[0-9]{4}-[0-9]{2}-[0-9]{2}(T([0-9]{2}(:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?)?)?(Z|[+-]00:?00)?)?')
    THEN flowlake_floor_time(epoch_us(TRY_CAST(
      CASE length(regexp_replace(s, '(Z|[+-]00:?00)$', '')) WHEN 10 THEN left(s, 10) WHEN 11 THEN left(s, 10) WHEN 13 THEN left(s, 10) || ' ' || substr(s, 12, 2) || ':00'
      ELSE replace(replace(regexp_replace(s, '(Z|[+-]00:?00)$', ''), 'T', ' '), ',', '.') END AS TIMESTAMP)), 1000) END,
  CAST(CASE WHEN regexp_matches(s, 'T.*[+-][0-9]{2}:?[0-9]{2}$')
    THEN flowlake_raise('NOT_SUPPORTED: flowlake reads from_iso8601_timestamp of values in UTC only yet: "' || s || '"')
    ELSE flowlake_raise('INVALID_FUNCTION_ARGUMENT: Invalid format: "' || s || '"') END AS TIMESTAMP)) END;

-- Arrays and maps
CREATE OR REPLACE MACRO flowlake_array_at(a, i) AS a[CASE
  WHEN a IS NULL OR i IS NULL THEN NULL
  WHEN i = 0 THEN CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1') AS BIGINT)
  WHEN i < 0 THEN CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: Array subscript is negative: ' || i) AS BIGINT)
  WHEN i > len(a) THEN CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: Array subscript must be less than or equal to array length: ' || i || ' > ' || len(a)) AS BIGINT)
  ELSE i END];
CREATE OR REPLACE MACRO flowlake_element_at(a, i) AS a[CASE
  WHEN i = 0 THEN CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1') AS BIGINT) ELSE i END];
CREATE OR REPLACE MACRO flowlake_map_at(m, k) AS map_extract(m, k)[CASE
  WHEN m IS NOT NULL AND NOT map_contains(m, k)
  THEN CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: Key not present in map: ' || CAST(k AS VARCHAR)) AS BIGINT) ELSE 1 END];
CREATE OR REPLACE MACRO flowlake_has_null(a) AS len(a) > list_count(a);
CREATE OR REPLACE MACRO flowlake_contains(a, x) AS CASE
  WHEN a IS NULL OR x IS NULL THEN NULL WHEN list_contains(a, x) THEN true WHEN flowlake_has_null(a) THEN NULL ELSE false END;
CREATE OR REPLACE MACRO flowlake_any(l) AS CASE
  WHEN l IS NULL THEN NULL WHEN list_contains(l, true) THEN true WHEN flowlake_has_null(l) THEN NULL ELSE false END;
CREATE OR REPLACE MACRO flowlake_all(l) AS CASE
  WHEN l IS NULL THEN NULL WHEN list_contains(l, false) THEN false WHEN flowlake_has_null(l) THEN NULL ELSE true END;
CREATE OR REPLACE MACRO flowlake_array_distinct(a) AS list_filter(a, lambda flowlake_x, flowlake_i: list_position(a, flowlake_x) = flowlake_i);
CREATE OR REPLACE MACRO flowlake_array_intersect(a, b) AS CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN
  list_filter(flowlake_array_distinct(a), lambda flowlake_y: list_position(b, flowlake_y) IS NOT NULL) END;
CREATE OR REPLACE MACRO flowlake_array_except(a, b) AS CASE WHEN a IS NOT NULL AND b IS NOT NULL THEN
  list_filter(flowlake_array_distinct(a), lambda flowlake_y: list_position(b, flowlake_y) IS NULL) END;
CREATE OR REPLACE MACRO flowlake_arrays_overlap(a, b) AS CASE
  WHEN a IS NULL OR b IS NULL THEN NULL
  WHEN len(list_filter(a, lambda flowlake_y: flowlake_y IS NOT NULL AND list_contains(b, flowlake_y))) > 0 THEN true
  WHEN len(a) > 0 AND len(b) > 0 AND (flowlake_has_null(a) OR flowlake_has_null(b)) THEN NULL ELSE false END;
CREATE OR REPLACE MACRO flowlake_array_remove(a, x) AS CASE WHEN x IS NOT NULL THEN
  list_filter(a, lambda flowlake_y: flowlake_y IS NULL OR flowlake_y <> x) END;
-- To Trino NaN is the least number where a greatest is wanted, and the greatest where a least is.
CREATE OR REPLACE MACRO flowlake_array_max_float(a) AS CASE WHEN flowlake_has_null(a) THEN NULL
  ELSE coalesce(list_max(list_filter(a, lambda flowlake_y: NOT isnan(flowlake_y))), list_max(a)) END;
CREATE OR REPLACE MACRO flowlake_array_max(a) AS CASE WHEN flowlake_has_null(a) THEN NULL ELSE list_max(a) END;
CREATE OR REPLACE MACRO flowlake_array_min(a) AS CASE WHEN flowlake_has_null(a) THEN NULL ELSE list_min(a) END;
CREATE OR REPLACE MACRO flowlake_join(a, d) AS array_to_string(list_filter(a, lambda flowlake_y: flowlake_y IS NOT NULL), d);
CREATE OR REPLACE MACRO flowlake_join_nulls(a, d, n) AS array_to_string(list_transform(a, lambda flowlake_y: coalesce(flowlake_y, n)), d);
CREATE OR REPLACE MACRO flowlake_slice_from(a, i) AS CASE
  WHEN i = 0 THEN CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: SQL array indices start at 1') AS BIGINT)
  WHEN i > 0 THEN i ELSE len(a) + i + 1 END;
CREATE OR REPLACE MACRO flowlake_slice_size(n) AS CASE
  WHEN n < 0 THEN CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: length must be greater than or equal to 0') AS BIGINT) ELSE n END;
CREATE OR REPLACE MACRO flowlake_slice(a, i, n) AS list_filter(a, lambda flowlake_y, flowlake_i:
  flowlake_slice_from(a, i) > 0 AND flowlake_i >= flowlake_slice_from(a, i) AND flowlake_i < flowlake_slice_from(a, i) + flowlake_slice_size(n));
CREATE OR REPLACE MACRO flowlake_trim_array(a, n) AS list_filter(a, lambda flowlake_y, flowlake_i: flowlake_i <= len(a) - (CASE
  WHEN n < 0 THEN CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: size must not be negative: ' || n) AS BIGINT)
  WHEN n > len(a) THEN CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: size must not exceed array cardinality ' || len(a) || ': ' || n) AS BIGINT) ELSE n END));
CREATE OR REPLACE MACRO flowlake_repeat(x, n) AS list_transform(range(CASE
  WHEN n > 10000 THEN CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: count argument of repeat function must be less than or equal to 10000') AS BIGINT)
  WHEN n < 0 THEN CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: count argument of repeat function must be greater than or equal to 0') AS BIGINT) ELSE n END), lambda flowlake_y: x);
CREATE OR REPLACE MACRO flowlake_sequence_step(a, b, s) AS CASE
  WHEN s = 0 THEN CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: step must not be zero') AS BIGINT[])
  WHEN s > 0 AND b < a OR s < 0 AND b > a THEN CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: sequence stop value should be greater than or equal to start value if step is greater than zero otherwise stop should be less than or equal to start') AS BIGINT[])
  WHEN (CAST(b AS HUGEINT) - a) // s >= 10000 THEN CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: result of sequence function must not have more than 10000 entries') AS BIGINT[])
  ELSE generate_series(a, b, s) END;
CREATE OR REPLACE MACRO flowlake_sequence(a, b) AS flowlake_sequence_step(a, b, CASE WHEN b >= a THEN CAST(1 AS BIGINT) ELSE CAST(-1 AS BIGINT) END);
CREATE OR REPLACE MACRO flowlake_sequence_days(a, b) AS
  list_transform(flowlake_sequence(CAST(0 AS BIGINT), CAST(b - a AS BIGINT)), lambda flowlake_y: a + CAST(flowlake_y AS INTEGER));
CREATE OR REPLACE MACRO flowlake_sequence_day_steps(a, b, ms) AS
  list_transform(flowlake_sequence_step(CAST(0 AS BIGINT), CAST(b - a AS BIGINT), flowlake_whole_days(ms)), lambda flowlake_y: a + CAST(flowlake_y AS INTEGER));
CREATE OR REPLACE MACRO flowlake_sequence_times(a, b, ms) AS
  list_transform(flowlake_sequence_step(CAST(0 AS BIGINT), epoch_us(b) - epoch_us(a), ms * 1000), lambda flowlake_y: a + to_microseconds(flowlake_y));
CREATE OR REPLACE MACRO flowlake_map(k, v) AS CASE WHEN k IS NOT NULL AND v IS NOT NULL THEN map(k, v) END;
CREATE OR REPLACE MACRO flowlake_pair_keys(p) AS list_transform(p, lambda flowlake_x: flowlake_x.k);
CREATE OR REPLACE MACRO flowlake_map_pairs(p) AS
  map(list_transform(p, lambda flowlake_x: flowlake_x.k), list_transform(p, lambda flowlake_x: flowlake_x.v));
CREATE OR REPLACE MACRO flowlake_map_of_pairs(p) AS CASE
  WHEN p IS NULL THEN NULL
  WHEN list_unique(flowlake_pair_keys(p)) = len(p) THEN flowlake_map_pairs(p)
  ELSE flowlake_map_pairs(list_filter(p, lambda flowlake_y, flowlake_i: list_position(flowlake_pair_keys(p), flowlake_y.k) = flowlake_i)) END;
CREATE OR REPLACE MACRO flowlake_multimap(p) AS CASE WHEN p IS NOT NULL THEN map(
  flowlake_array_distinct(flowlake_pair_keys(p)),
  list_transform(flowlake_array_distinct(flowlake_pair_keys(p)), lambda flowlake_z:
    list_transform(list_filter(p, lambda flowlake_y: flowlake_y.k = flowlake_z), lambda flowlake_w: flowlake_w.v))) END;
CREATE OR REPLACE MACRO flowlake_split_pairs(s, d) AS list_filter(string_split(s, flowlake_delimiter(d)), lambda flowlake_y: flowlake_y <> '');
CREATE OR REPLACE MACRO flowlake_split_to_map(s, d, e) AS CASE WHEN s IS NOT NULL AND d IS NOT NULL AND e IS NOT NULL THEN map(
  list_transform(flowlake_split_pairs(s, d), lambda flowlake_y: CASE
    WHEN len(string_split(flowlake_y, flowlake_delimiter(e))) = 2 THEN string_split(flowlake_y, e)[1]
    ELSE CAST(CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: Key-value delimiter must appear exactly once in each entry. Bad input: ''' || flowlake_y || '''') AS INTEGER) AS VARCHAR) END),
  list_transform(flowlake_split_pairs(s, d), lambda flowlake_y: string_split(flowlake_y, e)[2])) END;

-- JSON, held as text
CREATE OR REPLACE MACRO flowlake_json_extract(s, p) AS CASE WHEN json_valid(s) THEN CAST(json_extract(s, p) AS VARCHAR) END;
CREATE OR REPLACE MACRO flowlake_json_scalar(s, p) AS CASE
  WHEN json_valid(s) THEN CASE WHEN json_type(s, p) IN ('VARCHAR', 'BIGINT', 'UBIGINT', 'BOOLEAN') THEN json_extract_string(s, p)
  WHEN json_type(s, p) NOT IN ('OBJECT', 'ARRAY', 'NULL') THEN flowlake_json_number(s, p) END END;
CREATE OR REPLACE MACRO flowlake_json_size(s, p) AS CASE WHEN json_valid(s) THEN CASE json_type(s, p)
  WHEN 'ARRAY' THEN CAST(json_array_length(s, p) AS BIGINT) WHEN 'OBJECT' THEN CAST(len(json_keys(s, p)) AS BIGINT)
  WHEN NULL THEN NULL ELSE CASE WHEN json_type(s, p) IS NOT NULL THEN CAST(0 AS BIGINT) END END END;
CREATE OR REPLACE MACRO flowlake_json_array_length(s) AS CASE WHEN json_valid(s) THEN CASE json_type(s) WHEN 'ARRAY' THEN CAST(json_array_length(s) AS BIGINT) END END;
CREATE OR REPLACE MACRO flowlake_is_json_scalar(s) AS CASE
  WHEN json_valid(s) THEN json_type(s) NOT IN ('OBJECT', 'ARRAY')
  WHEN s IS NOT NULL THEN CAST(flowlake_raise('INVALID_FUNCTION_ARGUMENT: Invalid JSON value: ' || s) AS BOOLEAN) END;
CREATE OR REPLACE MACRO flowlake_json_quote(s) AS CAST(to_json(s) AS VARCHAR);
CREATE OR REPLACE MACRO flowlake_json_bad(s, t) AS flowlake_raise('INVALID_CAST_ARGUMENT: Cannot cast to ' || t || '. Unexpected token when parsing JSON: ' || s);
CREATE OR REPLACE MACRO flowlake_json_varchar(s) AS CASE json_type(s)
  WHEN 'NULL' THEN NULL WHEN 'VARCHAR' THEN json_extract_string(s, '$')
  WHEN 'OBJECT' THEN CAST(CAST(flowlake_json_bad(s, 'varchar') AS INTEGER) AS VARCHAR)
  WHEN 'ARRAY' THEN CAST(CAST(flowlake_json_bad(s, 'varchar') AS INTEGER) AS VARCHAR) ELSE s END;
CREATE OR REPLACE MACRO flowlake_json_bigint(s) AS CASE json_type(s)
  WHEN 'NULL' THEN NULL WHEN 'BIGINT' THEN CAST(s AS BIGINT) WHEN 'UBIGINT' THEN CAST(s AS BIGINT)
  WHEN 'DOUBLE' THEN CAST(round(CAST(s AS DOUBLE)) AS BIGINT) WHEN 'BOOLEAN' THEN CAST(CAST(s AS BOOLEAN) AS BIGINT)
  WHEN 'VARCHAR' THEN coalesce(CASE WHEN regexp_full_match(json_extract_string(s, '$'), '[+-]?[0-9]+') THEN TRY_CAST(json_extract_string(s, '$') AS BIGINT) END, CAST(flowlake_json_bad(s, 'bigint') AS BIGINT))
  ELSE CASE WHEN s IS NOT NULL THEN CAST(flowlake_json_bad(s, 'bigint') AS BIGINT) END END;
CREATE OR REPLACE MACRO flowlake_json_double(s) AS CASE json_type(s)
  WHEN 'NULL' THEN NULL WHEN 'BIGINT' THEN CAST(s AS DOUBLE) WHEN 'UBIGINT' THEN CAST(s AS DOUBLE) WHEN 'DOUBLE' THEN CAST(s AS DOUBLE)
  WHEN 'BOOLEAN' THEN CAST(CAST(s AS BOOLEAN) AS DOUBLE)
  WHEN 'VARCHAR' THEN coalesce(CASE WHEN flowlake_is_number(json_extract_string(s, '$')) THEN TRY_CAST(flowlake_number(json_extract_string(s, '$')) AS DOUBLE) END, CAST(flowlake_json_bad(s, 'double') AS DOUBLE))
  ELSE CASE WHEN s IS NOT NULL THEN CAST(flowlake_json_bad(s, 'double') AS DOUBLE) END END;
CREATE OR REPLACE MACRO flowlake_json_boolean(s) AS CASE json_type(s)
  WHEN 'NULL' THEN NULL WHEN 'BOOLEAN' THEN CAST(s AS BOOLEAN) WHEN 'BIGINT' THEN CAST(s AS BIGINT) <> 0 WHEN 'UBIGINT' THEN CAST(s AS UBIGINT) <> 0
  WHEN 'DOUBLE' THEN CAST(s AS DOUBLE) <> 0
  ELSE CASE WHEN s IS NOT NULL THEN CAST(flowlake_json_bad(s, 'boolean') AS BOOLEAN) END END;
CREATE OR REPLACE MACRO flowlake_json_items(s) AS CASE json_type(s)
  WHEN 'ARRAY' THEN CAST(json_extract(s, '$[*]') AS VARCHAR[]) WHEN 'NULL' THEN NULL
  ELSE CASE WHEN s IS NOT NULL THEN CAST(flowlake_json_bad(s, 'array') AS VARCHAR[]) END END;
CREATE OR REPLACE MACRO flowlake_json_names(s) AS CASE json_type(s)
  WHEN 'OBJECT' THEN json_keys(s) WHEN 'NULL' THEN NULL
  ELSE CASE WHEN s IS NOT NULL THEN CAST(flowlake_json_bad(s, 'map') AS VARCHAR[]) END END;
CREATE OR REPLACE MACRO flowlake_json_values(s) AS CASE json_type(s)
  WHEN 'OBJECT' THEN CAST(json_extract(s, '$.*') AS VARCHAR[]) END;
-- A wall clock w in a zone as an instant. The engine takes the later of two; the offset of the day before gives the earlier.
CREATE OR REPLACE MACRO flowlake_local(zone, t) AS timezone(zone, timezone('UTC', t));
CREATE OR REPLACE MACRO flowlake_shown_at(zone, w, t, other) AS CASE WHEN flowlake_local(zone, t) = w THEN t ELSE other END;
CREATE OR REPLACE MACRO flowlake_with_offset(zone, w, t) AS w - (flowlake_local(zone, t) - t);
CREATE OR REPLACE MACRO flowlake_later(zone, w) AS timezone('UTC', timezone(zone, w));
CREATE OR REPLACE MACRO flowlake_utc(zone, w) AS flowlake_shown_at(zone, w,
  flowlake_with_offset(zone, w, flowlake_later(zone, w) - INTERVAL 1 DAY), flowlake_later(zone, w));
CREATE OR REPLACE MACRO flowlake_utc_from(t, zone, w) AS flowlake_shown_at(zone, w,
  flowlake_with_offset(zone, w, t), flowlake_utc(zone, w));

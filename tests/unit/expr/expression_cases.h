/* What PostgreSQL 15 answers (database with the C.UTF-8 locale): X(expression, code, "type|value in row 1|value in row 2|…"), where ERROR
 * stands for an error at that row, and a code for what is refused when compiled. The rows are those of EXPRESSION_ROWS: columns with tabs
 * between them, \\N for null. */
#ifndef EXPRESSION_CASES_H
#define EXPRESSION_CASES_H

/* clang-format off */
#define EXPRESSION_COLUMNS \
    "a:int4\011b:int8\011s:int2\011n:numeric\011m:numeric(8,2)\011f:float8\011g:float4\011t:text\011v:varchar(10)\011c:char(5)\011d:date\011ts:timestamp\011tz:timestamptz\011tm:time\011iv:interval\011bo:bool\011u:uuid\011j:jsonb\011ar:int[]\011t2:text\011a2:int4"

#define EXPRESSION_ROWS \
    "1\01110\0113\0111.50\0112.25\0111.5\0110.1\011abc\011x\011ab   \0112020-01-31\0112020-02-29 12:34:56.789\0112021-12-31 23:59:59+00\01112:34:56\0111 day\011t\011a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\011{\"a\": 1}\011{1,2}\011abd\0112", \
    "-7\011-9223372036854775808\011-32768\011-0.005\011-99.99\011-2.5\011-2.5\011\011\011     \0110044-03-15 BC\0110044-03-15 01:02:03 BC\0111999-12-31 00:00:00+00\01100:00:00\011-1 year -2 mons 3 days -04:05:06.789\011f\01100000000-0000-0000-0000-000000000000\011[1, 2.0]\011{}\011a%c_\011-7", \
    "2147483647\0119223372036854775807\01132767\011123456789012345678901234.5678\011999999.99\0111e308\0113e38\011Hello W\303\266rld\011\303\204\303\226\011hello\011infinity\011infinity\011-infinity\01124:00:00\01130 days\011t\011ffffffff-ffff-ffff-ffff-ffffffffffff\011{\"a\": [], \"b\": 1.50}\011{NULL,3}\011  pad  \0110", \
    "0\0110\0110\0110\0110.00\0110\0110\011  sp ace  \011%_\\\011a b  \0112024-02-29\0112024-12-30 00:00:00\0112024-06-30 12:00:00+00\01123:59:59.999999\0111 mon\011f\01112345678-1234-1234-1234-123456789abc\011\"x\"\011{0}\011x\011100", \
    "-2147483648\01142\0117\011NaN\0110.01\011NaN\011NaN\011NULL\011null\011N    \011-infinity\011-infinity\011infinity\01101:02:03.5\01100:00:00\011t\011a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\011null\011{1}\0115\011-1", \
    "12\0115000000000\01112\011Infinity\01112.50\011Infinity\011Infinity\01112\01112.5\01112   \0115874897-12-31\011294276-12-31 23:59:59.999999\0112000-01-01 00:00:00+00\01112:00:00\01125 years 40 days 100 hours\011f\011b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\01112\011{12}\0112020-01-01\01112", \
    "\\N\011\\N\011\\N\011\\N\011\\N\011\\N\011\\N\011\\N\011\\N\011\\N\011\\N\011\\N\011\\N\011\\N\011\\N\011\\N\011\\N\011\\N\011\\N\011\\N\011\\N", \
    "100\0113\0115\0112.5\0112.50\0110.1\0111.1\011a\011b\011c    \0112000-01-01\0112000-01-01 00:00:00\0112000-01-01 00:00:00+00\01106:30:00\0112 hours\011\\N\011b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11\011true\011{5,5}\011\\N\0113"

#define EXPRESSION_CASES(X) \
    X("a + b", 0, "int8|11|ERROR|ERROR|0|-2147483606|5000000012|NULL|103") \
    X("a - a2", 0, "int4|-1|0|2147483647|-100|-2147483647|0|NULL|97") \
    X("a * a2", 0, "int4|2|49|0|0|ERROR|144|NULL|300") \
    X("a / a2", 0, "int4|0|1|ERROR|0|ERROR|1|NULL|33") \
    X("a % a2", 0, "int4|1|0|ERROR|0|0|0|NULL|1") \
    X("s + s", 0, "int2|6|ERROR|ERROR|0|14|24|NULL|10") \
    X("s * s", 0, "int2|9|ERROR|ERROR|0|49|144|NULL|25") \
    X("b * b", 0, "int8|100|ERROR|ERROR|0|1764|ERROR|NULL|9") \
    X("a + n", 0, "numeric|2.50|-7.005|123456789012347826384881.5678|0|NaN|Infinity|NULL|102.5") \
    X("n / 3", 0, "numeric|0.50000000000000000000|-0.00166666666666666667|41152263004115226300411.5226|0.00000000000000000000|NaN|Infinity|NULL|0.83333333333333333333") \
    X("n / a", 0, "numeric|1.50000000000000000000|0.00071428571428571429|57489047325139.2721|ERROR|NaN|Infinity|NULL|0.02500000000000000000") \
    X("n * n", 0, "numeric|2.2500|0.000025|15241578753238836750495351540313976765279682997.65279684|0|NaN|Infinity|NULL|6.25") \
    X("n % 3", 0, "numeric|1.50|-0.005|1.5678|0|NaN|NaN|NULL|2.5") \
    X("m / 7", 0, "numeric|0.32142857142857142857|-14.2842857142857143|142857.141428571429|0.00000000000000000000|0.00142857142857142857|1.7857142857142857|NULL|0.35714285714285714286") \
    X("f / 3", 0, "float8|0.5|-0.8333333333333334|3.333333333333333e+307|0|NaN|Infinity|NULL|0.03333333333333333") \
    X("f * f", 0, "float8|2.25|6.25|ERROR|0|NaN|Infinity|NULL|0.010000000000000002") \
    X("g * g", 0, "float4|0.010000001|6.25|ERROR|0|NaN|Infinity|NULL|1.21") \
    X("g + f", 0, "float8|1.6000000014901161|-5|1e+308|0|NaN|Infinity|NULL|1.200000023841858") \
    X("g + a", 0, "float8|1.1000000014901161|-9.5|3.0000000054977558e+38|0|NaN|Infinity|NULL|101.10000002384186") \
    X("g / a2", 0, "float8|0.05000000074505806|0.35714285714285715|ERROR|0|NaN|Infinity|NULL|0.36666667461395264") \
    X("n + f", 0, "float8|3|-2.505|1e+308|0|NaN|Infinity|NULL|2.6") \
    X("n + g", 0, "float8|1.6000000014901161|-2.505|3.000000005497757e+38|0|NaN|Infinity|NULL|3.600000023841858") \
    X("-a", 0, "int4|-1|7|-2147483647|0|ERROR|-12|NULL|-100") \
    X("-b", 0, "int8|-10|ERROR|-9223372036854775807|0|-42|-5000000000|NULL|-3") \
    X("-s", 0, "int2|-3|ERROR|-32767|0|-7|-12|NULL|-5") \
    X("-n", 0, "numeric|-1.50|0.005|-123456789012345678901234.5678|0|NaN|-Infinity|NULL|-2.5") \
    X("-f", 0, "float8|-1.5|2.5|-1e+308|-0|NaN|-Infinity|NULL|-0.1") \
    X("-iv", 0, "interval|-1 days|1 year 2 mons -3 days +04:05:06.789|-30 days|-1 mons|00:00:00|-25 years -40 days -100:00:00|NULL|-02:00:00") \
    X("+a", 0, "int4|1|-7|2147483647|0|-2147483648|12|NULL|100") \
    X("a = b", 0, "bool|f|f|f|t|f|f|NULL|f") \
    X("a < n", 0, "bool|t|t|t|f|t|t|NULL|f") \
    X("n = 1.5", 0, "bool|t|f|f|f|f|f|NULL|f") \
    X("f = 1.5", 0, "bool|t|f|f|f|f|f|NULL|f") \
    X("g = 0.1", 0, "bool|f|f|f|f|f|f|NULL|f") \
    X("g = 0.1::float4", 0, "bool|t|f|f|f|f|f|NULL|f") \
    X("f > n", 0, "bool|f|f|t|f|f|f|NULL|f") \
    X("a <> 1", 0, "bool|f|t|t|t|t|t|NULL|t") \
    X("a != 1", 0, "bool|f|t|t|t|t|t|NULL|t") \
    X("a = '1'", 0, "bool|t|f|f|f|f|f|NULL|f") \
    X("n = '1.500'", 0, "bool|t|f|f|f|f|f|NULL|f") \
    X("t = 'abc'", 0, "bool|t|f|f|f|f|f|NULL|f") \
    X("t < t2", 0, "bool|t|t|f|t|f|t|NULL|NULL") \
    X("t || t2", 0, "text|abcabd|a%c_|Hello W\303\266rld  pad  |  sp ace  x|NULL5|122020-01-01|NULL|NULL") \
    X("t || a", 0, "text|abc1|-7|Hello W\303\266rld2147483647|  sp ace  0|NULL-2147483648|1212|NULL|a100") \
    X("a || t", 0, "text|1abc|-7|2147483647Hello W\303\266rld|0  sp ace  |-2147483648NULL|1212|NULL|100a") \
    X("c || t", 0, "text|ababc||helloHello W\303\266rld|a b  sp ace  |NNULL|1212|NULL|ca") \
    X("c || c", 0, "text|abab||hellohello|a ba b|NN|1212|NULL|cc") \
    X("c = 'ab'", 0, "bool|t|f|f|f|f|f|NULL|f") \
    X("c = 'ab   '", 0, "bool|t|f|f|f|f|f|NULL|f") \
    X("c = t", 0, "bool|f|t|f|f|f|t|NULL|f") \
    X("c < t", 0, "bool|t|f|f|f|t|f|NULL|f") \
    X("v = t", 0, "bool|f|t|f|f|f|f|NULL|f") \
    X("v || v", 0, "text|xx||\303\204\303\226\303\204\303\226|%_\\%_\\|nullnull|12.512.5|NULL|bb") \
    X("t like 'a%'", 0, "bool|t|f|f|f|f|f|NULL|t") \
    X("t like '%o%'", 0, "bool|f|f|t|f|f|f|NULL|f") \
    X("t not like '%'", 0, "bool|f|f|f|f|f|f|NULL|f") \
    X("t ilike 'h%'", 0, "bool|f|f|t|f|f|f|NULL|f") \
    X("t2 like 'a\\%c\\_'", 0, "bool|f|t|f|f|f|f|NULL|NULL") \
    X("t2 like 'ax%cx_' escape 'x'", 0, "bool|f|t|f|f|f|f|NULL|NULL") \
    X("c like 'ab'", 0, "bool|f|f|f|f|f|f|NULL|f") \
    X("c like 'ab%'", 0, "bool|t|f|f|f|f|f|NULL|f") \
    X("v like t", 0, "bool|f|t|f|f|f|f|NULL|f") \
    X("d = '2020-01-31'", 0, "bool|t|f|f|f|f|f|NULL|f") \
    X("d < ts", 0, "bool|t|t|f|t|f|f|NULL|f") \
    X("d = tz", 0, "bool|f|f|f|f|f|f|NULL|t") \
    X("ts < tz", 0, "bool|t|t|f|f|t|f|NULL|f") \
    X("ts + iv", 0, "timestamp|2020-03-01 12:34:56.789|0045-01-17 20:56:56.211 BC|infinity|2025-01-30 00:00:00|-infinity|ERROR|NULL|2000-01-01 02:00:00") \
    X("ts - iv", 0, "timestamp|2020-02-28 12:34:56.789|0043-05-12 05:07:09.789 BC|infinity|2024-11-30 00:00:00|-infinity|294251-11-17 19:59:59.999999|NULL|1999-12-31 22:00:00") \
    X("tz + iv", 0, "timestamptz|2022-01-01 23:59:59+00|1998-11-02 19:54:53.211+00|-infinity|2024-07-30 12:00:00+00|infinity|2025-02-14 04:00:00+00|NULL|2000-01-01 02:00:00+00") \
    X("iv + ts", 0, "timestamp|2020-03-01 12:34:56.789|0045-01-17 20:56:56.211 BC|infinity|2025-01-30 00:00:00|-infinity|ERROR|NULL|2000-01-01 02:00:00") \
    X("d + iv", 0, "timestamp|2020-02-01 00:00:00|0045-01-17 19:54:53.211 BC|infinity|2024-03-29 00:00:00|-infinity|ERROR|NULL|2000-01-01 02:00:00") \
    X("d - iv", 0, "timestamp|2020-01-30 00:00:00|0043-05-12 04:05:06.789 BC|infinity|2024-01-29 00:00:00|-infinity|ERROR|NULL|1999-12-31 22:00:00") \
    X("d + a2", 0, "date|2020-02-02|0044-03-08 BC|infinity|2024-06-08|-infinity|ERROR|NULL|2000-01-04") \
    X("a2 + d", 0, "date|2020-02-02|0044-03-08 BC|infinity|2024-06-08|-infinity|ERROR|NULL|2000-01-04") \
    X("d - a2", 0, "date|2020-01-29|0044-03-22 BC|infinity|2023-11-21|-infinity|5874897-12-19|NULL|1999-12-29") \
    X("d - d", 0, "int4|0|0|ERROR|0|ERROR|0|NULL|0") \
    X("d - date '2020-01-01'", 0, "int4|30|-753422|ERROR|1520|ERROR|2145024643|NULL|-7305") \
    X("ts - ts", 0, "interval|00:00:00|00:00:00|ERROR|00:00:00|ERROR|00:00:00|NULL|00:00:00") \
    X("ts - timestamp '2000-01-01'", 0, "interval|7364 days 12:34:56.789|-746116 days -22:57:57|ERROR|9130 days|ERROR|106751982 days 23:59:59.999999|NULL|00:00:00") \
    X("tz - tz", 0, "interval|00:00:00|00:00:00|ERROR|00:00:00|ERROR|00:00:00|NULL|00:00:00") \
    X("tz - ts", 0, "interval|671 days 11:25:02.211|746115 days 22:57:57|ERROR|-182 days -12:00:00|ERROR|-106751982 days -23:59:59.999999|NULL|00:00:00") \
    X("ts - d", 0, "interval|29 days 12:34:56.789|01:02:03|ERROR|305 days|ERROR|ERROR|NULL|00:00:00") \
    X("tm + iv", 0, "time|12:34:56|19:54:53.211|00:00:00|23:59:59.999999|01:02:03.5|16:00:00|NULL|08:30:00") \
    X("tm - iv", 0, "time|12:34:56|04:05:06.789|00:00:00|23:59:59.999999|01:02:03.5|08:00:00|NULL|04:30:00") \
    X("iv + tm", 0, "time|12:34:56|19:54:53.211|00:00:00|23:59:59.999999|01:02:03.5|16:00:00|NULL|08:30:00") \
    X("tm - tm", 0, "interval|00:00:00|00:00:00|00:00:00|00:00:00|00:00:00|00:00:00|NULL|00:00:00") \
    X("d + tm", 0, "timestamp|2020-01-31 12:34:56|0044-03-15 00:00:00 BC|infinity|2024-02-29 23:59:59.999999|-infinity|ERROR|NULL|2000-01-01 06:30:00") \
    X("iv + iv", 0, "interval|2 days|-2 years -4 mons +6 days -08:10:13.578|60 days|2 mons|00:00:00|50 years 80 days 200:00:00|NULL|04:00:00") \
    X("iv - iv", 0, "interval|00:00:00|00:00:00|00:00:00|00:00:00|00:00:00|00:00:00|NULL|00:00:00") \
    X("ts + '1 day'", 0, "timestamp|2020-03-01 12:34:56.789|0044-03-16 01:02:03 BC|infinity|2024-12-31 00:00:00|-infinity|ERROR|NULL|2000-01-02 00:00:00") \
    X("ts - '2000-01-01'", 0, "interval|7364 days 12:34:56.789|-746116 days -22:57:57|ERROR|9130 days|ERROR|106751982 days 23:59:59.999999|NULL|00:00:00") \
    X("iv = '24:00:00'", 0, "bool|t|f|f|f|f|f|NULL|f") \
    X("iv < '30 days'", 0, "bool|t|t|f|f|t|f|NULL|t") \
    X("bo and a > 0", 0, "bool|t|f|t|f|f|f|NULL|NULL") \
    X("bo or a > 0", 0, "bool|t|f|t|f|t|t|NULL|t") \
    X("not bo", 0, "bool|f|t|f|t|f|t|NULL|NULL") \
    X("bo is true", 0, "bool|t|f|t|f|t|f|f|f") \
    X("bo is not true", 0, "bool|f|t|f|t|f|t|t|t") \
    X("bo is false", 0, "bool|f|t|f|t|f|t|f|f") \
    X("bo is not false", 0, "bool|t|f|t|f|t|f|t|t") \
    X("bo is unknown", 0, "bool|f|f|f|f|f|f|t|t") \
    X("bo is not unknown", 0, "bool|t|t|t|t|t|t|f|f") \
    X("a is null", 0, "bool|f|f|f|f|f|f|t|f") \
    X("a is not null", 0, "bool|t|t|t|t|t|t|f|t") \
    X("t is distinct from t2", 0, "bool|t|t|t|t|t|t|f|t") \
    X("a is not distinct from a2", 0, "bool|f|t|f|f|f|t|t|f") \
    X("a is distinct from null", 0, "bool|t|t|t|t|t|t|f|t") \
    X("a between 1 and 100", 0, "bool|t|f|f|f|f|t|NULL|t") \
    X("a not between 1 and 100", 0, "bool|f|t|t|t|t|f|NULL|f") \
    X("a between symmetric 100 and 1", 0, "bool|t|f|f|f|f|t|NULL|t") \
    X("a not between symmetric 100 and 1", 0, "bool|f|t|t|t|t|f|NULL|f") \
    X("a in (1, 2, null)", 0, "bool|t|NULL|NULL|NULL|NULL|NULL|NULL|NULL") \
    X("a in (1, 12)", 0, "bool|t|f|f|f|f|t|NULL|f") \
    X("a not in (1, 12)", 0, "bool|f|t|t|t|t|f|NULL|t") \
    X("a in (1, 2.5)", 0, "bool|t|f|f|f|f|f|NULL|f") \
    X("t in ('abc', 'x')", 0, "bool|t|f|f|f|f|f|NULL|f") \
    X("t not in ('abc', t2)", 0, "bool|f|t|t|t|t|t|NULL|NULL") \
    X("case when a > 0 then 'pos' when a < 0 then 'neg' else 'zero' end", 0, "text|pos|neg|pos|zero|neg|pos|zero|pos") \
    X("case a when 1 then 'one' when 12 then 'twelve' end", 0, "text|one|NULL|NULL|NULL|NULL|twelve|NULL|NULL") \
    X("case when bo then a else n end", 0, "numeric|1|-0.005|2147483647|0|-2147483648|Infinity|NULL|2.5") \
    X("case when bo then a else f end", 0, "float8|1|-2.5|2147483647|0|-2147483648|Infinity|NULL|0.1") \
    X("case when bo then g else n end", 0, "float4|0.1|-0.005|3e+38|0|NaN|Infinity|NULL|2.5") \
    X("case when bo then c else t end", 0, "text|ab||hello|  sp ace  |N|12|NULL|a") \
    X("case when bo then t else c end", 0, "bpchar|abc|     |Hello W\303\266rld|a b  |NULL|12   |NULL|c    ") \
    X("case when bo then d else ts end", 0, "timestamp|2020-01-31 00:00:00|0044-03-15 01:02:03 BC|infinity|2024-12-30 00:00:00|-infinity|294276-12-31 23:59:59.999999|NULL|2000-01-01 00:00:00") \
    X("case when bo then ts else tz end", 0, "timestamptz|2020-02-29 12:34:56.789+00|1999-12-31 00:00:00+00|infinity|2024-06-30 12:00:00+00|-infinity|2000-01-01 00:00:00+00|NULL|2000-01-01 00:00:00+00") \
    X("case when true then a else 1/0 end", 0, "int4|1|-7|2147483647|0|-2147483648|12|NULL|100") \
    X("case when false then 1/0 else a end", 0, "int4|1|-7|2147483647|0|-2147483648|12|NULL|100") \
    X("coalesce(a, 5)", 0, "int4|1|-7|2147483647|0|-2147483648|12|5|100") \
    X("coalesce(a, n, f)", 0, "float8|1|-7|2147483647|0|-2147483648|12|NULL|100") \
    X("coalesce(null, a)", 0, "int4|1|-7|2147483647|0|-2147483648|12|NULL|100") \
    X("coalesce(t, c)", 0, "text|abc||Hello W\303\266rld|  sp ace  |NULL|12|NULL|a") \
    X("coalesce(c, t)", 0, "bpchar|ab   |     |hello|a b  |N    |12   |NULL|c    ") \
    X("nullif(a, a2)", 0, "int4|1|NULL|2147483647|0|-2147483648|NULL|NULL|100") \
    X("nullif(t, 'abc')", 0, "text|NULL||Hello W\303\266rld|  sp ace  |NULL|12|NULL|a") \
    X("nullif(a, 1.0)", 0, "numeric|NULL|-7|2147483647|0|-2147483648|12|NULL|100") \
    X("greatest(a, a2)", 0, "int4|2|-7|2147483647|100|-1|12|NULL|100") \
    X("least(a, n)", 0, "numeric|1|-7|2147483647|0|-2147483648|12|NULL|2.5") \
    X("greatest(a, b, f)", 0, "float8|10|-2.5|1e+308|0|NaN|Infinity|NULL|100") \
    X("greatest(d, ts)", 0, "timestamp|2020-02-29 12:34:56.789|0044-03-15 01:02:03 BC|infinity|2024-12-30 00:00:00|-infinity|ERROR|NULL|2000-01-01 00:00:00") \
    X("greatest(a, null)", 0, "int4|1|-7|2147483647|0|-2147483648|12|NULL|100") \
    X("least(iv, '1 day')", 0, "interval|1 day|-1 years -2 mons +3 days -04:05:06.789|1 day|1 day|00:00:00|1 day|1 day|02:00:00") \
    X("a::text", 0, "text|1|-7|2147483647|0|-2147483648|12|NULL|100") \
    X("b::text", 0, "text|10|-9223372036854775808|9223372036854775807|0|42|5000000000|NULL|3") \
    X("n::text", 0, "text|1.50|-0.005|123456789012345678901234.5678|0|NaN|Infinity|NULL|2.5") \
    X("f::text", 0, "text|1.5|-2.5|1e+308|0|NaN|Infinity|NULL|0.1") \
    X("g::text", 0, "text|0.1|-2.5|3e+38|0|NaN|Infinity|NULL|1.1") \
    X("bo::text", 0, "text|true|false|true|false|true|false|NULL|NULL") \
    X("c::text", 0, "text|ab||hello|a b|N|12|NULL|c") \
    X("d::text", 0, "text|2020-01-31|0044-03-15 BC|infinity|2024-02-29|-infinity|5874897-12-31|NULL|2000-01-01") \
    X("ts::text", 0, "text|2020-02-29 12:34:56.789|0044-03-15 01:02:03 BC|infinity|2024-12-30 00:00:00|-infinity|294276-12-31 23:59:59.999999|NULL|2000-01-01 00:00:00") \
    X("tz::text", 0, "text|2021-12-31 23:59:59+00|1999-12-31 00:00:00+00|-infinity|2024-06-30 12:00:00+00|infinity|2000-01-01 00:00:00+00|NULL|2000-01-01 00:00:00+00") \
    X("tm::text", 0, "text|12:34:56|00:00:00|24:00:00|23:59:59.999999|01:02:03.5|12:00:00|NULL|06:30:00") \
    X("iv::text", 0, "text|1 day|-1 years -2 mons +3 days -04:05:06.789|30 days|1 mon|00:00:00|25 years 40 days 100:00:00|NULL|02:00:00") \
    X("u::text", 0, "text|a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11|00000000-0000-0000-0000-000000000000|ffffffff-ffff-ffff-ffff-ffffffffffff|12345678-1234-1234-1234-123456789abc|a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11|b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11|NULL|b0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11") \
    X("j::text", 0, "text|{\"a\": 1}|[1, 2.0]|{\"a\": [], \"b\": 1.50}|\"x\"|null|12|NULL|true") \
    X("ar::text", 0, "text|{1,2}|{}|{NULL,3}|{0}|{1}|{12}|NULL|{5,5}") \
    X("a::int8", 0, "int8|1|-7|2147483647|0|-2147483648|12|NULL|100") \
    X("a::int2", 0, "int2|1|-7|ERROR|0|ERROR|12|NULL|100") \
    X("b::int4", 0, "int4|10|ERROR|ERROR|0|42|ERROR|NULL|3") \
    X("b::int2", 0, "int2|10|ERROR|ERROR|0|42|ERROR|NULL|3") \
    X("n::int4", 0, "int4|2|0|ERROR|0|ERROR|ERROR|NULL|3") \
    X("n::int8", 0, "int8|2|0|ERROR|0|ERROR|ERROR|NULL|3") \
    X("n::int2", 0, "int2|2|0|ERROR|0|ERROR|ERROR|NULL|3") \
    X("f::int4", 0, "int4|2|-2|ERROR|0|ERROR|ERROR|NULL|0") \
    X("f::int8", 0, "int8|2|-2|ERROR|0|ERROR|ERROR|NULL|0") \
    X("f::int2", 0, "int2|2|-2|ERROR|0|ERROR|ERROR|NULL|0") \
    X("g::int4", 0, "int4|0|-2|ERROR|0|ERROR|ERROR|NULL|1") \
    X("g::int8", 0, "int8|0|-2|ERROR|0|ERROR|ERROR|NULL|1") \
    X("n::float8", 0, "float8|1.5|-0.005|1.2345678901234569e+23|0|NaN|Infinity|NULL|2.5") \
    X("n::float4", 0, "float4|1.5|-0.005|1.2345679e+23|0|NaN|Infinity|NULL|2.5") \
    X("f::float4", 0, "float4|1.5|-2.5|ERROR|0|NaN|Infinity|NULL|0.1") \
    X("g::float8", 0, "float8|0.10000000149011612|-2.5|3.0000000054977558e+38|0|NaN|Infinity|NULL|1.100000023841858") \
    X("f::numeric", 0, "numeric|1.5|-2.5|100000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000|0|NaN|Infinity|NULL|0.1") \
    X("g::numeric", 0, "numeric|0.1|-2.5|300000000000000000000000000000000000000|0|NaN|Infinity|NULL|1.1") \
    X("a::numeric", 0, "numeric|1|-7|2147483647|0|-2147483648|12|NULL|100") \
    X("a::float4", 0, "float4|1|-7|2.1474836e+09|0|-2.1474836e+09|12|NULL|100") \
    X("b::float4", 0, "float4|10|-9.223372e+18|9.223372e+18|0|42|5e+09|NULL|3") \
    X("b::float8", 0, "float8|10|-9.223372036854776e+18|9.223372036854776e+18|0|42|5000000000|NULL|3") \
    X("a::bool", 0, "bool|t|t|t|f|t|t|NULL|t") \
    X("bo::int4", 0, "int4|1|0|1|0|1|0|NULL|NULL") \
    X("n::numeric(10,2)", 0, "numeric|1.50|-0.01|ERROR|0.00|NaN|ERROR|NULL|2.50") \
    X("m::numeric(6,1)", 0, "numeric|2.3|-100.0|ERROR|0.0|0.0|12.5|NULL|2.5") \
    X("n::numeric(3)", 0, "numeric|2|0|ERROR|0|NaN|ERROR|NULL|3") \
    X("a::numeric(3,1)", 0, "numeric|1.0|-7.0|ERROR|0.0|ERROR|12.0|NULL|ERROR") \
    X("f::numeric(20,3)", 0, "numeric|1.500|-2.500|ERROR|0.000|NaN|ERROR|NULL|0.100") \
    X("t::varchar(3)", 0, "varchar|abc||Hel|  s|NUL|12|NULL|a") \
    X("t::char(3)", 0, "bpchar|abc|   |Hel|  s|NUL|12 |NULL|a  ") \
    X("t::char(12)", 0, "bpchar|abc         |            |Hello W\303\266rld |  sp ace    |NULL        |12          |NULL|a           ") \
    X("a::varchar(2)", 0, "varchar|1|-7|21|0|-2|12|NULL|10") \
    X("n::varchar", 0, "varchar|1.50|-0.005|123456789012345678901234.5678|0|NaN|Infinity|NULL|2.5") \
    X("t2::int4", 0, "int4|ERROR|ERROR|ERROR|ERROR|5|ERROR|NULL|NULL") \
    X("t2::numeric", 0, "numeric|ERROR|ERROR|ERROR|ERROR|5|ERROR|NULL|NULL") \
    X("t2::float8", 0, "float8|ERROR|ERROR|ERROR|ERROR|5|ERROR|NULL|NULL") \
    X("t2::date", 0, "date|ERROR|ERROR|ERROR|ERROR|ERROR|2020-01-01|NULL|NULL") \
    X("v::float8", 0, "float8|ERROR|ERROR|ERROR|ERROR|ERROR|12.5|NULL|ERROR") \
    X("d::timestamp", 0, "timestamp|2020-01-31 00:00:00|0044-03-15 00:00:00 BC|infinity|2024-02-29 00:00:00|-infinity|ERROR|NULL|2000-01-01 00:00:00") \
    X("d::timestamptz", 0, "timestamptz|2020-01-31 00:00:00+00|0044-03-15 00:00:00+00 BC|infinity|2024-02-29 00:00:00+00|-infinity|ERROR|NULL|2000-01-01 00:00:00+00") \
    X("ts::date", 0, "date|2020-02-29|0044-03-15 BC|infinity|2024-12-30|-infinity|294276-12-31|NULL|2000-01-01") \
    X("ts::time", 0, "time|12:34:56.789|01:02:03|NULL|00:00:00|NULL|23:59:59.999999|NULL|00:00:00") \
    X("tz::date", 0, "date|2021-12-31|1999-12-31|-infinity|2024-06-30|infinity|2000-01-01|NULL|2000-01-01") \
    X("tz::time", 0, "time|23:59:59|00:00:00|NULL|12:00:00|NULL|00:00:00|NULL|00:00:00") \
    X("tz::timestamp", 0, "timestamp|2021-12-31 23:59:59|1999-12-31 00:00:00|-infinity|2024-06-30 12:00:00|infinity|2000-01-01 00:00:00|NULL|2000-01-01 00:00:00") \
    X("ts::timestamptz", 0, "timestamptz|2020-02-29 12:34:56.789+00|0044-03-15 01:02:03+00 BC|infinity|2024-12-30 00:00:00+00|-infinity|294276-12-31 23:59:59.999999+00|NULL|2000-01-01 00:00:00+00") \
    X("tm::interval", 0, "interval|12:34:56|00:00:00|24:00:00|23:59:59.999999|01:02:03.5|12:00:00|NULL|06:30:00") \
    X("iv::time", 0, "time|00:00:00|19:54:53.211|00:00:00|00:00:00|00:00:00|04:00:00|NULL|02:00:00") \
    X("ts::timestamp(0)", 0, "timestamp|2020-02-29 12:34:57|0044-03-15 01:02:03 BC|infinity|2024-12-30 00:00:00|-infinity|294277-01-01 00:00:00|NULL|2000-01-01 00:00:00") \
    X("ts::timestamp(2)", 0, "timestamp|2020-02-29 12:34:56.79|0044-03-15 01:02:03 BC|infinity|2024-12-30 00:00:00|-infinity|294277-01-01 00:00:00|NULL|2000-01-01 00:00:00") \
    X("tm::time(0)", 0, "time|12:34:56|00:00:00|24:00:00|24:00:00|01:02:04|12:00:00|NULL|06:30:00") \
    X("tz::timestamptz(0)", 0, "timestamptz|2021-12-31 23:59:59+00|1999-12-31 00:00:00+00|-infinity|2024-06-30 12:00:00+00|infinity|2000-01-01 00:00:00+00|NULL|2000-01-01 00:00:00+00") \
    X("'1.005'::numeric(4,2)", 0, "numeric|1.01|1.01|1.01|1.01|1.01|1.01|1.01|1.01") \
    X("'99.995'::numeric(4,2)", SGR_ERANGE, NULL) \
    X("'abcdef'::varchar(3)", 0, "varchar|abc|abc|abc|abc|abc|abc|abc|abc") \
    X("'abc'::char(5)", 0, "bpchar|abc  |abc  |abc  |abc  |abc  |abc  |abc  |abc  ") \
    X("cast(a as text)", 0, "text|1|-7|2147483647|0|-2147483648|12|NULL|100") \
    X("date '2020-02-30'", SGR_ERANGE, NULL) \
    X("date '2020-02-28' + 1", 0, "date|2020-02-29|2020-02-29|2020-02-29|2020-02-29|2020-02-29|2020-02-29|2020-02-29|2020-02-29") \
    X("interval '1 day' + interval '2 hours'", 0, "interval|1 day 02:00:00|1 day 02:00:00|1 day 02:00:00|1 day 02:00:00|1 day 02:00:00|1 day 02:00:00|1 day 02:00:00|1 day 02:00:00") \
    X("timestamp '2020-01-01 10:00' + interval '1 month'", 0, "timestamp|2020-02-01 10:00:00|2020-02-01 10:00:00|2020-02-01 10:00:00|2020-02-01 10:00:00|2020-02-01 10:00:00|2020-02-01 10:00:00|2020-02-01 10:00:00|2020-02-01 10:00:00") \
    X("lower(t)", 0, "text|abc||hello w\303\266rld|  sp ace  |null|12|NULL|a") \
    X("upper(t)", 0, "text|ABC||HELLO W\303\226RLD|  SP ACE  |NULL|12|NULL|A") \
    X("upper(v)", 0, "text|X||\303\204\303\226|%_\\|NULL|12.5|NULL|B") \
    X("upper(c)", 0, "text|AB||HELLO|A B|N|12|NULL|C") \
    X("length(t)", 0, "int4|3|0|11|10|4|2|NULL|1") \
    X("char_length(t)", 0, "int4|3|0|11|10|4|2|NULL|1") \
    X("length(c)", 0, "int4|2|0|5|3|1|2|NULL|1") \
    X("octet_length(t)", 0, "int4|3|0|12|10|4|2|NULL|1") \
    X("octet_length(c)", 0, "int4|5|5|5|5|5|5|NULL|5") \
    X("abs(a)", 0, "int4|1|7|2147483647|0|ERROR|12|NULL|100") \
    X("abs(b)", 0, "int8|10|ERROR|9223372036854775807|0|42|5000000000|NULL|3") \
    X("abs(s)", 0, "int2|3|ERROR|32767|0|7|12|NULL|5") \
    X("abs(n)", 0, "numeric|1.50|0.005|123456789012345678901234.5678|0|NaN|Infinity|NULL|2.5") \
    X("abs(f)", 0, "float8|1.5|2.5|1e+308|0|NaN|Infinity|NULL|0.1") \
    X("abs(g)", 0, "float4|0.1|2.5|3e+38|0|NaN|Infinity|NULL|1.1") \
    X("round(a)", 0, "float8|1|-7|2147483647|0|-2147483648|12|NULL|100") \
    X("round(n)", 0, "numeric|2|0|123456789012345678901235|0|NaN|Infinity|NULL|3") \
    X("round(n, 1)", 0, "numeric|1.5|0.0|123456789012345678901234.6|0.0|NaN|Infinity|NULL|2.5") \
    X("round(n, -2)", 0, "numeric|0|0|123456789012345678901200|0|NaN|Infinity|NULL|0") \
    X("round(f)", 0, "float8|2|-2|1e+308|0|NaN|Infinity|NULL|0") \
    X("round(g)", 0, "float8|0|-2|3.0000000054977558e+38|0|NaN|Infinity|NULL|1") \
    X("round(m, a2)", 0, "numeric|2.25|0|1000000|0.0000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000|0|12.500000000000|NULL|2.500") \
    X("floor(n)", 0, "numeric|1|-1|123456789012345678901234|0|NaN|Infinity|NULL|2") \
    X("floor(f)", 0, "float8|1|-3|1e+308|0|NaN|Infinity|NULL|0") \
    X("floor(a)", 0, "float8|1|-7|2147483647|0|-2147483648|12|NULL|100") \
    X("ceil(n)", 0, "numeric|2|0|123456789012345678901235|0|NaN|Infinity|NULL|3") \
    X("ceil(f)", 0, "float8|2|-2|1e+308|0|NaN|Infinity|NULL|1") \
    X("ceiling(f)", 0, "float8|2|-2|1e+308|0|NaN|Infinity|NULL|1") \
    X("trunc(n)", 0, "numeric|1|0|123456789012345678901234|0|NaN|Infinity|NULL|2") \
    X("trunc(n, 2)", 0, "numeric|1.50|0.00|123456789012345678901234.56|0.00|NaN|Infinity|NULL|2.50") \
    X("trunc(f)", 0, "float8|1|-2|1e+308|0|NaN|Infinity|NULL|0") \
    X("sign(n)", 0, "numeric|1|-1|1|0|NaN|1|NULL|1") \
    X("sign(f)", 0, "float8|1|-1|1|0|0|1|NULL|1") \
    X("sign(a)", 0, "float8|1|-1|1|0|-1|1|NULL|1") \
    X("mod(a, a2)", 0, "int4|1|0|ERROR|0|0|0|NULL|1") \
    X("mod(b, a)", 0, "int8|0|-1|1|ERROR|42|8|NULL|3") \
    X("mod(n, 2)", 0, "numeric|1.50|-0.005|0.5678|0|NaN|NaN|NULL|0.5") \
    X("substr(t, 2)", 0, "text|bc||ello W\303\266rld| sp ace  |ULL|2|NULL|") \
    X("substr(t, 2, 3)", 0, "text|bc||ell| sp|ULL|2|NULL|") \
    X("substr(t, 0, 2)", 0, "text|a||H| |N|1|NULL|a") \
    X("substr(t, -1, 3)", 0, "text|a||H| |N|1|NULL|a") \
    X("substr(t, a2)", 0, "text|bc||Hello W\303\266rld||NULL||NULL|") \
    X("substr(t, 1, a2)", 0, "text|ab|ERROR||  sp ace  |ERROR|12|NULL|a") \
    X("substring(t from 2 for 3)", 0, "text|bc||ell| sp|ULL|2|NULL|") \
    X("substring(t from 3)", 0, "text|c||llo W\303\266rld|sp ace  |LL||NULL|") \
    X("substring(t, 2, 2)", 0, "text|bc||el| s|UL|2|NULL|") \
    X("left(t, 2)", 0, "text|ab||He|  |NU|12|NULL|a") \
    X("left(t, -2)", 0, "text|a||Hello W\303\266r|  sp ace|NU||NULL|") \
    X("right(t, 2)", 0, "text|bc||ld|  |LL|12|NULL|a") \
    X("right(t, -2)", 0, "text|c||llo W\303\266rld|sp ace  |LL||NULL|") \
    X("left(t, a2)", 0, "text|ab|||  sp ace  |NUL|12|NULL|a") \
    X("right(t, a2)", 0, "text|bc|||  sp ace  |ULL|12|NULL|a") \
    X("trim(t)", 0, "text|abc||Hello W\303\266rld|sp ace|NULL|12|NULL|a") \
    X("trim(both 'H ' from t)", 0, "text|abc||ello W\303\266rld|sp ace|NULL|12|NULL|a") \
    X("trim(leading from t)", 0, "text|abc||Hello W\303\266rld|sp ace  |NULL|12|NULL|a") \
    X("trim(trailing 'de' from t)", 0, "text|abc||Hello W\303\266rl|  sp ace  |NULL|12|NULL|a") \
    X("ltrim(t)", 0, "text|abc||Hello W\303\266rld|sp ace  |NULL|12|NULL|a") \
    X("rtrim(t, 'c')", 0, "text|ab||Hello W\303\266rld|  sp ace  |NULL|12|NULL|a") \
    X("btrim(t2, 'a')", 0, "text|bd|%c_|  pad  |x|5|2020-01-01|NULL|NULL") \
    X("trim(c)", 0, "text|ab||hello|a b|N|12|NULL|c") \
    X("replace(t, 'a', 'XX')", 0, "text|XXbc||Hello W\303\266rld|  sp XXce  |NULL|12|NULL|XX") \
    X("replace(t, 'l', '')", 0, "text|abc||Heo W\303\266rd|  sp ace  |NULL|12|NULL|a") \
    X("replace(t, '', 'x')", 0, "text|abc||Hello W\303\266rld|  sp ace  |NULL|12|NULL|a") \
    X("concat(a, t, bo, n, d, c)", 0, "text|1abct1.502020-01-31ab   |-7f-0.0050044-03-15 BC     |2147483647Hello W\303\266rldt123456789012345678901234.5678infinityhello|0  sp ace  f02024-02-29a b  |-2147483648NULLtNaN-infinityN    |1212fInfinity5874897-12-3112   ||100a2.52000-01-01c    ") \
    X("concat(t)", 0, "text|abc||Hello W\303\266rld|  sp ace  |NULL|12||a") \
    X("concat(a, null, 'x')", 0, "text|1x|-7x|2147483647x|0x|-2147483648x|12x|x|100x") \
    X("concat_ws(',', a, t, n)", 0, "text|1,abc,1.50|-7,,-0.005|2147483647,Hello W\303\266rld,123456789012345678901234.5678|0,  sp ace  ,0|-2147483648,NULL,NaN|12,12,Infinity||100,a,2.5") \
    X("concat_ws(t, a, b)", 0, "text|1abc10|-7-9223372036854775808|2147483647Hello W\303\266rld9223372036854775807|0  sp ace  0|-2147483648NULL42|12125000000000|NULL|100a3") \
    X("strpos(t, 'b')", 0, "int4|2|0|0|0|0|0|NULL|0") \
    X("position('o' in t)", 0, "int4|0|0|5|0|0|0|NULL|0") \
    X("position('' in t)", 0, "int4|1|1|1|1|1|1|NULL|1") \
    X("starts_with(t, 'a')", 0, "bool|t|f|f|f|f|f|NULL|t") \
    X("reverse(t)", 0, "text|cba||dlr\303\266W olleH|  eca ps  |LLUN|21|NULL|a") \
    X("extract(year from ts)", 0, "numeric|2020|-44|Infinity|2024|-Infinity|294276|NULL|2000") \
    X("extract(month from d)", 0, "numeric|1|3|NULL|2|NULL|12|NULL|1") \
    X("extract(day from tz)", 0, "numeric|31|31|NULL|30|NULL|1|NULL|1") \
    X("extract(hour from ts)", 0, "numeric|12|1|NULL|0|NULL|23|NULL|0") \
    X("extract(minute from tm)", 0, "numeric|34|0|0|59|2|0|NULL|30") \
    X("extract(second from ts)", 0, "numeric|56.789000|3.000000|NULL|0.000000|NULL|59.999999|NULL|0.000000") \
    X("extract(milliseconds from ts)", 0, "numeric|56789.000|3000.000|NULL|0.000|NULL|59999.999|NULL|0.000") \
    X("extract(microseconds from tm)", 0, "numeric|56000000|0|0|59999999|3500000|0|NULL|0") \
    X("extract(epoch from ts)", 0, "numeric|1582979696.789000|-63517820277.000000|Infinity|1735516800.000000|-Infinity|9224318016000.000000|NULL|946684800.000000") \
    X("extract(epoch from tz)", 0, "numeric|1640995199.000000|946598400.000000|-Infinity|1719748800.000000|Infinity|946684800.000000|NULL|946684800.000000") \
    X("extract(epoch from d)", 0, "numeric|1580428800|-63517824000|Infinity|1709164800|-Infinity|185331706992000|NULL|946684800") \
    X("extract(epoch from iv)", 0, "numeric|86400.000000|-36497106.789000|2592000.000000|2592000.000000|0.000000|792756000.000000|NULL|7200.000000") \
    X("extract(epoch from tm)", 0, "numeric|45296.000000|0.000000|86400.000000|86399.999999|3723.500000|43200.000000|NULL|23400.000000") \
    X("extract(quarter from d)", 0, "numeric|1|1|NULL|1|NULL|4|NULL|1") \
    X("extract(week from d)", 0, "numeric|5|11|NULL|9|NULL|1|NULL|52") \
    X("extract(week from ts)", 0, "numeric|9|11|NULL|1|NULL|52|NULL|52") \
    X("extract(dow from d)", 0, "numeric|5|5|NULL|4|NULL|2|NULL|6") \
    X("extract(isodow from d)", 0, "numeric|5|5|NULL|4|NULL|2|NULL|6") \
    X("extract(doy from ts)", 0, "numeric|60|74|NULL|365|NULL|366|NULL|1") \
    X("extract(isoyear from d)", 0, "numeric|2020|-44|Infinity|2024|-Infinity|5874898|NULL|1999") \
    X("extract(decade from d)", 0, "numeric|202|-5|Infinity|202|-Infinity|587489|NULL|200") \
    X("extract(century from ts)", 0, "numeric|21|-1|Infinity|21|-Infinity|2943|NULL|20") \
    X("extract(millennium from ts)", 0, "numeric|3|-1|Infinity|3|-Infinity|295|NULL|2") \
    X("extract(year from iv)", 0, "numeric|0|-1|0|0|0|25|NULL|0") \
    X("extract(month from iv)", 0, "numeric|0|-2|0|1|0|0|NULL|0") \
    X("extract(day from iv)", 0, "numeric|1|3|30|0|0|40|NULL|0") \
    X("extract(hour from iv)", 0, "numeric|0|-4|0|0|0|100|NULL|2") \
    X("extract(minute from iv)", 0, "numeric|0|-5|0|0|0|0|NULL|0") \
    X("extract(second from iv)", 0, "numeric|0.000000|-6.789000|0.000000|0.000000|0.000000|0.000000|NULL|0.000000") \
    X("extract(quarter from iv)", 0, "numeric|1|1|1|1|1|1|NULL|1") \
    X("extract(decade from iv)", 0, "numeric|0|0|0|0|0|2|NULL|0") \
    X("date_part('year', ts)", 0, "float8|2020|-44|Infinity|2024|-Infinity|294276|NULL|2000") \
    X("date_part('hour', d)", 0, "float8|0|0|NULL|0|NULL|ERROR|NULL|0") \
    X("date_part('second', ts)", 0, "float8|56.789|3|NULL|0|NULL|59.999999|NULL|0") \
    X("date_part('epoch', ts)", 0, "float8|1582979696.789|-63517820277|Infinity|1735516800|-Infinity|9224318016000|NULL|946684800") \
    X("date_part('epoch', iv)", 0, "float8|86400|-36497106.789000005|2592000|2592000|0|792756000|NULL|7200") \
    X("date_part('epoch', d)", 0, "float8|1580428800|-63517824000|Infinity|1709164800|-Infinity|ERROR|NULL|946684800") \
    X("date_part('milliseconds', tm)", 0, "float8|56000|0|0|59999.999|3500|0|NULL|0") \
    X("date_part('month', iv)", 0, "float8|0|-2|0|1|0|0|NULL|0") \
    X("date_part('week', tz)", 0, "float8|52|52|NULL|26|NULL|52|NULL|52") \
    X("date_trunc('day', ts)", 0, "timestamp|2020-02-29 00:00:00|0044-03-15 00:00:00 BC|infinity|2024-12-30 00:00:00|-infinity|294276-12-31 00:00:00|NULL|2000-01-01 00:00:00") \
    X("date_trunc('month', ts)", 0, "timestamp|2020-02-01 00:00:00|0044-03-01 00:00:00 BC|infinity|2024-12-01 00:00:00|-infinity|294276-12-01 00:00:00|NULL|2000-01-01 00:00:00") \
    X("date_trunc('year', tz)", 0, "timestamptz|2021-01-01 00:00:00+00|1999-01-01 00:00:00+00|-infinity|2024-01-01 00:00:00+00|infinity|2000-01-01 00:00:00+00|NULL|2000-01-01 00:00:00+00") \
    X("date_trunc('week', ts)", 0, "timestamp|2020-02-24 00:00:00|0044-03-11 00:00:00 BC|infinity|2024-12-30 00:00:00|-infinity|294276-12-25 00:00:00|NULL|1999-12-27 00:00:00") \
    X("date_trunc('quarter', ts)", 0, "timestamp|2020-01-01 00:00:00|0044-01-01 00:00:00 BC|infinity|2024-10-01 00:00:00|-infinity|294276-10-01 00:00:00|NULL|2000-01-01 00:00:00") \
    X("date_trunc('decade', ts)", 0, "timestamp|2020-01-01 00:00:00|0051-01-01 00:00:00 BC|infinity|2020-01-01 00:00:00|-infinity|294270-01-01 00:00:00|NULL|2000-01-01 00:00:00") \
    X("date_trunc('century', ts)", 0, "timestamp|2001-01-01 00:00:00|0100-01-01 00:00:00 BC|infinity|2001-01-01 00:00:00|-infinity|294201-01-01 00:00:00|NULL|1901-01-01 00:00:00") \
    X("date_trunc('millennium', ts)", 0, "timestamp|2001-01-01 00:00:00|1000-01-01 00:00:00 BC|infinity|2001-01-01 00:00:00|-infinity|294001-01-01 00:00:00|NULL|1001-01-01 00:00:00") \
    X("date_trunc('hour', ts)", 0, "timestamp|2020-02-29 12:00:00|0044-03-15 01:00:00 BC|infinity|2024-12-30 00:00:00|-infinity|294276-12-31 23:00:00|NULL|2000-01-01 00:00:00") \
    X("date_trunc('minute', ts)", 0, "timestamp|2020-02-29 12:34:00|0044-03-15 01:02:00 BC|infinity|2024-12-30 00:00:00|-infinity|294276-12-31 23:59:00|NULL|2000-01-01 00:00:00") \
    X("date_trunc('second', ts)", 0, "timestamp|2020-02-29 12:34:56|0044-03-15 01:02:03 BC|infinity|2024-12-30 00:00:00|-infinity|294276-12-31 23:59:59|NULL|2000-01-01 00:00:00") \
    X("date_trunc('milliseconds', ts)", 0, "timestamp|2020-02-29 12:34:56.789|0044-03-15 01:02:03 BC|infinity|2024-12-30 00:00:00|-infinity|294276-12-31 23:59:59.999|NULL|2000-01-01 00:00:00") \
    X("date_trunc('month', d)", 0, "timestamptz|2020-01-01 00:00:00+00|0044-03-01 00:00:00+00 BC|infinity|2024-02-01 00:00:00+00|-infinity|ERROR|NULL|2000-01-01 00:00:00+00") \
    X("date_trunc('day', iv)", 0, "interval|1 day|-1 years -2 mons +3 days|30 days|1 mon|00:00:00|25 years 40 days|NULL|00:00:00") \
    X("date_trunc('month', iv)", 0, "interval|00:00:00|-1 years -2 mons|00:00:00|1 mon|00:00:00|25 years|NULL|00:00:00") \
    X("date_trunc('hour', iv)", 0, "interval|1 day|-1 years -2 mons +3 days -04:00:00|30 days|1 mon|00:00:00|25 years 40 days 100:00:00|NULL|02:00:00") \
    X("date_trunc('hour', tm)", 0, "interval|12:00:00|00:00:00|24:00:00|23:00:00|01:00:00|12:00:00|NULL|06:00:00") \
    X("u = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'", 0, "bool|t|f|f|f|t|f|NULL|f") \
    X("u < '80000000-0000-0000-0000-000000000000'", 0, "bool|f|t|f|t|f|f|NULL|f") \
    X("u::text like 'a%'", 0, "bool|t|f|f|f|t|f|NULL|f") \
    X("j = '{\"a\": 1.0}'", 0, "bool|t|f|f|f|f|f|NULL|f") \
    X("j = '[1, 2]'", 0, "bool|f|t|f|f|f|f|NULL|f") \
    X("ar = '{1,2}'", 0, "bool|t|f|f|f|f|f|NULL|f") \
    X("ar = '{ 1, 2 }'", 0, "bool|t|f|f|f|f|f|NULL|f") \
    X("bo = true", 0, "bool|t|f|t|f|t|f|NULL|NULL") \
    X("bo < true", 0, "bool|f|t|f|t|f|t|NULL|NULL") \
    X("bo = 'yes'", 0, "bool|t|f|t|f|t|f|NULL|NULL") \
    X("tm < '12:00'", 0, "bool|f|t|f|f|t|f|NULL|t") \
    X("'a' || 'b'", 0, "text|ab|ab|ab|ab|ab|ab|ab|ab") \
    X("'abc' = 'abc'", 0, "bool|t|t|t|t|t|t|t|t") \
    X("'a' < 'b'", 0, "bool|t|t|t|t|t|t|t|t") \
    X("null", 0, "text|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL") \
    X("null is null", 0, "bool|t|t|t|t|t|t|t|t") \
    X("null + 1", 0, "int4|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL") \
    X("1 + null", 0, "int4|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL") \
    X("true", 0, "bool|t|t|t|t|t|t|t|t") \
    X("5", 0, "int4|5|5|5|5|5|5|5|5") \
    X("5.50", 0, "numeric|5.50|5.50|5.50|5.50|5.50|5.50|5.50|5.50") \
    X("'x'", 0, "text|x|x|x|x|x|x|x|x") \
    X("3000000000", 0, "int8|3000000000|3000000000|3000000000|3000000000|3000000000|3000000000|3000000000|3000000000") \
    X("99999999999999999999", 0, "numeric|99999999999999999999|99999999999999999999|99999999999999999999|99999999999999999999|99999999999999999999|99999999999999999999|99999999999999999999|99999999999999999999") \
    X("-2147483648", 0, "int4|-2147483648|-2147483648|-2147483648|-2147483648|-2147483648|-2147483648|-2147483648|-2147483648") \
    X("-9223372036854775808", 0, "int8|-9223372036854775808|-9223372036854775808|-9223372036854775808|-9223372036854775808|-9223372036854775808|-9223372036854775808|-9223372036854775808|-9223372036854775808") \
    X("1e3", 0, "numeric|1000|1000|1000|1000|1000|1000|1000|1000") \
    X("1.5e-3", 0, "numeric|0.0015|0.0015|0.0015|0.0015|0.0015|0.0015|0.0015|0.0015") \
    X("0.1 + 0.2", 0, "numeric|0.3|0.3|0.3|0.3|0.3|0.3|0.3|0.3") \
    X("0.1::float8 + 0.2::float8", 0, "float8|0.30000000000000004|0.30000000000000004|0.30000000000000004|0.30000000000000004|0.30000000000000004|0.30000000000000004|0.30000000000000004|0.30000000000000004") \
    X("1/3", 0, "int4|0|0|0|0|0|0|0|0") \
    X("1.0/3", 0, "numeric|0.33333333333333333333|0.33333333333333333333|0.33333333333333333333|0.33333333333333333333|0.33333333333333333333|0.33333333333333333333|0.33333333333333333333|0.33333333333333333333") \
    X("2/3.0", 0, "numeric|0.66666666666666666667|0.66666666666666666667|0.66666666666666666667|0.66666666666666666667|0.66666666666666666667|0.66666666666666666667|0.66666666666666666667|0.66666666666666666667") \
    X("1e10/3", 0, "numeric|3333333333.33333333|3333333333.33333333|3333333333.33333333|3333333333.33333333|3333333333.33333333|3333333333.33333333|3333333333.33333333|3333333333.33333333") \
    X("5/2", 0, "int4|2|2|2|2|2|2|2|2") \
    X("-5/2", 0, "int4|-2|-2|-2|-2|-2|-2|-2|-2") \
    X("5 % 3", 0, "int4|2|2|2|2|2|2|2|2") \
    X("-5 % 3", 0, "int4|-2|-2|-2|-2|-2|-2|-2|-2") \
    X("1/0", SGR_EDIVISION, NULL) \
    X("1.0/0", SGR_EDIVISION, NULL) \
    X("1::float8/0", SGR_EDIVISION, NULL) \
    X("2147483647 + 1", SGR_ERANGE, NULL) \
    X("2147483647::int8 + 1", 0, "int8|2147483648|2147483648|2147483648|2147483648|2147483648|2147483648|2147483648|2147483648") \
    X("32767::int2 + 1::int2", SGR_ERANGE, NULL) \
    X("10000000000 * 10000000000", SGR_ERANGE, NULL) \
    X("1.5 = 1.50", 0, "bool|t|t|t|t|t|t|t|t") \
    X("0.1 = 0.1::float8", 0, "bool|t|t|t|t|t|t|t|t") \
    X("1 = 1.0::float4", 0, "bool|t|t|t|t|t|t|t|t") \
    X("16777217::float4 = 16777217", 0, "bool|f|f|f|f|f|f|f|f") \
    X("'NaN'::float8 = 'NaN'::float8", 0, "bool|t|t|t|t|t|t|t|t") \
    X("'NaN'::numeric > 'Infinity'", 0, "bool|t|t|t|t|t|t|t|t") \
    X("2.5::int4", 0, "int4|3|3|3|3|3|3|3|3") \
    X("3.5::int4", 0, "int4|4|4|4|4|4|4|4|4") \
    X("2.5::float8::int4", 0, "int4|2|2|2|2|2|2|2|2") \
    X("3.5::float8::int4", 0, "int4|4|4|4|4|4|4|4|4") \
    X("-2.5::int4", 0, "int4|-3|-3|-3|-3|-3|-3|-3|-3") \
    X("(-2.5)::int4", 0, "int4|-3|-3|-3|-3|-3|-3|-3|-3") \
    X("'12'::int4 + 1", 0, "int4|13|13|13|13|13|13|13|13") \
    X("'2020-01-01' < d", 0, "bool|t|f|t|t|f|t|NULL|f") \
    X("d > '2020-01-01'", 0, "bool|t|f|t|t|f|t|NULL|f") \
    X("'5' + 5", 0, "int4|10|10|10|10|10|10|10|10") \
    X("a + '5'", 0, "int4|6|-2|ERROR|5|-2147483643|17|NULL|105") \
    X("a = '5x'", SGR_EPARSE, NULL) \
    X("a = t", SGR_ETYPE, NULL) \
    X("t = 5", SGR_ETYPE, NULL) \
    X("t + 1", SGR_ETYPE, NULL) \
    X("lower(5)", SGR_ETYPE, NULL) \
    X("a and bo", SGR_ETYPE, NULL) \
    X("not a", SGR_ETYPE, NULL) \
    X("a || a", SGR_ETYPE, NULL) \
    X("t like 5", SGR_ETYPE, NULL) \
    X("j < '1'", SGR_EUNSUPPORTED, NULL) \
    X("a = ''", SGR_EPARSE, NULL) \
    X("(a > 0) = bo", 0, "bool|t|t|t|t|f|f|NULL|NULL") \
    X("a > 0 = bo", SGR_EPARSE, NULL) \
    X("(a = 1) is null", 0, "bool|f|f|f|f|f|f|t|f") \
    X("f::text || 'x'", 0, "text|1.5x|-2.5x|1e+308x|0x|NaNx|Infinityx|NULL|0.1x") \
    X("length(a::text)", 0, "int4|1|2|10|1|11|2|NULL|3") \
    X("a::text::int4", 0, "int4|1|-7|2147483647|0|-2147483648|12|NULL|100") \
    X("((a))", 0, "int4|1|-7|2147483647|0|-2147483648|12|NULL|100") \
    X("a = a", 0, "bool|t|t|t|t|t|t|NULL|t") \
    X("t collate \"C\" < t2", 0, "bool|t|t|f|t|f|t|NULL|NULL") \
    X("lower(t collate \"C\")", 0, "text|abc||hello w\303\266rld|  sp ace  |null|12|NULL|a") \
    X("upper(t) = upper(t2)", 0, "bool|f|f|f|f|f|f|NULL|NULL") \
    X("coalesce(t, t2) < 'b'", 0, "bool|t|t|t|t|t|t|NULL|t") \
    X("greatest(t, t2)", 0, "text|abd|a%c_|Hello W\303\266rld|x|NULL|2020-01-01|NULL|a") \
    X("n::text = '1.50'", 0, "bool|t|f|f|f|f|f|NULL|f") \
    X("round(2.5)", 0, "numeric|3|3|3|3|3|3|3|3") \
    X("round(-2.5)", 0, "numeric|-3|-3|-3|-3|-3|-3|-3|-3") \
    X("round(2.5::float8)", 0, "float8|2|2|2|2|2|2|2|2") \
    X("round(3.5::float8)", 0, "float8|4|4|4|4|4|4|4|4") \
    X("round(0.5::float4)", 0, "float8|0|0|0|0|0|0|0|0") \
    X("2 ^ 3", SGR_EUNSUPPORTED, NULL) \
    X("t ~ 'a'", SGR_EUNSUPPORTED, NULL) \
    X("t similar to 'a'", SGR_EUNSUPPORTED, NULL) \
    X("now()", SGR_EUNSUPPORTED, NULL) \
    X("current_date", SGR_EUNSUPPORTED, NULL) \
    X("array[1,2]", SGR_EUNSUPPORTED, NULL) \
    X("a = any(array[1,2])", SGR_EUNSUPPORTED, NULL) \
    X("exists(select 1)", SGR_EUNSUPPORTED, NULL) \
    X("(select 1)", SGR_EUNSUPPORTED, NULL) \
    X("count(*)", SGR_EUNSUPPORTED, NULL) \
    X("sum(a)", SGR_EUNSUPPORTED, NULL) \
    X("foo(a)", SGR_EUNSUPPORTED, NULL) \
    X("t.a + t.b", 0, "int8|11|ERROR|ERROR|0|-2147483606|5000000012|NULL|103") \
    X("zz", SGR_ENOTFOUND, NULL) \
    X("t.zz", SGR_ENOTFOUND, NULL) \
    X("x.a", SGR_ENOTFOUND, NULL) \
    X("iv * 2", SGR_EUNSUPPORTED, NULL) \
    X("2 * iv", SGR_EUNSUPPORTED, NULL) \
    X("iv / 2", SGR_EUNSUPPORTED, NULL) \
    X("d + 1.5", SGR_ETYPE, NULL) \
    X("d + '1 day'", SGR_ETYPE, NULL) \
    X("ts + 1", SGR_ETYPE, NULL) \
    X("'a'::int4", SGR_EPARSE, NULL) \
    X("bo + 1", SGR_ETYPE, NULL) \
    X("md5(t)", SGR_EUNSUPPORTED, NULL) \
    X("a::uuid", SGR_ETYPE, NULL) \
    X("u::int4", SGR_ETYPE, NULL) \
    X("bo::int8", SGR_ETYPE, NULL) \
    X("n::bool", SGR_ETYPE, NULL) \
    X("a::date", SGR_ETYPE, NULL) \
    X("d::int4", SGR_ETYPE, NULL) \
    X("tz::int4", SGR_ETYPE, NULL) \
    X("t::uuid", 0, "uuid|ERROR|ERROR|ERROR|ERROR|ERROR|ERROR|NULL|ERROR") \
    X("t::bool", 0, "bool|ERROR|ERROR|ERROR|ERROR|ERROR|ERROR|NULL|ERROR") \
    X("t2::interval", 0, "interval|ERROR|ERROR|ERROR|ERROR|00:00:05|ERROR|NULL|NULL") \
    X("cast(null as int4)", 0, "int4|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL") \
    X("null::text || 'x'", 0, "text|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL") \
    X("coalesce(null, null)", 0, "text|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL") \
    X("case when null then 1 else 2 end", 0, "int4|2|2|2|2|2|2|2|2") \
    X("case when null then 1 end", 0, "int4|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL") \
    X("nullif(null, null)", 0, "text|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL") \
    X("nullif(1, null)", 0, "int4|1|1|1|1|1|1|1|1") \
    X("a in (null)", 0, "bool|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL") \
    X("a = null", 0, "bool|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL") \
    X("1 in (1, a)", 0, "bool|t|t|t|t|t|t|t|t") \
    X("(a, b) = (1, 2)", SGR_EUNSUPPORTED, NULL) \
    X("a between 1 and null", 0, "bool|NULL|f|NULL|f|f|NULL|NULL|NULL") \
    X("a is of (int)", SGR_EPARSE, NULL) \
    X("extract(foo from ts)", SGR_EUNSUPPORTED, NULL) \
    X("extract(year from tm)", SGR_EUNSUPPORTED, NULL) \
    X("extract(hour from d)", SGR_EUNSUPPORTED, NULL) \
    X("date_trunc('foo', ts)", SGR_EUNSUPPORTED, NULL) \
    X("extract(year from a)", SGR_ETYPE, NULL) \
    X("a /* comment */ + 1 -- more", 0, "int4|2|-6|ERROR|1|-2147483647|13|NULL|101") \
    X("a + 'x' || 'y'", SGR_EPARSE, NULL) \
    X("a::text || b::text || n::text", 0, "text|1101.50|-7-9223372036854775808-0.005|21474836479223372036854775807123456789012345678901234.5678|000|-214748364842NaN|125000000000Infinity|NULL|10032.5") \
    X("lower(upper(t)) = lower(t)", 0, "bool|t|t|t|t|t|t|NULL|t") \
    X("concat('a', 1, 2.50, 1e3::float8, true, null, '2020-01-01'::date)", 0, "text|a12.501000t2020-01-01|a12.501000t2020-01-01|a12.501000t2020-01-01|a12.501000t2020-01-01|a12.501000t2020-01-01|a12.501000t2020-01-01|a12.501000t2020-01-01|a12.501000t2020-01-01") \
    X("'abc' like 'ab\\'", SGR_EINVAL, NULL) \
    X("t like 'abc\\'", 0, "bool|f|f|f|f|f|f|NULL|f") \
    X("t2 like '%\\'", 0, "bool|ERROR|ERROR|ERROR|ERROR|ERROR|ERROR|NULL|NULL") \
    X("t like '\\'", 0, "bool|ERROR|f|ERROR|ERROR|ERROR|ERROR|NULL|ERROR") \
    X("'a\\b' like 'a\\\\b'", 0, "bool|t|t|t|t|t|t|t|t") \
    X("left('abc', null)", 0, "text|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL") \
    X("greatest(1, 2.5, 3::float8)", 0, "float8|3|3|3|3|3|3|3|3") \
    X("least('b', 'a')", 0, "text|a|a|a|a|a|a|a|a") \
    X("coalesce(1, 2.5)", 0, "numeric|1|1|1|1|1|1|1|1") \
    X("case when bo then 1 else 2.5 end", 0, "numeric|1|2.5|1|2.5|1|2.5|2.5|2.5") \
    X("case when bo then '1' else 2 end", 0, "int4|1|2|1|2|1|2|2|2") \
    X("case when bo then 'x' else t end", 0, "text|x||x|  sp ace  |x|12|NULL|a") \
    X("case when bo then null else 1 end", 0, "int4|NULL|1|NULL|1|NULL|1|1|1") \
    X("interval '1 month' = interval '30 days'", 0, "bool|t|t|t|t|t|t|t|t") \
    X("time '24:00' = time '00:00'", 0, "bool|f|f|f|f|f|f|f|f") \
    X("'infinity'::timestamp > ts", 0, "bool|t|t|f|t|t|t|NULL|t") \
    X("date 'infinity' > d", 0, "bool|t|t|f|t|t|t|NULL|t") \
    X("d + 2147483647", 0, "date|ERROR|ERROR|infinity|ERROR|-infinity|ERROR|NULL|ERROR") \
    X("1::numeric(5,2)", 0, "numeric|1.00|1.00|1.00|1.00|1.00|1.00|1.00|1.00") \
    X("1.005::numeric(5,2)", 0, "numeric|1.01|1.01|1.01|1.01|1.01|1.01|1.01|1.01") \
    X("123456::numeric(5,2)", SGR_ERANGE, NULL) \
    X("1::int2 + 1::int4", 0, "int4|2|2|2|2|2|2|2|2") \
    X("1::float4 + 1::float4", 0, "float4|2|2|2|2|2|2|2|2") \
    X("1::float4 * 3e38::float4", 0, "float4|3e+38|3e+38|3e+38|3e+38|3e+38|3e+38|3e+38|3e+38") \
    X("3e38::float4 * 10::float4", SGR_ERANGE, NULL) \
    X("1e-38::float4 * 1e-38::float4", SGR_ERANGE, NULL) \
    X("1e308::float8 * 10", SGR_ERANGE, NULL) \
    X("1e-300::float8 * 1e-300::float8", SGR_ERANGE, NULL) \
    X("'1e400'::float8", SGR_ERANGE, NULL) \
    X("1e400::float8", SGR_ERANGE, NULL) \
    X("1e40::float4", SGR_ERANGE, NULL) \
    X("0::float8 / 0", SGR_EDIVISION, NULL) \
    X("'Infinity'::float8 / 'Infinity'", 0, "float8|NaN|NaN|NaN|NaN|NaN|NaN|NaN|NaN") \
    X("'Infinity'::numeric - 'Infinity'::numeric", 0, "numeric|NaN|NaN|NaN|NaN|NaN|NaN|NaN|NaN") \
    X("'Infinity'::numeric / 0", SGR_EDIVISION, NULL) \
    X("0 / 'Infinity'::numeric", 0, "numeric|0|0|0|0|0|0|0|0") \
    X("'Infinity'::numeric % 5", 0, "numeric|NaN|NaN|NaN|NaN|NaN|NaN|NaN|NaN") \
    X("5 % 'Infinity'::numeric", 0, "numeric|5|5|5|5|5|5|5|5") \
    X("'NaN'::numeric / 0", 0, "numeric|NaN|NaN|NaN|NaN|NaN|NaN|NaN|NaN") \
    X("mod(5.5, 2)", 0, "numeric|1.5|1.5|1.5|1.5|1.5|1.5|1.5|1.5") \
    X("abs(-2147483648)", SGR_ERANGE, NULL) \
    X("abs('-5')", 0, "float8|5|5|5|5|5|5|5|5") \
    X("-'5'", SGR_ETYPE, NULL) \
    X("- '1 day'::interval", 0, "interval|-1 days|-1 days|-1 days|-1 days|-1 days|-1 days|-1 days|-1 days") \
    X("@ a", SGR_EUNSUPPORTED, NULL) \
    X("!! a", SGR_EUNSUPPORTED, NULL) \
    X("a & 1", SGR_EUNSUPPORTED, NULL) \
    X("a << 1", SGR_EUNSUPPORTED, NULL) \
    X("t[1]", SGR_EUNSUPPORTED, NULL) \
    X("ar[1]", SGR_EUNSUPPORTED, NULL) \
    X("\"a\" + \"b\"", 0, "int8|11|ERROR|ERROR|0|-2147483606|5000000012|NULL|103") \
    X("t.\"a\"", 0, "int4|1|-7|2147483647|0|-2147483648|12|NULL|100") \
    X("a+b*s-a2/2", 0, "int8|30|ERROR|ERROR|-50|-2147483354|60000000006|NULL|114") \
    X("(a+b)*s", 0, "int8|33|ERROR|ERROR|0|-15032385242|60000000144|NULL|515") \
    X("a::float8/b", 0, "float8|0.1|7.589415207398531e-19|2.328306435454494e-10|ERROR|-51130563.047619045|2.4e-09|NULL|33.333333333333336") \
    X("(t || t2) like '%ab%'", 0, "bool|t|f|f|f|f|f|NULL|NULL") \
    X("case when a2 <> 0 then a / a2 else 0 end", 0, "int4|0|1|0|0|ERROR|1|0|33") \
    X("a2 <> 0 and a / a2 > 1", 0, "bool|f|f|f|f|ERROR|f|NULL|t") \
    X("'2020-01-01'::timestamp = '2020-01-01'::date", 0, "bool|t|t|t|t|t|t|t|t") \
    X("'2020-01-01 00:00:00+02'::timestamptz", 0, "timestamptz|2019-12-31 22:00:00+00|2019-12-31 22:00:00+00|2019-12-31 22:00:00+00|2019-12-31 22:00:00+00|2019-12-31 22:00:00+00|2019-12-31 22:00:00+00|2019-12-31 22:00:00+00|2019-12-31 22:00:00+00") \
    X("'2020-01-01'::date::timestamp::text", 0, "text|2020-01-01 00:00:00|2020-01-01 00:00:00|2020-01-01 00:00:00|2020-01-01 00:00:00|2020-01-01 00:00:00|2020-01-01 00:00:00|2020-01-01 00:00:00|2020-01-01 00:00:00") \
    X("'{1,2}'::int[]", 0, "_int4|{1,2}|{1,2}|{1,2}|{1,2}|{1,2}|{1,2}|{1,2}|{1,2}") \
    X("'{\"b\": 1, \"a\": 2}'::jsonb", 0, "jsonb|{\"a\": 2, \"b\": 1}|{\"a\": 2, \"b\": 1}|{\"a\": 2, \"b\": 1}|{\"a\": 2, \"b\": 1}|{\"a\": 2, \"b\": 1}|{\"a\": 2, \"b\": 1}|{\"a\": 2, \"b\": 1}|{\"a\": 2, \"b\": 1}") \
    X("'\\x00ff'::bytea", 0, "bytea|\\x00ff|\\x00ff|\\x00ff|\\x00ff|\\x00ff|\\x00ff|\\x00ff|\\x00ff") \
    X("E'a\\nb'", 0, "text|a\012b|a\012b|a\012b|a\012b|a\012b|a\012b|a\012b|a\012b") \
    X("$$abc$$", 0, "text|abc|abc|abc|abc|abc|abc|abc|abc") \
    X("$q$a'b$q$", 0, "text|a'b|a'b|a'b|a'b|a'b|a'b|a'b|a'b") \
    X("U&'d\\0061t'", 0, "text|dat|dat|dat|dat|dat|dat|dat|dat") \
    X("B'101'", SGR_EUNSUPPORTED, NULL) \
    X("'1' || 2", 0, "text|12|12|12|12|12|12|12|12") \
    X("trim('  x ')", 0, "text|x|x|x|x|x|x|x|x") \
    X("a = 1 or a = 2 and b = 3", 0, "bool|t|f|f|f|f|f|NULL|f") \
    X("not a = 1", 0, "bool|f|t|t|t|t|t|NULL|t") \
    X("a = 1 is true", 0, "bool|t|f|f|f|f|f|f|f") \
    X("- a + - b", 0, "int8|-11|ERROR|ERROR|0|ERROR|-5000000012|NULL|-103") \
    X("a - -1", 0, "int4|2|-6|ERROR|1|-2147483647|13|NULL|101") \
    X("a - - 1", 0, "int4|2|-6|ERROR|1|-2147483647|13|NULL|101") \
    X("2 - -3", 0, "int4|5|5|5|5|5|5|5|5") \
    X("f = 'nan'", 0, "bool|f|f|f|f|t|f|NULL|f") \
    X("f < 'infinity'", 0, "bool|t|t|t|t|f|f|NULL|t") \
    X("extract(epoch from '1 day'::interval)", 0, "numeric|86400.000000|86400.000000|86400.000000|86400.000000|86400.000000|86400.000000|86400.000000|86400.000000") \
    X("length('h\303\251llo')", 0, "int4|5|5|5|5|5|5|5|5") \
    X("upper('\303\251')", 0, "text|\303\211|\303\211|\303\211|\303\211|\303\211|\303\211|\303\211|\303\211") \
    X("lower('\303\200B')", 0, "text|\303\240b|\303\240b|\303\240b|\303\240b|\303\240b|\303\240b|\303\240b|\303\240b") \
    X("'\303\211' ilike '\303\251'", 0, "bool|t|t|t|t|t|t|t|t") \
    X("position('\303\251' in 'a\303\251')", 0, "int4|2|2|2|2|2|2|2|2") \
    X("a::int4::int8::numeric::float8::text", 0, "text|1|-7|2147483647|0|-2147483648|12|NULL|100")
/* clang-format on */

#endif

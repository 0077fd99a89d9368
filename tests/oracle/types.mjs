// The types that columns may have: how to draw a value as an SQL literal, and what may be done with it.
// Domains are small, so that rows meet, links hit and duplicates occur.

const quote = (text) => `'${text.replaceAll("'", "''")}'`;
const words = ['a', 'b', 'bb', 'B', 'ä', 'a b', '', 'x_y', '100%', "it's", 'quote"d', 'back\\slash', 'tab\there', '日本', 'null', '\u0001'];
const two = (n) => String(n).padStart(2, '0');

function date(random) {
  return random.pick([() => `20${two(random.below(30))}-${two(random.between(1, 12))}-${two(random.between(1, 28))}`,
    () => '0044-03-15 BC', () => '12345-01-02', () => 'infinity', () => '-infinity', () => '2000-02-29'])();
}

function timestamp(random) {
  const day = `2024-0${random.between(1, 9)}-${two(random.between(1, 28))}`;
  return random.pick([() => `${day} ${two(random.below(24))}:${two(random.below(60))}:${two(random.below(60))}`,
    () => `${day} 12:00:00.${random.between(1, 999999)}`, () => 'infinity', () => '1999-12-31 23:59:59.999999', () => '0001-01-01 00:00:00 BC'])();
}

// loose: equal values can look different (1.0, 1.00), so Postgres' order of rows without a key that differ in one is any.
// order: ORDER BY and < are generated; equal: = and grouping are; constant: literals in expressions of the config are.
export const types = {
  int4: { draw: (r) => String(r.chance(0.9) ? r.between(-3, 9) : r.pick([2147483647, -2147483648, 65536])), order: true, equal: true, constant: true },
  int2: { draw: (r) => String(r.between(-2, 4)), order: true, equal: true, constant: true },
  int8: { draw: (r) => r.pick(['9223372036854775807', '-9223372036854775808', '9007199254740993', '0', '1', '2', '-1']), order: true, equal: true, constant: true },
  bool: { draw: (r) => r.pick(['true', 'false']), order: true, equal: true, constant: true },
  text: { draw: (r) => quote(r.pick(words)), order: true, equal: true, constant: true },
  'varchar(20)': { draw: (r) => quote(r.pick(words)), order: true, equal: true, constant: true },
  'char(4)': { draw: (r) => quote(r.pick(['a', 'ab', 'abcd', ''])), order: true, equal: true, constant: false },
  numeric: { draw: (r) => r.pick(['1.0', '1.00', '1', '0', '-0.5', '123456789012345678901234567890.123456789', "'NaN'", '1e-10', '-7', '2.50', "'Infinity'", "'-Infinity'"]), order: true, loose: true, equal: true, constant: true },
  'numeric(10,2)': { draw: (r) => `${r.between(-50, 50)}.${two(r.below(100))}`, order: true, equal: true, constant: true },
  float8: { draw: (r) => r.pick(['0.1', '0.30000000000000004', '1e300', '-1e-300', '0', '-0', '1', "'NaN'", "'Infinity'", "'-Infinity'", '123456789.125', '5e-324', '1e15', '1e16', '0.0001', '0.00001']), order: true, loose: true, equal: true, constant: false },
  float4: { draw: (r) => r.pick(['0.1', '1.5', '-2', '1e30', "'NaN'", '16777216', '3.4028235e38']), order: true, loose: true, equal: true, constant: false },
  date: { draw: (r) => quote(date(r)), order: true, equal: true, constant: true },
  timestamp: { draw: (r) => quote(timestamp(r)), order: true, equal: true, constant: true },
  timestamptz: { draw: (r) => quote(`${timestamp(r)}`), order: true, equal: true, constant: true },
  time: { draw: (r) => quote(r.pick(['00:00:00', '24:00:00', '12:34:56.789', '23:59:59.999999'])), order: true, equal: true, constant: true },
  interval: { draw: (r) => quote(r.pick(['1 day', '24 hours', '1 mon', '30 days', '-1 year 2 mons', '01:02:03.004', '0', '-00:00:01'])), order: true, loose: true, equal: true, constant: true },
  uuid: { draw: (r) => quote(`00000000-0000-4000-8000-00000000000${r.below(6)}`), order: true, equal: true, constant: true },
  json: { draw: (r) => quote(r.pick(['{"a": 1,  "b":[1.50,null]}', '[]', '"x"', 'null', '12345678901234567890'])), order: false, equal: false, constant: false },
  jsonb: { draw: (r) => quote(r.pick(['{"a": 1,  "b":[1.50,null]}', '[]', '"x"', 'null', '{"z":1,"a":2}'])), order: false, equal: false, constant: false },
  bytea: { draw: (r) => quote(r.pick(['\\x', '\\xdeadbeef', '\\x00'])), order: true, equal: true, constant: false },
  'int4[]': { draw: (r) => quote(r.pick(['{}', '{1,2,3}', '{NULL,1}', '{{1,2},{3,4}}'])), order: false, equal: false, constant: false },
  'text[]': { draw: (r) => quote(r.pick(['{}', '{a,"b c","d\\"e"}', '{NULL,"NULL"}', '{"{x}"}'])), order: false, equal: false, constant: false },
  mood: { draw: (r) => quote(r.pick(['sad', 'ok', 'happy'])), order: false, equal: true, constant: false },
};

// Whether rows without a key can be told apart and put in order by columns of these types alone.
export const bagged = (columns) => columns.every((column) => types[column.type]?.order && !types[column.type].loose);

export const createTypes = "CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');";

export function literal(random, type, nullable = 0) {
  return random.chance(nullable) ? 'NULL' : types[type].draw(random);
}

// Texts that Postgres stores out of line, and so leaves out of the log when an update doesn't touch them; and short ones among them.
export function wideText(random) {
  return random.chance(0.3) ? quote(random.pick(words)) : `repeat('${random.pick(['w', 'ü'])}', ${random.between(2100, 2103)})`;
}

// A literal for use within an expression, where an untyped string would be taken for text.
export function constant(random, type) {
  const drawn = types[type].draw(random);
  return drawn.startsWith("'") && type !== 'text' && type !== 'varchar(20)' ? `${drawn}::${type}` : drawn;
}

export { quote };

// A random database: tables with keys, composite keys and none; and random transactions over it.
import { bagged, literal, types, createTypes, wideText } from './types.mjs';

const columnTypes = Object.keys(types);

function extraColumns(random, count, allowed = columnTypes) {
  return Array.from({ length: count }, (_, i) => ({ name: `c${i}`, type: random.pick(allowed), nullable: random.chance(0.7) }));
}

const int = (name, nullable = false) => ({ name, type: 'int4', nullable, link: true });

function keyedTable(random, name) {
  const columns = [int('id'), int('r1', true), int('r2', true), ...extraColumns(random, random.between(1, 5))];
  if (random.chance(0.4))
    columns.push({ name: 'wide', type: 'text', nullable: random.chance(0.5), wide: true });
  return { name, columns, key: ['id'], identity: random.chance(0.3) ? 'full' : 'default' };
}

function compositeTable(random, name) {
  const columns = [int('k1'), { name: 'k2', type: random.pick(['text', 'int8', 'uuid', 'date', 'numeric']), nullable: false }, int('r1', true),
    ...extraColumns(random, random.between(0, 3))];
  return { name, columns, key: ['k1', 'k2'], identity: random.chance(0.3) ? 'full' : 'default' };
}

// Rows without a key can be equal; all their columns must be comparable, for Postgres to order them.
function bagTable(random, name) {
  const comparable = columnTypes.filter((type) => bagged([{ type }]));
  const columns = [int('r1', true), int('r2', true), ...extraColumns(random, random.between(0, 1), comparable)];
  return { name, columns, key: [], identity: 'full' };
}

function pivotTable(random, name) {
  const columns = [int('a'), int('b'), { name: 'since', type: random.pick(['int4', 'text', 'timestamp']), nullable: true }];
  if (random.chance(0.3))
    return { name, pivot: true, columns: [int('pid'), int('a', true), int('b', true), columns[2]], key: ['pid'], identity: 'default' };
  return { name, pivot: true, columns, key: ['a', 'b'], identity: 'default' };
}

export function makeSchema(random) {
  const tables = [keyedTable(random, 't0'), keyedTable(random, 't1'), pivotTable(random, 'p0')];
  if (random.chance(0.6))
    tables.push(compositeTable(random, 't2'));
  if (random.chance(0.5))
    tables.push(bagTable(random, 't3'));
  if (random.chance(0.5))
    tables.push(pivotTable(random, 'p1'));
  return tables;
}

export function createSql(tables) {
  const statements = ['CREATE TABLE marker (id int PRIMARY KEY, n int NOT NULL);', 'INSERT INTO marker VALUES (1, 0);'];
  for (const table of tables) {
    const columns = table.columns.map((c) => `${c.name} ${c.type}${c.nullable ? '' : ' NOT NULL'}`);
    if (table.key.length)
      columns.push(`PRIMARY KEY (${table.key.join(', ')})`);
    statements.push(`CREATE TABLE ${table.name} (${columns.join(', ')});`);
    for (const column of table.columns.filter((c) => c.wide))
      statements.push(`ALTER TABLE ${table.name} ALTER COLUMN ${column.name} SET STORAGE EXTERNAL;`);
    if (table.identity === 'full')
      statements.push(`ALTER TABLE ${table.name} REPLICA IDENTITY FULL;`);
  }
  return [createTypes, ...statements].join('\n');
}

function drawColumn(random, column) {
  if (column.link && random.chance(0.95))
    return column.nullable && random.chance(0.15) ? 'NULL' : String(random.between(1, 9));
  if (column.wide)
    return column.nullable && random.chance(0.1) ? 'NULL' : wideText(random);
  return literal(random, column.type, column.nullable ? 0.25 : 0);
}

function insertSql(random, table) {
  const values = table.columns.map((column) => drawColumn(random, column));
  return `INSERT INTO ${table.name} VALUES (${values.join(', ')}) ${table.key.length ? 'ON CONFLICT DO NOTHING' : ''}`;
}

// One row, or the rows of a small range, found through the first column.
function someRows(random, table) {
  const first = table.columns[0].name;
  if (!table.key.length)
    return `ctid IN (SELECT ctid FROM ${table.name} WHERE ${first} IS NOT DISTINCT FROM ${drawColumn(random, table.columns[0])} LIMIT ${random.between(1, 3)})`;
  return random.chance(0.7) ? `${first} = ${random.between(1, 9)}` : `${first} BETWEEN ${random.between(1, 5)} AND ${random.between(4, 9)}`;
}

function updateSql(random, table) {
  const open = table.columns.filter((column) => !table.key.includes(column.name));
  const changed = random.some(open, 0.4);
  if (!changed.length)
    changed.push(random.pick(open));
  return `UPDATE ${table.name} SET ${changed.map((c) => `${c.name} = ${drawColumn(random, c)}`).join(', ')} WHERE ${someRows(random, table)}`;
}

// A new key for one row, if that key is free.
function moveKeySql(random, table) {
  const column = table.columns.find((c) => c.name === table.key[0]);
  const to = drawColumn(random, column);
  const rest = table.key.slice(1).map((k) => `AND o.${k} = x.${k}`).join(' ');
  return `UPDATE ${table.name} x SET ${column.name} = ${to} WHERE x.ctid = (SELECT ctid FROM ${table.name} WHERE ${column.name} = ${random.between(1, 9)} LIMIT 1)
    AND NOT EXISTS (SELECT 1 FROM ${table.name} o WHERE o.${column.name} = ${to} ${rest})`;
}

function deleteSql(random, table) {
  return `DELETE FROM ${table.name} WHERE ${someRows(random, table)}`;
}

// Not every kind fits a transaction that others overlap: TRUNCATE would make them wait for its end.
export function statementSql(random, tables, alone) {
  const table = random.pick(tables);
  const kind = random.below(100);
  if (kind < 40)
    return insertSql(random, table);
  if (kind < 70)
    return updateSql(random, table);
  if (kind < 78 && table.key.length)
    return moveKeySql(random, table);
  if (kind < 98 || !alone)
    return deleteSql(random, table);
  return `TRUNCATE ${table.name}`;
}

export function fillSql(random, tables) {
  return tables.flatMap((table) => Array.from({ length: random.between(5, 25) }, () => insertSql(random, table)));
}

// Random nodes and views, each as Sangre's config and as the SQL that Postgres answers.
//
// A relation here is { from: how the config names it, sql: a subselect, columns, key }. Without a key its rows may repeat.
import { bagged, constant, types } from './types.mjs';

const orderable = (columns) => columns.filter((column) => types[column.type]?.order);
const comparable = (columns) => columns.filter((column) => types[column.type]?.equal && types[column.type]?.constant);
const integers = (columns) => columns.filter((column) => column.type === 'int4');

function comparison(random, column, prefix) {
  const name = `${prefix}${column.name}`;
  const value = () => constant(random, column.type);
  const forms = [() => `${name} = ${value()}`, () => `${name} <> ${value()}`, () => `${name} IS NULL`, () => `${name} IS NOT NULL`,
    () => `${name} IN (${value()}, ${value()})`, () => `${name} IS DISTINCT FROM ${value()}`];
  if (types[column.type].order)
    forms.push(() => `${name} < ${value()}`, () => `${name} >= ${value()}`, () => `${name} BETWEEN ${value()} AND ${value()}`);
  if (column.type === 'text')
    forms.push(() => `${name} LIKE '%a%'`, () => `${name} NOT LIKE '_'`, () => `upper(${name}) = 'A'`, () => `length(${name}) > 1`, () => `${name} || 'x' > 'bx'`);
  if (column.type === 'int4')
    forms.push(() => `coalesce(${name}, 0) > 3`, () => `CASE WHEN ${name} > 5 THEN true ELSE ${name} IS NULL END`, () => `${name} % 2 = 0`);
  return random.pick(forms)();
}

export function condition(random, columns, prefix = '', depth = 2) {
  const usable = comparable(columns);
  if (!usable.length)
    return 'true';
  if (depth === 0 || random.chance(0.4))
    return comparison(random, random.pick(usable), prefix);
  const left = condition(random, columns, prefix, depth - 1);
  if (random.chance(0.2))
    return `NOT (${left})`;
  return `(${left}) ${random.pick(['AND', 'OR'])} (${condition(random, columns, prefix, depth - 1)})`;
}

// ---- Nodes ----

function filterNode(random, input) {
  const text = condition(random, input.columns);
  return { config: { input: input.from, filter: text }, sql: `SELECT * FROM (${input.sql}) x WHERE ${text}`, columns: input.columns, key: input.key };
}

function computed(random, column) {
  const { name, type } = column;
  const forms = [[name, type]];
  if (type === 'int4')
    forms.push([`coalesce(${name}, 0)`, 'int4'], [`${name} % 7`, 'int4'], [`${name}::text`, 'text'], [`${name} IS NULL`, 'bool'],
      [`CASE WHEN ${name} > 3 THEN 'big' ELSE 'small' END`, 'text'], [`${name}::numeric / 3`, 'numeric'], [`${name} * 1.5`, 'numeric']);
  if (type === 'text')
    forms.push([`upper(${name})`, 'text'], [`length(${name})`, 'int4'], [`${name} || '!'`, 'text'], [`coalesce(${name}, '-')`, 'text'], [`nullif(${name}, 'a')`, 'text']);
  if (type === 'numeric(10,2)')
    forms.push([`${name} + 1`, 'numeric'], [`round(${name})`, 'numeric'], [`${name} * ${name}`, 'numeric'], [`-${name}`, 'numeric']);
  if (type === 'bool')
    forms.push([`NOT ${name}`, 'bool']);
  return random.pick(forms);
}

function mapNode(random, input) {
  const keeps = random.chance(0.8);
  const chosen = input.columns.filter((column) => (keeps && input.key.includes(column.name)) || random.chance(0.6));
  const outputs = (chosen.length ? chosen : [input.columns[0]]).map((column, i) => {
    const isKey = input.key.includes(column.name);
    const [sql, type] = isKey && keeps ? [column.name, column.type] : computed(random, column);
    return { name: random.chance(0.3) ? `m${i}` : column.name, type, sql, source: column.name, plain: sql === column.name };
  });
  if (new Set(outputs.map((o) => o.name)).size < outputs.length)
    outputs.forEach((output, i) => { output.name = `m${i}`; });
  const keyColumns = input.key.map((name) => outputs.find((output) => output.source === name && output.plain)?.name);
  const key = input.key.length && keyColumns.every(Boolean) ? keyColumns : [];
  if (!key.length && !bagged(outputs))
    return null; // a bag whose rows Postgres could not order
  return {
    config: { input: input.from, map: Object.fromEntries(outputs.map((o) => [o.name, o.sql])) },
    sql: `SELECT ${outputs.map((o) => `${o.sql} AS ${o.name}`).join(', ')} FROM (${input.sql}) x`,
    columns: outputs.map((o) => ({ name: o.name, type: o.type })),
    key,
  };
}

function joinNode(random, left, right) {
  const a = random.pick(integers(left.columns)), b = random.pick(integers(right.columns));
  if (!a || !b || left.from === right.from)
    return null;
  if (!left.key.length !== !right.key.length)
    return null;
  const outputs = [...left.columns.map((c) => ({ ...c, side: 'left' })), ...right.columns.map((c) => ({ ...c, side: 'right' }))]
    .map((c) => ({ ...c, as: `${c.side[0]}_${c.name}` }));
  if (!left.key.length && !bagged(outputs))
    return null;
  return {
    config: { inputs: [left.from, right.from], join: `${a.name} = ${b.name}`, columns: Object.fromEntries(outputs.map((o) => [o.as, `${o.side}.${o.name}`])) },
    sql: `SELECT ${outputs.map((o) => `${o.side[0]}.${o.name} AS ${o.as}`).join(', ')} FROM (${left.sql}) l JOIN (${right.sql}) r ON l.${a.name} = r.${b.name}`,
    columns: outputs.map((o) => ({ name: o.as, type: o.type })),
    key: left.key.length && right.key.length ? [...left.key.map((k) => `l_${k}`), ...right.key.map((k) => `r_${k}`)] : [],
  };
}

// Of two filters over one input: equal columns, and a row that passes both appears twice, once a branch.
function unionNode(random, input, nodes, add) {
  const branches = [add(filterNode(random, input)), add(filterNode(random, input))];
  const flat = !input.key.length;
  if (flat && !bagged(input.columns))
    return null;
  let branch = 'branch';
  while (input.columns.some((c) => c.name === branch))
    branch += '_';
  const config = { inputs: branches.map((b) => b.from), union: {}, branch: flat ? '' : branch };
  const sql = branches.map((b, i) => `SELECT ${flat ? '' : `${i} AS ${branch}, `}* FROM (${b.sql}) x`).join(' UNION ALL ');
  return { config, sql: `SELECT ${flat ? '*' : [...input.columns.map((c) => c.name), branch].join(', ')} FROM (${sql}) u`,
    columns: flat ? input.columns : [...input.columns, { name: branch, type: 'int4' }], key: flat ? [] : [branch, ...input.key] };
}

// A bijection of rows in Lua, so that SQL can say it too.
function luaNode(random, input) {
  const column = integers(input.columns).find((c) => !input.key.includes(c.name));
  if (!column || !input.key.length || input.columns.some((c) => c.name === 'doubled'))
    return null;
  const name = column.name;
  return {
    config: { input: input.from, lua: `if row.${name} == nil then row.doubled = 0 else row.doubled = row.${name} * 2 end`, adds: { doubled: 'int8' } },
    sql: `SELECT *, coalesce(${name}::int8 * 2, 0) AS doubled FROM (${input.sql}) x`,
    columns: [...input.columns, { name: 'doubled', type: 'int8' }],
    key: input.key,
  };
}

export function makeRelations(random, tables) {
  const relations = tables.map((t) => ({ from: `app.${t.name}`, sql: `SELECT * FROM ${t.name}`, columns: t.columns, key: t.key, pivot: t.pivot }));
  const nodes = {};
  const add = (node) => {
    const name = `n${Object.keys(nodes).length}`;
    nodes[name] = node.config;
    const relation = { from: name, sql: node.sql, columns: node.columns, key: node.key };
    relations.push(relation);
    return relation;
  };
  for (let i = random.between(2, 6); i > 0; i--) {
    const input = random.pick(relations), other = random.pick(relations);
    const make = random.pick([() => filterNode(random, input), () => mapNode(random, input), () => joinNode(random, input, other),
      () => unionNode(random, input, nodes, add), () => luaNode(random, input)]);
    const node = make();
    if (node)
      add(node);
  }
  return { relations, nodes };
}

// ---- Views ----

const parameterTypes = { int4: 'int', text: 'text' };

// A condition for a level, on columns as alias.name; parameters become $name in the config and the literal in SQL.
function levelCondition(random, view, relation, pivot) {
  const parts = [];
  const add = (config, sql) => parts.push({ config, sql });
  if (random.chance(0.35)) {
    const column = random.pick(relation.columns.filter((c) => parameterTypes[c.type]));
    if (column) {
      const name = `p${view.parameters.length}`;
      const operator = random.pick(['=', '=', '=', '<', '>=', '<>']);
      view.parameters.push({ name, type: column.type });
      add(`${column.name} ${operator} $${name}`, (values) => `t.${column.name} ${operator} ${values[name]}`);
    }
  }
  if (random.chance(0.3)) {
    const text = condition(random, relation.columns, '@');
    add(text.replaceAll('@', ''), () => text.replaceAll('@', 't.'));
  }
  if (pivot && random.chance(0.2)) {
    const text = random.pick(['via.a > 2', 'via.b <> 5', 'via.since IS NOT NULL', 'via.b = 3']);
    add(text, () => text);
  }
  if (!parts.length)
    return null;
  return { config: parts.map((p) => `(${p.config})`).join(' AND '), sql: (values) => parts.map((p) => `(${p.sql(values)})`).join(' AND ') };
}

function levelOrder(random, relation, pivot) {
  const chosen = random.shuffle(orderable(relation.columns)).slice(0, random.below(3)).map((c) => c.name);
  if (pivot && random.chance(0.4))
    chosen.unshift('via.since');
  return chosen.map((name) => ({ name, suffix: random.pick(['', ' desc', ' asc', ' desc nulls last', ' nulls first']) }));
}

// ORDER BY, completed by the key, or by all columns of a bag; then by the pivot's key.
function orderSql(order, relation, pivot) {
  const column = (name) => (name.startsWith('via.') ? name : `t.${name}`);
  const own = relation.key.length ? relation.key : relation.columns.map((c) => c.name);
  return [...order.map((o) => `${column(o.name)}${o.suffix}`), ...own.map((name) => `t.${name}`), ...(pivot ? pivot.key.map((name) => `via.${name}`) : [])].join(', ');
}

function shownColumns(random, relation) {
  if (random.chance(0.6))
    return relation.columns.map((c) => ({ as: c.name, name: c.name }));
  const chosen = random.some(relation.columns, 0.7);
  return (chosen.length ? chosen : [relation.columns[0]]).map((c) => ({ as: random.chance(0.2) ? `x_${c.name}` : c.name, name: c.name }));
}

function link(random, parent, relations) {
  const child = random.pick(relations.filter((r) => integers(r.columns).length && (r.key.length || bagged(r.columns))));
  const mine = random.pick(integers(parent.columns)), theirs = random.pick(integers(child.columns));
  const pivots = relations.filter((r) => r.pivot && !r.columns.some((c) => child.columns.some((other) => other.name === c.name)));
  if (pivots.length && random.chance(0.5) && parent.key.length === 1 && child.key.length === 1 && integers(parent.columns).some((c) => c.name === parent.key[0])
    && integers(child.columns).some((c) => c.name === child.key[0])) {
    const pivot = random.pick(pivots);
    const [from, to] = random.shuffle(['a', 'b']);
    return { child, pivot, config: { via: `${pivot.from} (${from} -> ${to})` }, join: `(${pivot.sql}) via JOIN (${child.sql}) t ON t.${child.key[0]} = via.${to}`,
      on: (outer) => `via.${from} = ${outer}.${parent.key[0]}` };
  }
  return { child, config: { on: `${mine.name} = ${theirs.name}` }, join: `(${child.sql}) t`, on: (outer) => `t.${theirs.name} = ${outer}.${mine.name}` };
}

function makeLevel(random, view, relations, relation, linked, depth) {
  const where = levelCondition(random, view, relation, linked?.pivot);
  const order = levelOrder(random, relation, linked?.pivot);
  const shown = shownColumns(random, relation);
  const one = linked ? random.chance(0.25) : false;
  const limit = !one && random.chance(0.3) ? random.between(1, 4) : 0;
  const level = { relation, linked, where, order, shown, one, limit, levels: [] };
  if (linked?.pivot && random.chance(0.3))
    shown.push({ as: 'via_since', name: 'via.since' });
  for (let i = depth > 0 ? random.below(3) : 0; i > 0 && integers(relation.columns).length; i--) {
    const next = link(random, relation, relations);
    level.levels.push({ name: `f${level.levels.length}`, ...makeLevel(random, view, relations, next.child, next, depth - 1) });
  }
  return level;
}

function levelConfig(level) {
  const config = { from: level.relation.from, ...(level.linked?.config ?? {}) };
  if (level.get)
    config.get = level.get.config;
  if (level.where)
    config.where = level.where.config;
  if (level.order.length)
    config.order_by = level.order.map((o) => `${o.name}${o.suffix}`);
  if (level.limit)
    config.limit = level.limit;
  if (level.one)
    config.one = true;
  config.columns = Object.fromEntries(level.shown.map((c) => [c.as, c.name]));
  if (level.levels.length)
    config.populate = Object.fromEntries(level.levels.map((child) => [child.name, levelConfig(child)]));
  return config;
}

let aliases = 0;

function levelSql(level, values, outer) {
  const alias = `s${aliases++}`;
  const source = level.linked ? level.linked.join : `(${level.relation.sql}) t`;
  const conditions = [...(level.linked ? [level.linked.on(outer)] : []), ...(level.get ? [level.get.sql(values)] : []), ...(level.where ? [level.where.sql(values)] : [])];
  const order = orderSql(level.order, level.relation, level.linked?.pivot);
  const limit = level.one || level.get ? 'LIMIT 1' : level.limit ? `LIMIT ${level.limit}` : '';
  const via = level.linked?.pivot ? ', via.since AS via_since_shown' : '';
  const rows = `SELECT t.*${via}, row_number() OVER (ORDER BY ${order}) AS oracle_place FROM ${source} ${conditions.length ? `WHERE ${conditions.join(' AND ')}` : ''} ORDER BY ${order} ${limit}`;
  const members = [...level.shown.map((c) => `'${c.as}', ${alias}.${c.name === 'via.since' ? 'via_since_shown' : c.name}`),
    ...level.levels.map((child) => `'${child.name}', ${levelSql(child, values, alias)}`)];
  const object = `json_build_object(${members.join(', ')})`;
  if (level.one || level.get)
    return `(SELECT ${object} FROM (${rows}) ${alias})`;
  return `(SELECT coalesce(json_agg(${object} ORDER BY ${alias}.oracle_place), '[]'::json) FROM (${rows}) ${alias})`;
}

export function makeView(random, path, relations) {
  const view = { path, parameters: [] };
  const root = random.pick(relations.filter((r) => r.key.length || bagged(r.columns)));
  const level = makeLevel(random, view, relations, root, null, random.below(4));
  if (random.chance(0.4) && integers(root.columns).length) {
    const column = random.pick(integers(root.columns));
    const name = `p${view.parameters.length}`;
    view.parameters.push({ name, type: 'int4' });
    level.get = { config: { [column.name]: `$${name}` }, sql: (values) => `t.${column.name} = ${values[name]}` };
    level.limit = 0;
  }
  view.config = { ...(view.parameters.length ? { params: Object.fromEntries(view.parameters.map((p) => [p.name, parameterTypes[p.type]])) } : {}), ...levelConfig(level) };
  view.sql = (values) => `SELECT ${levelSql(level, values, null)}::text AS document`;
  return view;
}

// Values for each parameter: as the client sends them, and as SQL literals.
export function makeValues(random, view) {
  const client = {}, sql = {};
  for (const { name, type } of view.parameters) {
    if (type === 'int4') {
      client[name] = random.chance(0.05) ? null : random.between(1, 9);
      sql[name] = client[name] === null ? 'NULL' : String(client[name]);
    } else {
      client[name] = random.pick(['a', 'b', 'bb', '', 'ä']);
      sql[name] = `'${client[name]}'`;
    }
  }
  return { client, sql };
}

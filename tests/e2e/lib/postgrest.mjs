// What the source `supabase` uses of PostgREST, over a real Postgres: rows of one table, columns cast to text or not, in an order, behind a key.
// Anything else is refused, so that a query nobody meant is noticed.
import { createServer } from 'node:http';
import pg from 'pg';

const quoted = (name) => `"${name.replaceAll('"', '""')}"`;

class Parser {
  constructor(text) {
    Object.assign(this, { text, at: 0 });
  }

  take(literal) {
    if (!this.text.startsWith(literal, this.at))
      return false;
    this.at += literal.length;
    return true;
  }

  want(literal) {
    if (!this.take(literal))
      throw new Error(`"${literal}" expected at ${this.at} of ${this.text}`);
  }

  string() {
    let value = '';
    for (this.want('"'); !this.take('"');) {
      this.take('\\');
      if (this.at >= this.text.length)
        throw new Error(`unfinished string in ${this.text}`);
      value += this.text[this.at++];
    }
    return value;
  }

  name() {
    if (this.text[this.at] === '"')
      return this.string();
    const [word] = /^[A-Za-z0-9_]+/.exec(this.text.slice(this.at)) ?? [''];
    if (!word)
      throw new Error(`a name expected at ${this.at} of ${this.text}`);
    this.at += word.length;
    return word;
  }

  list(item) {
    const items = [item()];
    while (this.take(','))
      items.push(item());
    return items;
  }

  end(value) {
    if (this.at !== this.text.length)
      throw new Error(`the end expected at ${this.at} of ${this.text}`);
    return value;
  }

  // a.gt."1" or and(…,…)
  condition(values) {
    if (this.take('and(')) {
      const all = this.list(() => this.condition(values));
      this.want(')');
      return `(${all.join(' AND ')})`;
    }
    const column = this.name();
    const operator = this.take('.gt.') ? '>' : (this.want('.eq.'), '=');
    values.push(this.string());
    return `${quoted(column)} ${operator} $${values.length}`;
  }
}

function statement(schema, table, query) {
  const values = [], known = new Set(['select', 'order', 'or', 'limit']);
  for (const name of query.keys())
    if (!known.has(name))
      throw new Error(`no parameter ${name}`);
  const select = new Parser(query.get('select'));
  const columns = select.end(select.list(() => {
    const name = select.name();
    return select.take('::text') ? `${quoted(name)}::text AS ${quoted(name)}` : quoted(name);
  }));
  const order = new Parser(query.get('order'));
  const keys = order.end(order.list(() => {
    const name = order.name();
    order.want('.asc');
    return `t.${quoted(name)} ASC`;
  }));
  let where = 'true';
  if (query.has('or')) {
    const or = new Parser(query.get('or'));
    or.want('(');
    where = or.list(() => or.condition(values)).join(' OR ');
    or.want(')');
    or.end();
  }
  return { text: `SELECT ${columns} FROM ${quoted(schema)}.${quoted(table)} t WHERE ${where} ORDER BY ${keys} LIMIT ${Number(query.get('limit'))}`, values };
}

export class Postgrest {
  // apikey: the one that must be given, as the token is; most: the server's own limit of rows
  static async start(connectionString, { apikey, most = Infinity } = {}) {
    const own = Object.assign(new Postgrest(), { apikey, most, requests: [], faults: [] });
    own.pool = new pg.Pool({ connectionString, max: 4 });
    own.pool.on('error', () => {});
    own.pool.on('connect', (client) => client.on('error', () => {})); // also of one that is on its way out
    own.answering = new Set();
    own.server = createServer((request, response) => {
      const answer = own.answer(request, response).finally(() => own.answering.delete(answer));
      own.answering.add(answer);
    });
    await new Promise((resolve) => own.server.listen(0, '127.0.0.1', resolve));
    own.url = `http://127.0.0.1:${own.server.address().port}/rest/v1`;
    return own;
  }

  async answer(request, response) {
    const say = (status, body) => response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    this.requests.push(request.url);
    if (this.before)
      await this.before(request.url);
    if (this.status)
      return say(this.status, { message: 'as the test wants it' });
    const token = this.token ?? this.apikey;
    if (this.apikey && request.headers.apikey !== this.apikey || token && request.headers.authorization !== `Bearer ${token}`)
      return say(401, { message: 'Invalid API key' });
    const url = new URL(request.url, this.url);
    const table = decodeURIComponent(/^\/rest\/v1\/([^/]+)$/.exec(url.pathname)?.[1] ?? '');
    try {
      const { text, values } = statement(request.headers['accept-profile'], table, url.searchParams);
      const { rows } = await this.pool.query(text, values);
      say(200, rows.slice(0, this.most));
    } catch (error) {
      if (!error.code)
        this.faults.push(error.message);
      say({ '42P01': 404, '42703': 400 }[error.code] ?? 400, { code: error.code, message: error.message });
    }
  }

  async stop() {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
    await Promise.allSettled(this.answering);
    await this.pool.end();
  }
}

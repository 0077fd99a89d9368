// What the sink of tests/recorder wrote: a change stream as JSON lines.
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { scratch, until } from './sangre.mjs';

let files = 0;

export class Recorder {
  // A config with this sink alone, beside http for health and explain. `options`: the sink's; `source`: more options of the source.
  constructor({ options = '', source = '', server = '', views = '' } = {}) {
    this.file = path.join(scratch, `recorded${++files}.jsonl`);
    this.config = `listen: "127.0.0.1:\${SANGRE_PORT}"
server: { ${server} }
sources:
  app: { plugin: postgres, conninfo: "\${DATABASE_URL}"${source && ', '}${source} }
sinks:
  http: { plugin: http }
  recorder: { plugin: "${process.env.SANGRE_RECORDER}", source: app, file: "${this.file}"${options && ', '}${options} }
${views}`;
  }

  // All whole lines so far.
  lines() {
    if (!existsSync(this.file))
      return [];
    const text = readFileSync(this.file, 'utf8');
    return text.slice(0, text.lastIndexOf('\n') + 1).split('\n').slice(0, -1).map((line) => JSON.parse(line));
  }

  states() {
    return this.lines().filter((line) => line.state).map(({ state, reason }) => (reason ? `${state} ${reason}` : state));
  }

  // { relation id: descriptor }
  relations() {
    return Object.fromEntries(this.lines().filter((line) => line.columns).map((line) => [line.relation, line]));
  }

  // Whole transactions, their pieces put together: the batch's line with its changes. States may come in between pieces.
  transactions() {
    const whole = [];
    let open = null;
    for (const line of this.lines()) {
      if (line.xid !== undefined) {
        if (line.first !== (open === null))
          throw new Error(`a piece is ${line.first ? 'the first' : 'not the first'} of ${line.xid}, but ${open?.xid} is open`);
        open ??= { ...line, changes: [], pieces: 0 };
        if (open.xid !== line.xid || open.commit_lsn !== line.commit_lsn)
          throw new Error(`pieces of ${open.xid} and ${line.xid} are mixed`);
        Object.assign(open, { end_lsn: line.end_lsn, pieces: open.pieces + 1, left: line.count, last: line.last });
      } else if (line.kind) {
        open.changes.push(line);
        open.left--;
      } else if (line.state === 'gap') {
        open = null;
      }
      if (open?.last && open.left === 0) {
        whole.push(open);
        open = null;
      }
    }
    return whole;
  }

  flowing(times = 1) {
    return until(() => `the stream flowing (${JSON.stringify(this.states())})`,
      () => this.states().filter((state) => state === 'flowing' || state.startsWith('gap')).length >= times);
  }

  // Until a transaction has been recorded whose last change inserts this id into the table `marks`.
  marked(id) {
    return until(() => `mark ${id} (${JSON.stringify(this.states())})`, () => {
      const lines = this.lines();
      return lines.some((line) => line.kind === 'I' && line.table === 'marks' && line.new[0] === String(id));
    });
  }
}

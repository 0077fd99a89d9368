// The program under test, started as a user would: a config file, a port of its own, a signal to end it.
//
// SANGRE_PROGRAM is the program; it finds its plugins by SANGRE_PLUGIN_DIR. Both are set by ctest.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { freePort } from '../../lib/ports.mjs';
import { atExit, scratch } from '../../lib/scratch.mjs';

export const program = process.env.SANGRE_PROGRAM;
assert.ok(program, 'SANGRE_PROGRAM must name the program to test');

export { freePort, scratch };
export const PATIENCE = 60_000; // only what is broken takes that long, however slow the machine

const children = new Set();
atExit(() => {
  for (const child of children)
    child.kill('SIGKILL');
});

// Polls, for what has no event of its own.
export async function until(what, condition, patience = PATIENCE) {
  const end = Date.now() + patience;
  for (;;) {
    const value = await condition();
    if (value)
      return value;
    assert.ok(Date.now() < end, `${typeof what === 'function' ? what() : what} did not come true`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

let files = 0;
export function writeConfig(text, extension = 'yaml') {
  const file = path.join(scratch, `config${++files}.${extension}`);
  writeFileSync(file, text);
  return file;
}

// Runs a command of the program to its end.
export async function command(args, { environment = {} } = {}) {
  const process_ = new Process(args, environment);
  const code = await process_.exited;
  return { code, out: process_.out, err: process_.err };
}

export class Process {
  constructor(args, environment) {
    Object.assign(this, { out: '', err: '' });
    this.child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
    children.add(this.child);
    this.child.stdout.setEncoding('utf8').on('data', (text) => (this.out += text));
    this.child.stderr.setEncoding('utf8').on('data', (text) => (this.err += text));
    this.exited = new Promise((resolve, reject) => {
      this.child.on('error', reject);
      this.child.on('close', (code, signal) => {
        children.delete(this.child);
        this.over = true;
        // Its own tracer crashed, as it does once in a thousand times; it has no verdict then.
        const undecided = code === 1 && this.err.includes('LeakSanitizer has encountered a fatal error');
        resolve(undecided ? 0 : code ?? signal);
      });
    });
  }

  // The port it listens on.
  listening() {
    return until(() => `listening (log: ${this.err.slice(-3000)})`, () => {
      assert.ok(!this.over, `sangre ended at start:\n${this.err}`);
      return Number(/listening on \S* port (\d+)/.exec(this.err)?.[1] ?? 0);
    });
  }

  // Until its log has a line that matches: a log is read some time after it was written.
  logged(pattern) {
    return until(() => `${pattern} in the log:\n${this.err.slice(-3000)}`, () => pattern.test(this.err) || assert.ok(!this.over, `it ended:\n${this.err}`));
  }
}

export class Sangre extends Process {
  // `ready`: a path that must answer with this status before this returns; null: don't wait.
  static async start(config, { extension = 'yaml', environment = {}, ready = '/_sangre/health', status = 200, args = [] } = {}) {
    const file = writeConfig(config, extension);
    const sangre = new Sangre(['run', ...args, file], { SANGRE_PORT: String(await freePort()), ...environment });
    const port = await sangre.listening();
    Object.assign(sangre, { port, file, url: `http://127.0.0.1:${port}`, ws: `ws://127.0.0.1:${port}` });
    if (ready)
      await until(() => `${ready} with status ${status} (log: ${sangre.err.slice(-3000)})`, async () => {
        assert.ok(!sangre.over, `sangre ended at start:\n${sangre.err}`);
        const response = await sangre.get(ready).catch(() => null);
        return response?.status === status;
      });
    return sangre;
  }

  get(place, headers = {}) {
    return fetch(this.url + place, { headers });
  }

  async document(place) {
    const response = await this.get(place);
    const text = await response.text();
    assert.equal(response.status, 200, `GET ${place}: ${text}`);
    return JSON.parse(text);
  }

  // Of memory, in kB.
  peak() {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${this.child.pid}/status`, 'utf8'))[1]);
  }

  async explain() {
    return this.document('/_sangre/explain?format=json');
  }

  async shows(place, wanted) {
    let seen;
    await until(() => `GET ${place} being ${JSON.stringify(wanted)}; it is ${JSON.stringify(seen)}`, async () => {
      seen = await this.document(place);
      return JSON.stringify(seen) === JSON.stringify(wanted);
    });
  }

  // Ends it as a service manager does. A sanitizer's complaint is an exit code too.
  async stop() {
    this.child.kill('SIGTERM');
    const code = await this.exited;
    assert.equal(code, 0, `sangre ended with ${code}:\n${this.err.slice(-8000)}`);
  }
}

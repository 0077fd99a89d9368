// What scripts/bench report makes of result files.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('lib/report.mjs', import.meta.url));
const folder = mkdtempSync(path.join(os.tmpdir(), 'sangre-report-'));
const readme = path.join(folder, 'README.md');
after(() => rmSync(folder, { recursive: true }));

const machine = { quick: false, runs: 3, commit: 'abc', cpu: 'CPU', cores: 2, kernel: '6.1', postgres: '15.1', time: '2026-01-01T00:00:00Z' };
const figure = (name, ratio, more) => ({ ...machine, scenario: 'some', name, unit: 'us', figure: ratio * 10, reference: 10, ratio, goal: '<=1.5', what: `what ${name}`, reference_what: 'theirs', ...more });
const at = (x, y, more) => ({ ...machine, scenario: 'some', series: 'users', x, x_what: 'users', unit: 'us', y, ...more });

function report(lines, ...words) {
  writeFileSync(path.join(folder, 'some.jsonl'), lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
  return spawnSync(process.execPath, [program, ...words, readme, folder], { encoding: 'utf8' });
}

const blank = () => writeFileSync(readme, 'above\n<!-- figures: written by scripts/bench report -->\nold\n<!-- end of figures -->\nbelow\n');

test('the table has the newest full run of each figure, and says what missed its goal', () => {
  blank();
  const { status, stderr } = report([
    figure('one', 1.25), figure('one', 9, { quick: true, time: '2026-01-03T00:00:00Z' }), figure('one', 1.75, { time: '2026-01-02T00:00:00Z' }), figure('two', 0.5),
    figure('bytes', 1, { figure: 118, unit: 'bytes', reference: null, ratio: null, goal: '<=150', reference_what: '' }), figure('told', 4, { goal: '-' }),
  ]);
  assert.equal(status, 0, stderr);
  const text = readFileSync(readme, 'utf8');
  assert.match(text, /^above\n/);
  assert.match(text, /<!-- end of figures -->\nbelow\n$/);
  assert.match(text, /\| some \| what one \| 17.5 µs \| theirs \| 10 µs \| 1.75 \| ≤ 1.5 ✗ \|/);
  assert.match(text, /\| some \| what two \| 5 µs \| theirs \| 10 µs \| 0.5 \| ≤ 1.5 ✓ \|/);
  assert.match(text, /\| some \| what bytes \| 118 bytes \| {2}\| {2}\| {2}\| ≤ 150 bytes ✓ \|/);
  assert.match(text, /\| some \| what told \| 40 µs \| theirs \| 10 µs \| 4 \| {2}\|/);
  assert.doesNotMatch(text, /\nold\n|\| 9 \||\| 1.25 \|/);
  assert.match(readFileSync(path.join(folder, 'goals.svg'), 'utf8'), /class="missed"/);
});

test('a plot takes all its points from one run, and goes with them', () => {
  blank();
  assert.equal(report([at(1, 40), at(10, 50), at(1, 44, { time: '2026-01-02T00:00:00Z' }), at(100, 45, { time: '2026-01-02T00:00:00Z' })]).status, 0);
  const plot = readFileSync(path.join(folder, 'some.svg'), 'utf8');
  assert.deepEqual([...plot.matchAll(/class="c0">(\d+)</g)].map((match) => match[1]), ['44', '45']);
  assert.equal(report([figure('one', 1)]).status, 0);
  assert.ok(!existsSync(path.join(folder, 'some.svg')));
});

test('a check notices an edited table, an edited plot and results that were added', () => {
  blank();
  const lines = [figure('one', 1), at(1, 40), at(10, 50)];
  assert.equal(report(lines).status, 0);
  assert.equal(report(lines, '--check').status, 0);
  assert.equal(report([...lines, figure('two', 1)], '--check').status, 1);
  for (const name of ['README.md', 'some.svg']) {
    const file = path.join(folder, name), before = readFileSync(file, 'utf8');
    writeFileSync(file, before.replace('10', '11'));
    const { status, stderr } = report(lines, '--check');
    assert.equal(status, 1);
    assert.ok(stderr.includes(file), stderr);
    writeFileSync(file, before);
  }
});

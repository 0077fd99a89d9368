// Makes the README's table and the plots from the recorded results.
//
//   node report.mjs README RESULTS            writes what stands between README's markers, and RESULTS/*.svg
//   node report.mjs --check README RESULTS    writes nothing; fails if anything would differ
//
// Of each figure and each line of a plot the newest counts. Quick runs are not used.
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { plots } from './plots.mjs';

const [BEGIN, END] = ['<!-- figures: written by scripts/bench report -->', '<!-- end of figures -->'];

function read(folder) {
  const files = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.jsonl')).sort() : [];
  const all = files.flatMap((name) => readFileSync(path.join(folder, name), 'utf8').split('\n').filter(Boolean).map(JSON.parse));
  return all.filter((line) => !line.quick);
}

// The newest line for each name, in the order in which the newest run told them.
function newest(lines) {
  const found = new Map();
  for (const line of lines)
    if (!found.has(line.name) || found.get(line.name).time <= line.time) {
      found.delete(line.name);
      found.set(line.name, line);
    }
  return [...found.values()];
}

// All points of a line of a plot come from one run.
function newestPoints(lines) {
  const last = new Map();
  for (const { scenario, series, time } of lines)
    if (!(last.get(`${scenario} ${series}`) > time))
      last.set(`${scenario} ${series}`, time);
  return lines.filter(({ scenario, series, time }) => last.get(`${scenario} ${series}`) === time);
}

// What the goal is for: the ratio, or the figure where there is no reference.
export function goalOf({ goal, ratio, figure }) {
  const match = /^(<=?)([\d.]+)$/.exec(goal);
  if (!match)
    return null;
  const value = ratio ?? figure, bound = Number(match[2]);
  return { value, bound, met: match[1] === '<' ? value < bound : value <= bound, text: `${match[1] === '<' ? '<' : '≤'} ${match[2]}` };
}

const number = (value) => (Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3))));
const shown = (unit) => (unit === 'us' ? 'µs' : unit);
const amount = (value, unit) => `${number(value)} ${shown(unit)}`.trim();

function row(line) {
  const goal = goalOf(line);
  const cells = [line.scenario, line.what, amount(line.figure, line.unit), line.reference_what];
  cells.push(line.reference === null ? '' : amount(line.reference, line.unit), line.ratio === null ? '' : number(line.ratio));
  cells.push(goal ? `${goal.text}${line.ratio === null ? ` ${shown(line.unit)}` : ''} ${goal.met ? '✓' : '✗'}` : '');
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

const distinct = (lines, show) => [...new Set(lines.map(show))].sort().join('; ');

function section(figures, images) {
  if (!figures.length)
    return '';
  const runs = distinct(figures, ({ runs }) => String(runs));
  return [
    '| Scenario | Measured | | Reference, in the same run | | Ratio | Goal |', '|---|---|--:|---|--:|--:|---|',
    ...figures.map(row), '',
    `Medians of ${runs} runs on ${distinct(figures, ({ cpu, cores }) => `${cpu}, ${cores} cores`)}, Linux ${distinct(figures, ({ kernel }) => kernel)}, `
      + `Postgres ${distinct(figures, ({ postgres }) => postgres)}, ${distinct(figures, ({ time }) => time.slice(0, 10))}; `
      + `commit ${distinct(figures, ({ commit }) => commit)}.`,
    ...images.flatMap(({ file, title }) => ['', `![${title}](${file})`]), '',
  ].join('\n');
}

function outcome(readme, results) {
  const lines = read(results);
  const figures = newest(lines.filter(({ name }) => name)), points = newestPoints(lines.filter(({ series }) => series));
  const drawn = plots(figures.map((line) => ({ ...line, goal: goalOf(line) })), points);
  const text = readFileSync(readme, 'utf8'), begin = text.indexOf(BEGIN), end = text.indexOf(END);
  if (begin < 0 || end < begin)
    throw new Error(`${readme} has no lines ${BEGIN} and ${END}`);
  const images = drawn.map(({ name, title }) => ({ title, file: path.relative(path.dirname(readme), path.join(results, name)) }));
  const files = new Map(drawn.map(({ name, svg }) => [path.join(results, name), svg]));
  files.set(readme, `${text.slice(0, begin + BEGIN.length)}\n${section(figures, images)}${text.slice(end)}`);
  return files;
}

const stale = (results, files) => (existsSync(results) ? readdirSync(results) : [])
  .filter((name) => name.endsWith('.svg')).map((name) => path.join(results, name)).filter((file) => !files.has(file));

function main(words) {
  const check = words[0] === '--check';
  const [readme, results] = words.slice(check ? 1 : 0);
  const files = outcome(readme, results), gone = stale(results, files);
  const changed = [...files].filter(([file, text]) => !existsSync(file) || readFileSync(file, 'utf8') !== text);
  if (check && (changed.length || gone.length)) {
    console.error(`not as the results say: ${[...changed.map(([file]) => file), ...gone].join(', ')} (scripts/bench report writes them)`);
    process.exitCode = 1;
  }
  if (check)
    return;
  for (const [file, text] of changed)
    writeFileSync(file, text);
  gone.forEach((file) => rmSync(file));
}

main(process.argv.slice(2));

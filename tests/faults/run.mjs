#!/usr/bin/env node
// Builds the product with each fault of faults.mjs in turn and lets the oracle look for it: does the oracle find what it is there to find?
//
//   run.mjs [--seconds 300] [--seed N] [--only NAME,…]   builds and runs all; the product's sources are copied, never changed in place.
//                                                       The oracle's seed is $SANGRE_SEED, or random
//   run.mjs --check                                     only that each fault's place is still there, exactly once
//
// A fault counts as found when a document differs from Postgres' answer, or the program ends while it runs, within that many seconds. One
// that does not build or start is a mistake in faults.mjs. Before all, the unchanged build must pass.
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { scratch } from '../lib/scratch.mjs';
import { faults } from './faults.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const oracle = path.join(root, 'tests/oracle/oracle.mjs');
const parts = ['CMakeLists.txt', 'core', 'plugins', 'sources', 'operators', 'sinks'];
const unchangedSeconds = 15;

const { values: options } = parseArgs({ options: {
  seconds: { type: 'string', default: '300' }, seed: { type: 'string', default: process.env.SANGRE_SEED }, only: { type: 'string' }, check: { type: 'boolean', default: false } } });

// The file's text with the fault in it.
function faulty({ name, file, old, new: wrong }) {
  const pieces = readFileSync(path.join(root, file), 'utf8').split(old);
  if (pieces.length !== 2)
    throw new Error(`${name}: its place is in ${file} ${pieces.length - 1} times, not once`);
  return pieces.join(wrong);
}

// Its exit code and what it said.
function run(program, args) {
  return new Promise((resolve, reject) => {
    let output = '';
    const running = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    running.stdout.on('data', (data) => { output += data; });
    running.stderr.on('data', (data) => { output += data; });
    running.on('error', reject);
    running.on('close', (code) => resolve({ code, output }));
  });
}

class Tree {
  constructor() {
    this.folder = path.join(scratch, 'faults');
    mkdirSync(this.folder);
    this.sources = path.join(this.folder, 'sources');
    this.build = path.join(this.folder, 'build');
    for (const part of parts)
      cpSync(path.join(root, part), path.join(this.sources, part), { recursive: true });
  }

  async must(program, args) {
    const { code, output } = await run(program, args);
    if (code !== 0)
      throw new Error(`${program} failed:\n${output.slice(-4000)}`);
  }

  configure() {
    return this.must('cmake', ['-G', 'Ninja', '-S', this.sources, '-B', this.build, '-DBUILD_TESTING=OFF', '-DCMAKE_BUILD_TYPE=Release', '-DCMAKE_C_FLAGS_RELEASE=-O1']);
  }

  compile() {
    return this.must('ninja', ['-C', this.build, '-j', String(Math.min(cpus().length, 4))]);
  }

  write(file, text) {
    writeFileSync(path.join(this.sources, file), text);
  }

  restore(file) {
    this.write(file, readFileSync(path.join(root, file), 'utf8'));
  }

  async oracle(seconds, form) {
    const start = Date.now();
    const seed = options.seed ? ['--seed', options.seed] : [];
    const result = await run(process.execPath, [oracle, '--sangre', path.join(this.build, 'core/sangre'), '--plugins', path.join(this.build, 'plugins'), '--seconds', String(seconds), ...seed, ...(form ? [form] : [])]);
    return { ...result, seconds: (Date.now() - start) / 1000 };
  }
}

const indent = (text, most) => text.slice(0, most).replace(/^/gm, '    ');

// What differs, in few words: the lines between the oracle's verdict and the config.
const finding = (output) => output.split('\n').slice(2).join('\n').split('\nconfig: ')[0];

async function plant(tree, fault) {
  tree.write(fault.file, faulty(fault));
  try {
    await tree.compile();
    return await tree.oracle(options.seconds, fault.form);
  } finally {
    tree.restore(fault.file);
  }
}

async function tryFault(tree, fault) {
  const { code, output, seconds } = await plant(tree, fault);
  const found = code === 1 && seconds <= Number(options.seconds);
  console.log(`${found ? 'found' : 'NOT FOUND'}  ${fault.name}  after ${seconds.toFixed(1)} s: ${fault.breaks}`);
  console.log(indent(found ? finding(output) : output, found ? 300 : 3000));
  return found;
}

async function tryUnchanged(tree) {
  await tree.configure();
  await tree.compile();
  const { code, output } = await tree.oracle(unchangedSeconds);
  if (code !== 0)
    throw new Error(`the build without a fault does not pass:\n${output.slice(0, 8000)}`);
  console.log(`without a fault: ${output.trim().split('\n').at(-1)}`);
}

async function main() {
  const chosen = faults.filter((fault) => !options.only || options.only.split(',').includes(fault.name));
  chosen.forEach(faulty);
  if (options.check)
    return console.log(`${chosen.length} faults have their places`);
  const tree = new Tree();
  const missed = [];
  await tryUnchanged(tree);
  for (const fault of chosen)
    if (!await tryFault(tree, fault))
      missed.push(fault.name);
  console.log(missed.length ? `not found: ${missed.join(', ')}` : `all ${chosen.length} found`);
  process.exitCode = missed.length ? 1 : 0;
}

await main().catch((error) => { console.log(error.message); process.exitCode = 1; });

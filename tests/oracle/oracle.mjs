#!/usr/bin/env node
// The oracle: random schemas, views and transactions; what clients hold must be what Postgres answers, at every commit.
//
//   oracle.mjs --sangre PROGRAM [--plugins DIR] [--seconds 60] [--seed N] [--rounds N] [--transactions N] [--keep] [--feed [--breaks 8]]
//
// Each round makes a database, a config with random nodes and views, and clients with every codec, alone and many on one connection, some
// of which drop and resume. One marker row is changed by each transaction and is a view of its own, so a frame tells which commit it shows,
// and a torn frame shows as a document that is not that commit's. Prints the seed; a round is replayed by its own seed with --rounds 1.
// With --feed, views are over a feed without positions that breaks, and are held against Postgres once it is quiet: see feed.mjs.
// Exit code 1: something differs, or the program ended or hung while it ran. 2: it could not be checked, as the program did not start, say.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { atExit, scratch } from '../lib/scratch.mjs';
import { startCluster } from './cluster.mjs';
import { FeedRound } from './feed.mjs';
import { options } from './options.mjs';
import { Mismatch, NotStarted, Round } from './round.mjs';

// Wide texts are runs of one character.
const shorten = (text) => text.replace(/(.)\1{99,}/gu, (run, letter) => `${letter}{${[...run].length}}`);

async function drop(cluster, database) {
  const admin = new pg.Client({ connectionString: cluster.url('postgres') });
  admin.on('error', () => {}); // what waits for it fails
  await admin.connect();
  await admin.query(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
  await admin.end();
}

async function main() {
  const first = Number(options.seed ?? Math.floor(Math.random() * 1e9));
  const rounds = Number(options.rounds ?? Infinity);
  const end = Date.now() + Number(options.seconds) * 1000;
  const folder = options.keep ? mkdtempSync(path.join(tmpdir(), 'sangre-oracle-')) : scratch;
  const cluster = await startCluster();
  let round = null;
  atExit(() => round?.sangre?.child?.kill('SIGKILL'));
  console.log(`oracle: seed ${first}`);
  let done = 0, commits = 0, breaks = 0;
  try {
    for (; done < rounds && (Date.now() < end || options.rounds); done++) {
      round = new (options.feed ? FeedRound : Round)(first + done, cluster);
      try {
        await round.run(folder);
      } catch (error) {
        console.log(`oracle: FAILED in the round with seed ${round.seed} (replay: --seed ${round.seed} --rounds 1)`);
        console.log(shorten(error instanceof Mismatch || error instanceof NotStarted ? error.message : error.stack));
        console.log(`config: ${JSON.stringify(round.config)}`);
        console.log(`last statements:\n  ${(round.statements ?? []).slice(-12).join('\n  ')}`);
        process.exitCode = error instanceof Mismatch ? 1 : 2;
        return;
      }
      commits += round.commit;
      breaks += round.breaks ?? 0;
      await drop(cluster, round.database);
    }
    console.log(`oracle: ${done} rounds, ${commits} commits, ${options.feed ? `${breaks} breaks, ` : ''}nothing differs`);
  } finally {
    await cluster.remove();
  }
}

await main();
process.exit();

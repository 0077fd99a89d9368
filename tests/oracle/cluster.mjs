// A private Postgres cluster, by tests/lib/pg_cluster.sh. It ends with this process, if not before.
import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { atExit, scratch } from '../lib/scratch.mjs';

const script = fileURLToPath(new URL('../lib/pg_cluster.sh', import.meta.url));
const run = promisify(execFile);
const clusters = new Set();
atExit(() => {
  for (const folder of clusters)
    spawnSync(script, ['remove', folder]);
});

export async function startCluster(settings = []) {
  const { stdout } = await run(script, ['create', 'max_replication_slots=20', ...settings], { env: { ...process.env, TMPDIR: scratch } });
  const folder = stdout.trim();
  clusters.add(folder);
  return {
    folder,
    // Understood by libpq and by npm's pg alike.
    url: (database) => `postgresql://postgres@${encodeURIComponent(folder)}:5432/${database}`,
    stop: (mode = 'fast') => run(script, ['stop', folder, mode]),
    start: (...more) => run(script, ['start', folder, ...more]),
    psql: (sql) => run(script, ['psql', folder, '-c', sql]),
    remove: () => (clusters.delete(folder), run(script, ['remove', folder])),
  };
}

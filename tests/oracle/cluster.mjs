// A private Postgres cluster, by tests/lib/pg_cluster.sh.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const script = fileURLToPath(new URL('../lib/pg_cluster.sh', import.meta.url));
const run = promisify(execFile);

export async function startCluster(settings = []) {
  const { stdout } = await run(script, ['create', 'max_replication_slots=20', ...settings]);
  const folder = stdout.trim();
  return {
    folder,
    // Understood by libpq and by npm's pg alike.
    url: (database) => `postgresql://postgres@${encodeURIComponent(folder)}:5432/${database}`,
    stop: (mode = 'fast') => run(script, ['stop', folder, mode]),
    start: (...more) => run(script, ['start', folder, ...more]),
    psql: (sql) => run(script, ['psql', folder, '-c', sql]),
    remove: () => run(script, ['remove', folder]),
  };
}

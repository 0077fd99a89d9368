// A folder for the files of this process, and the end of what it starts: both go with it, also when it is killed (tests/lib/guard.sh).
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const scratch = mkdtempSync(path.join(tmpdir(), 'sangre-test-'));
chmodSync(scratch, 0o755); // clusters in it may run as another user
const { SANGRE_OWNER: _, ...environment } = process.env; // it is nobody's but ours
spawn(fileURLToPath(new URL('guard.sh', import.meta.url)), [process.pid, scratch], { detached: true, stdio: 'ignore', env: environment }).unref();
process.env.SANGRE_OWNER = process.pid;
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

// Before the folder goes.
export const atExit = (action) => process.prependListener('exit', action);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => process.exit(128 + constants.signals[signal])); // so that what is to be done at the exit is done

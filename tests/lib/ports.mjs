// Ports that are no one else's for as long as this process lives. Clients of a server that was stopped go on knocking at its port, so that one must not
// become the port of another test that runs beside. Below the range of outgoing connections and of servers that take any port.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { atExit } from './scratch.mjs';

const reserved = new Set();
atExit(() => {
  for (const file of reserved)
    rmSync(file, { force: true });
});

function isDead(file) {
  try {
    process.kill(Number(readFileSync(file, 'utf8')), 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH';
  }
}

function reserve(file) {
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' });
    reserved.add(file);
    return true;
  } catch {
    if (isDead(file)) // and could not clean up
      rmSync(file, { force: true });
    return false;
  }
}

const isFree = (port) => new Promise((resolve) => {
  const server = createServer();
  server.on('error', () => resolve(false));
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
});

export async function freePort() {
  for (;;) {
    const port = 15_000 + Math.floor(Math.random() * 15_000);
    if (reserve(path.join(tmpdir(), `sangre-port-${port}`)) && await isFree(port))
      return port;
  }
}

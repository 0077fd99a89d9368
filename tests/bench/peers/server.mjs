// Servers of peers, and the websocket that their clients use.
import { spawn } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';

// Below the range that the kernel takes ports of outgoing connections from: one of those could be in the way by the time it is used.
export async function freePort() {
    for (;;) {
        const port = 20000 + Math.floor(Math.random() * 12000);
        const free = await new Promise((resolve) => {
            const server = createServer().once('error', () => resolve(false));
            server.listen(port, () => server.close(() => resolve(true)));
        });
        if (free) return port;
    }
}

// Starts a server whose output goes to FOLDER/name.log; `stop` ends it and waits until it has.
export function start(name, folder, command, args, env = {}) {
    const log = openSync(`${folder}/${name}.log`, 'a');
    const child = spawn(command, args, { cwd: folder, env: { ...process.env, ...env }, stdio: ['ignore', log, log] });
    const ended = new Promise((resolve) => child.on('exit', resolve));
    let stopping = false;
    ended.then((code) => {
        if (stopping) return;
        console.error(`${name} ended with ${code}:\n${readFileSync(`${folder}/${name}.log`, 'utf8').slice(-4000)}`);
        process.exit(1);
    });
    return {
        pid: child.pid,
        stop: () => {
            stopping = true;
            child.kill('SIGTERM');
            return ended;
        },
    };
}

// The platform's websocket, which tells `seen` of each message before anybody else gets it.
export function watchedWebSocket(seen) {
    const Plain = globalThis.WebSocket;
    return class extends Plain {
        constructor(...args) {
            super(...args);
            this.addEventListener('message', (event) => seen(event.data));
        }
    };
}

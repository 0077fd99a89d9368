// Sangre as a peer: its server with the postgres source, its websocket, JSON patches applied to a document.
import { writeFileSync } from 'node:fs';
import jsonpatch from 'fast-json-patch';
import { freePort, start, watchedWebSocket } from './server.mjs';
import { documentView } from './document.mjs';

const config = (port, database) => `
listen: 127.0.0.1:${port}
sources:
  app: { plugin: postgres, conninfo: "${database}" }
views:
  /followeds:
    from: app.users
    params: { user: int }
    get: { id: $user }
    populate:
      followeds:
        from: app.users
        via: app.users_followeds (user_id -> followed_id)
        populate:
          places: { from: app.places, via: app.users_places (user_id -> place_id) }
`;

export async function open({ database, folder, received, changed }) {
    const port = await freePort();
    writeFileSync(`${folder}/sangre.yaml`, config(port, database));
    const server = start('sangre', folder, process.env.SANGRE, ['run', `${folder}/sangre.yaml`]);
    const Socket = watchedWebSocket((data) => (received.bytes += Buffer.byteLength(data)));
    let document;
    const take = (text) => {
        const message = JSON.parse(text);
        if (message.f) {
            jsonpatch.applyPatch(document, message.f.d);
            received.frames++;
            received.changes += message.f.d.length;
            changed();
        } else document = message.data;
    };
    // Until it listens and has its data, connections are refused or told so.
    const attempt = () => new Promise((resolve) => {
        const socket = new Socket(`ws://127.0.0.1:${port}/followeds?user=1`);
        socket.onerror = socket.onclose = () => resolve(null);
        socket.onmessage = (event) => {
            take(event.data);
            resolve(document ? socket : null);
        };
    });
    let socket;
    while (!(socket = await attempt())) await new Promise((resolve) => setTimeout(resolve, 5));
    socket.onclose = socket.onerror = () => { throw new Error('the connection ended'); };
    return {
        ...documentView(() => document),
        process: server.pid,
        close: () => {
            socket.onclose = socket.onerror = null;
            socket.close();
            return server.stop();
        },
    };
}

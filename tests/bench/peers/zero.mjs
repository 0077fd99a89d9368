// Zero as a peer: zero-cache as in production, and its client with the store in memory. The query is a custom query, so zero-cache asks
// this process, as the application's server, what its name stands for.
import { createServer } from 'node:http';
import { createBuilder, createSchema, defineQueries, defineQuery, mustGetQuery, number, relationships, string, table, Zero } from '@rocicorp/zero';
import { handleQueryRequest } from '@rocicorp/zero/server';
import { documentView } from './document.mjs';
import { freePort, start, watchedWebSocket } from './server.mjs';

const named = (name) => table(name).columns({ id: number(), name: string() }).primaryKey('id');
const pair = (name, other) => table(name).columns({ user_id: number(), [other]: number() }).primaryKey('user_id', other);
const users = named('users'), places = named('places');
const follows = pair('users_followeds', 'followed_id'), visits = pair('users_places', 'place_id');
const schema = createSchema({
    tables: [users, places, follows, visits],
    relationships: [
        relationships(users, ({ many }) => ({
            followeds: many(
                { sourceField: ['id'], destField: ['user_id'], destSchema: follows },
                { sourceField: ['followed_id'], destField: ['id'], destSchema: users },
            ),
            places: many(
                { sourceField: ['id'], destField: ['user_id'], destSchema: visits },
                { sourceField: ['place_id'], destField: ['id'], destSchema: places },
            ),
        })),
    ],
});
const builder = createBuilder(schema);
const queries = defineQueries({
    followeds: defineQuery(({ args }) =>
        builder.users.where('id', args.user).one().related('followeds', (followed) => followed.related('places'))),
});

async function serveQueries() {
    const port = await freePort();
    const server = createServer(async (request, response) => {
        const chunks = [];
        for await (const chunk of request) chunks.push(chunk);
        const answer = await handleQueryRequest({
            handler: (name, args) => mustGetQuery(queries, name).fn({ args, ctx: undefined }),
            schema,
            query: Object.fromEntries(new URL(request.url, 'http://localhost').searchParams),
            body: JSON.parse(Buffer.concat(chunks).toString()),
            userID: 'bench',
        });
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify(answer));
    });
    await new Promise((resolve) => server.listen(port, '127.0.0.1', resolve));
    return { server, url: `http://127.0.0.1:${port}/query` };
}

const environment = (database, folder, port, streamPort, url) => ({
    NODE_ENV: 'production',
    DO_NOT_TRACK: '1',
    ZERO_ENABLE_STARTUP_MESSAGE: '0',
    ZERO_ENABLE_TELEMETRY: 'false',
    ZERO_LOG_LEVEL: 'error',
    ZERO_ADMIN_PASSWORD: 'bench',
    ZERO_UPSTREAM_DB: database,
    ZERO_REPLICA_FILE: `${folder}/zero.db`,
    ZERO_PORT: String(port),
    ZERO_CHANGE_STREAMER_PORT: String(streamPort),
    ZERO_QUERY_URL: url,
});

async function answers(url) {
    try {
        return (await fetch(url)).ok;
    } catch {
        return false;
    }
}

export async function open({ database, folder, received, changed }) {
    const application = await serveQueries();
    const port = await freePort();
    const cache = start('zero', folder, process.execPath, ['node_modules/@rocicorp/zero/out/zero/src/cli.js'].map((path) => `${process.env.PEERS}/${path}`),
        environment(database, folder, port, await freePort(), application.url));
    while (!(await answers(`http://127.0.0.1:${port}/keepalive`))) await new Promise((resolve) => setTimeout(resolve, 10));
    const messages = []; // counted when nothing is timed
    globalThis.WebSocket = watchedWebSocket((data) => {
        received.bytes += Buffer.byteLength(data);
        messages.push(data);
    });
    const zero = new Zero({ cacheURL: `http://127.0.0.1:${port}`, schema, userID: 'bench', kvStore: 'mem', logLevel: 'error' });
    const view = zero.materialize(queries.followeds({ user: 1 }));
    let document;
    await new Promise((resolve) => view.addListener((data, type) => {
        document = data;
        received.frames++;
        if (type === 'complete') resolve();
        changed();
    }));
    const settle = () => {
        for (const message of messages.splice(0)) {
            const [kind, body] = JSON.parse(message);
            if (kind === 'pokePart') received.changes += body.rowsPatch?.length ?? 0;
        }
    };
    settle();
    return {
        ...documentView(() => document),
        process: cache.pid,
        settle,
        close: async () => {
            await zero.close();
            application.server.closeAllConnections();
            application.server.close();
            return cache.stop();
        },
    };
}

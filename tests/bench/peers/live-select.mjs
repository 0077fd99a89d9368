// pg-live-select as a peer: triggers notify of each changed row, the query is run again and its answer compared, in this process.
import { createRequire } from 'node:module';

const require = createRequire(import.meta.resolve('pg-live-select'));
const LivePg = require('pg-live-select');

// The pg that it depends on connects a socket that says it is closed, which a new one did until Node 13. Begun before, it goes on from there.
const Connection = require('pg/lib/connection');
const { connect } = Connection.prototype;
Connection.prototype.connect = function (port, host) {
    if (this.stream.pending) this.stream.connect(port, host);
    connect.call(this, port, host);
};

export async function open({ database, query, received, changed }) {
    const live = new LivePg(database, 'bench');
    live.on('error', (error) => { throw error; });
    const select = live.select(query);
    select.on('error', (error) => { throw error; });
    let rows;
    const names = new Map();
    await new Promise((resolve) => select.on('update', (diff, data) => {
        rows = data;
        received.frames++;
        received.changes += diff.added?.length ?? 0;
        for (const row of diff.added ?? []) names.set(row.place, row.place_name);
        resolve();
        changed();
    }));
    return {
        name: (place) => names.get(place),
        rows: () => rows.map((row) => [row.followed, row.followed_name, row.place, row.place_name])
            .sort((a, b) => a[0] - b[0] || a[2] - b[2]),
        close: () => new Promise((resolve) => live.cleanup(resolve)),
    };
}

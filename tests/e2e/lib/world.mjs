// The seed's tables in a private cluster: users, places, who follows whom, who keeps which place.
import pg from 'pg';
import { startCluster } from '../../oracle/cluster.mjs';

const seed = `
  CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL);
  CREATE TABLE places (id int PRIMARY KEY, name text NOT NULL);
  CREATE TABLE users_followeds (user_id int REFERENCES users, followed_id int REFERENCES users, PRIMARY KEY (user_id, followed_id));
  CREATE TABLE users_places (user_id int REFERENCES users, place_id int REFERENCES places, PRIMARY KEY (user_id, place_id));
  INSERT INTO users VALUES (1, 'ann'), (2, 'bob'), (3, 'cid'), (4, 'dee');
  INSERT INTO places VALUES (1, 'bar'), (2, 'pub'), (3, 'zoo');
  INSERT INTO users_followeds VALUES (1, 2), (1, 3);
  INSERT INTO users_places VALUES (2, 1), (2, 2), (3, 2);
`;

export const listen = 'listen: "127.0.0.1:${SANGRE_PORT}"\n';
export const source = 'sources:\n  app: { plugin: postgres, conninfo: "${DATABASE_URL}" }\n';
export const followeds = `
  /followeds:
    from: app.users
    params: { user: { type: int, default: 1 } }
    get: { id: $user }
    populate:
      followeds:
        from: app.users
        via: app.users_followeds (user_id -> followed_id)
        populate:
          places: { from: app.places, via: app.users_places (user_id -> place_id) }
`;
export const config = `${listen}${source}views:${followeds}
  /places: { from: app.places, order_by: id }
  /users: { from: app.users, order_by: id }
  /person: { from: app.users, params: { id: int }, get: { id: $id } }
`;
// What /followeds shows at first.
export const atFirst = {
  id: 1, name: 'ann', followeds: [
    { id: 2, name: 'bob', places: [{ id: 1, name: 'bar' }, { id: 2, name: 'pub' }] },
    { id: 3, name: 'cid', places: [{ id: 2, name: 'pub' }] },
  ],
};

// The same tables in a memory source, for configs that need no database.
export const memory = `sources:
  app:
    plugin: memory
    tables:
      users: { columns: { id: int, name: text }, key: [id], rows: [[1, ann], [2, bob], [3, cid], [4, dee]] }
      places: { columns: { id: int, name: text }, key: [id], rows: [[1, bar], [2, pub], [3, zoo]] }
      users_followeds: { columns: { user_id: int, followed_id: int }, key: [user_id, followed_id], rows: [[1, 2], [1, 3]] }
      users_places: { columns: { user_id: int, place_id: int }, key: [user_id, place_id], rows: [[2, 1], [2, 2], [3, 2]] }
`;

export class World {
  static async start(settings = []) {
    const world = new World();
    world.cluster = await startCluster(settings);
    await world.connect();
    await world.query(seed);
    return world;
  }

  get url() {
    return this.cluster.url('postgres');
  }

  get environment() {
    return { DATABASE_URL: this.url };
  }

  async connect() {
    this.client = new pg.Client({ connectionString: this.url });
    this.client.on('error', () => {}); // the server may go away
    await this.client.connect();
  }

  query(sql, values) {
    return this.client.query(sql, values);
  }

  async disconnect() {
    await this.client.end().catch(() => {});
  }

  async end() {
    await this.disconnect();
    await this.cluster.remove();
  }
}

// Tables that are altered while they are streamed: what nobody reads may go, what somebody reads ends the engine by its name.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Sangre, until } from './lib/sangre.mjs';
import { World, listen, source } from './lib/world.mjs';

const config = `${listen}${source}views:
  /books:
    from: app.books
    params: { limit: { type: int, default: 100 } }
    where: "price < $limit"
    order_by: rank
    columns: [id, title]
    populate: { author: { from: app.authors, on: "author_id = id", one: true, columns: [name] } }
`;
let world, sangre;

before(async () => {
  world = await World.start();
  await world.query(`CREATE TABLE authors (id int PRIMARY KEY, name text, born date NOT NULL DEFAULT now());
    CREATE TABLE books (note text NOT NULL DEFAULT 'n', id int PRIMARY KEY, title text, price int, rank int, author_id int, isbn text, pages int, tags text[]);
    INSERT INTO authors VALUES (1, 'ann'), (2, 'bob');
    INSERT INTO books (id, title, price, rank, author_id) VALUES (1, 'one', 10, 2, 1), (2, 'two', 200, 1, 2)`);
  sangre = await Sangre.start(config, { environment: world.environment, ready: '/books' });
});
after(async () => {
  await sangre?.stop();
  await world?.end();
});

const book = (id, title, name) => ({ id, title, author: { name } });

test('columns that nobody reads are dropped, renamed and retyped, and views go on', async () => {
  await sangre.shows('/books', [book(1, 'one', 'ann')]);
  await world.query(`ALTER TABLE books DROP note; INSERT INTO books (id, title, price, rank, author_id) VALUES (3, 'three', 30, 1, 2)`);
  await sangre.shows('/books', [book(3, 'three', 'bob'), book(1, 'one', 'ann')]);
  await world.query(`ALTER TABLE books ALTER pages TYPE text; ALTER TABLE books RENAME isbn TO code; UPDATE books SET pages = 'many', code = 'x', price = 5 WHERE id = 2`);
  await sangre.shows('/books', [book(2, 'two', 'bob'), book(3, 'three', 'bob'), book(1, 'one', 'ann')]);
  await world.query(`ALTER TABLE authors DROP born; UPDATE authors SET name = 'bea' WHERE id = 2; DELETE FROM books WHERE id = 3`);
  await sangre.shows('/books', [book(2, 'two', 'bea'), book(1, 'one', 'ann')]);
  await world.query(`BEGIN; ALTER TABLE books DROP tags; ALTER TABLE books ADD tags int; UPDATE books SET tags = 7, title = 'uno' WHERE id = 1; COMMIT`);
  await sangre.shows('/books', [book(2, 'two', 'bea'), book(1, 'uno', 'ann')]);
});

test('a new snapshot after that does without them', async () => {
  await world.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_replication`);
  await world.query(`UPDATE books SET title = 'due' WHERE id = 2`);
  await sangre.shows('/books', [book(2, 'due', 'bea'), book(1, 'uno', 'ann')]);
  await sangre.logged(/new epoch/);
});

test('a column that a condition reads ends the engine with its name', async () => {
  await world.query(`ALTER TABLE books RENAME price TO cost; UPDATE books SET title = 'x' WHERE id = 1`);
  const ended = sangre;
  sangre = undefined;
  await until('the end', () => ended.over);
  assert.match(ended.err, /column price of public\.books is gone/);
  assert.notEqual(await ended.exited, 0);
});

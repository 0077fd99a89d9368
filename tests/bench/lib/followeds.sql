-- The followeds data set L, all arithmetic, so that everybody measures the same.
SET work_mem = '512MB';
SET maintenance_work_mem = '512MB';
CREATE TABLE users (id int PRIMARY KEY, name text);
CREATE TABLE places (id int PRIMARY KEY, name text);
CREATE TABLE users_followeds (user_id int, followed_id int);
CREATE TABLE users_places (user_id int, place_id int);
INSERT INTO users SELECT g, 'user ' || g FROM generate_series(1, :users) g;
INSERT INTO places SELECT g, 'place ' || g FROM generate_series(1, 20000) g;
INSERT INTO users_followeds SELECT 1, g FROM generate_series(2, 1001) g;
INSERT INTO users_followeds
  SELECT DISTINCT u, (u * 7919::bigint + k * 9973) % :users + 1 FROM generate_series(2, :users - 99) u, generate_series(0, 9) k;
INSERT INTO users_places
  SELECT DISTINCT u, (u * 31::bigint + k * 3001) % (CASE WHEN u BETWEEN 2 AND 1001 THEN 15000 ELSE 20000 END) + 1
  FROM generate_series(1, :users) u, generate_series(0, 4) k;
-- Behind the rows, as that is several times faster.
ALTER TABLE users_followeds ADD PRIMARY KEY (user_id, followed_id);
ALTER TABLE users_places ADD PRIMARY KEY (user_id, place_id);
CREATE INDEX ON users_places (place_id);
CREATE INDEX ON users_followeds (followed_id);
ANALYZE;

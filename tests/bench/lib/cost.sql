-- For `cost`: 5 items of each of :owners owners, and a tree of 4 levels with 10 rows below each.
CREATE TABLE items (id int PRIMARY KEY, owner int, name text);
INSERT INTO items SELECT g, (g - 1) / 5 + 1, 'item ' || g FROM generate_series(1, :owners * 5) g;
CREATE TABLE steps (id int PRIMARY KEY, parent int, name text);
INSERT INTO steps SELECT level * 10000 + g, (level - 1) * 10000 + g / 10, 'step ' || g
  FROM (VALUES (1, 0), (2, 9), (3, 99), (4, 999)) levels (level, last), generate_series(0, last) g;
ANALYZE;

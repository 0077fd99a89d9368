CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE places (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE users_followeds (
  user_id int REFERENCES users, followed_id int REFERENCES users, PRIMARY KEY (user_id, followed_id));
CREATE TABLE users_places (
  user_id int REFERENCES users, place_id int REFERENCES places, PRIMARY KEY (user_id, place_id));

INSERT INTO users VALUES (1, 'Ada'), (2, 'Edsger'), (3, 'Grace'), (4, 'Barbara');
INSERT INTO places VALUES
  (1, 'Harbour Café'), (2, 'Botanic Garden'), (3, 'Night Library'), (4, 'Rooftop Cinema'), (5, 'Old Bakery'),
  (6, 'River Baths'), (7, 'Clock Tower'), (8, 'Vinyl Cellar');
INSERT INTO users_followeds VALUES (1, 2), (1, 3), (2, 1), (2, 4), (3, 1), (4, 1), (4, 2), (4, 3);
INSERT INTO users_places VALUES (1, 1), (1, 7), (2, 2), (2, 3), (2, 5), (3, 4), (3, 6), (4, 5), (4, 8);

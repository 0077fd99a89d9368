CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE places (id int PRIMARY KEY, name text NOT NULL, street text NOT NULL, about text);
CREATE TABLE users_followeds (
  user_id int REFERENCES users, followed_id int REFERENCES users, PRIMARY KEY (user_id, followed_id));
CREATE TABLE users_places (
  user_id int REFERENCES users, place_id int REFERENCES places, PRIMARY KEY (user_id, place_id));

INSERT INTO users VALUES (1, 'Ada'), (2, 'Edsger'), (3, 'Grace'), (4, 'Barbara');
INSERT INTO places VALUES
  (1, 'Harbour Café', 'Pier 4', 'Coffee with a view of the ferries'),
  (2, 'Botanic Garden', 'Linden Avenue 12', 'Three glasshouses and a pond of carp'),
  (3, 'Night Library', 'Quiet Lane 7', 'Open from dusk; bring your own lamp'),
  (4, 'Rooftop Cinema', 'Market Square 1', 'Blankets are free when it is windy'),
  (5, 'Old Bakery', 'Mill Street 23', 'Rye on weekdays, cinnamon on Sundays'),
  (6, 'River Baths', 'Lower Quay 9', 'Sauna, cold plunge and a long deck'),
  (7, 'Clock Tower', 'Cathedral Hill', 'Two hundred steps and a good echo'),
  (8, 'Vinyl Cellar', 'Arch 31', 'Listening booths, no talking');
INSERT INTO users_followeds VALUES (1, 2), (1, 3), (2, 1), (2, 4), (3, 1), (4, 1), (4, 2), (4, 3);
INSERT INTO users_places VALUES (1, 1), (1, 7), (2, 2), (2, 3), (2, 5), (3, 4), (3, 6), (4, 5), (4, 8);

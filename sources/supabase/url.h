/* Addresses of the service. Any thread. */
#ifndef SOURCES_SUPABASE_URL_H
#define SOURCES_SUPABASE_URL_H

#include <sangre/text.h>

/* Percent-encoded for a path or a query. */
void url_put(struct sgr_text *text, struct sgr_slice part);

/* Where the websocket is, by the base that clients are given. Data NULL: no key. */
void url_feed(struct sgr_text *text, const char *base, struct sgr_slice apikey);

/* Where rows are read, by the feed's base: wss://host/realtime/v1 is https://host/rest/v1. False: it has another form. */
bool url_rest(struct sgr_text *text, const char *base);

#endif

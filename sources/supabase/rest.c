#include "rest.h"

#include <stdlib.h>

#include "change.h"
#include "raw.h"
#include "token.h"
#include "url.h"

struct rest {
    const struct service *service;
    struct rows_owner owner;
    struct rows_wanted wanted;
    size_t table; /* the one being read */
    struct sgr_http *http;
    struct sgr_timer *turn; /* for the first request, so that nobody is called at once */
    struct change_reader reader;
    struct sgr_text url, headers, token;
    struct sgr_text *last; /* the key of the last row: a text for each column of it */
    size_t key_count;
    bool behind; /* there is a last row */
};

/* ---- The query ---- */

static bool plain(const char *name) {
    for (const char *at = name; *at; at++)
        if (!((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9' && at > name) || *at == '_'))
            return false;
    return *name;
}

static void put_quoted(struct sgr_text *text, struct sgr_slice part) {
    url_put(text, (struct sgr_slice){"\"", 1});
    for (size_t i = 0; i < part.size; i++) {
        if (part.data[i] == '"' || part.data[i] == '\\')
            url_put(text, (struct sgr_slice){"\\", 1});
        url_put(text, (struct sgr_slice){part.data + i, 1});
    }
    url_put(text, (struct sgr_slice){"\"", 1});
}

static void put_name(struct sgr_text *text, const char *name) {
    if (plain(name))
        sgr_text_puts(text, name);
    else
        put_quoted(text, (struct sgr_slice){name, strlen(name)});
}

/* Cast to text, a char(n) loses its blanks and an inet gains a mask; as JSON they are the strings that Postgres shows. */
static bool cast_differs(const struct sgr_relation_column *column) {
    return column->type == SGR_BPCHAR || strcmp(column->type_name, "inet") == 0;
}

static const char *key_name(const struct table *table, size_t number) {
    size_t at = 0;
    for (size_t i = 0; i < table->description.column_count; i++)
        if (table->description.columns[i].key && at++ == number)
            return table->description.columns[i].name;
    return NULL;
}

static void put_condition(struct sgr_text *text, const char *name, const char *operator_,
                          const struct sgr_text *value) {
    put_name(text, name);
    sgr_text_puts(text, operator_);
    put_quoted(text, (struct sgr_slice){value->data, value->size});
}

/* (a, b) > (1, 2) is a > 1 or (a = 1 and b > 2). */
static void put_behind(struct sgr_text *text, const struct table *table,
                       const struct sgr_text *last) {
    const char *name;
    sgr_text_puts(text, "&or=(");
    for (size_t i = 0; (name = key_name(table, i)); i++) {
        sgr_text_puts(text, i ? ",and(" : "");
        for (size_t j = 0; j < i; j++) {
            put_condition(text, key_name(table, j), ".eq.", &last[j]);
            sgr_text_puts(text, ",");
        }
        put_condition(text, name, ".gt.", &last[i]);
        sgr_text_puts(text, i ? ")" : "");
    }
    sgr_text_puts(text, ")");
}

void rest_query(struct sgr_text *text, const struct table *table, const struct sgr_text *last,
                int64_t limit) {
    const char *name;
    const char *comma = "?select=";
    for (size_t i = 0; i < table->description.column_count; i++) {
        if (!table_reads(table, i))
            continue;
        sgr_text_puts(text, comma);
        put_name(text, table->description.columns[i].name);
        sgr_text_puts(text, cast_differs(&table->description.columns[i]) ? "" : "::text");
        comma = ",";
    }
    comma = "&order=";
    for (size_t i = 0; (name = key_name(table, i)); i++, comma = ",") {
        sgr_text_puts(text, comma);
        put_name(text, name);
        sgr_text_puts(text, ".asc");
    }
    if (last)
        put_behind(text, table, last);
    sgr_text_puts(text, "&limit=");
    sgr_text_uint(text, (uint64_t)limit);
}

/* ---- Answers ---- */

static void over(struct rest *rest, const struct sgr_error *error) {
    rest->owner.done(rest->owner.data, error);
}

static void failed(struct rest *rest, struct sgr_error *error) {
    const struct sgr_relation *table = &rest->wanted.tables[rest->table].description;
    sgr_error_context(error, "reading %s.%s", table->schema, table->table);
    over(rest, error);
}

/* PostgREST says what is wrong in a member `message`. */
static void refuse(struct rest *rest, const struct sgr_http_answer *answer) {
    struct sgr_error error;
    struct sgr_slice message = {"", 0};
    bool told = raw_valid(answer->body) && raw_member(answer->body, "message", &message) &&
                raw_is_string(message);
    int code = SGR_EFATAL;
    if (answer->status >= 500 || answer->status == 408 || answer->status == 429)
        code = SGR_EUNAVAILABLE;
    else if (answer->status == 400 || answer->status == 404)
        code = SGR_ENOTFOUND; /* a column, a table */
    if (told)
        message = (struct sgr_slice){message.data + 1, message.size - 2};
    sgr_error_set(&error, code, "REST answered with status %d%s%.*s", answer->status,
                  told ? ": " : "", message.size > 200 ? 200 : (int)message.size, message.data);
    failed(rest, &error);
}

static void remember(struct rest *rest, const struct table *table, const struct sgr_field *fields) {
    size_t key = 0;
    for (size_t i = 0; i < table->description.column_count; i++) {
        if (!table->description.columns[i].key)
            continue;
        sgr_text_clear(&rest->last[key]);
        sgr_text_add(&rest->last[key++], fields[i].data, fields[i].size);
    }
    rest->behind = true;
}

/* *ret: how many rows there were. */
static int take_page(struct rest *rest, struct sgr_slice page, size_t *ret,
                     struct sgr_error *error) {
    struct table *table = &rest->wanted.tables[rest->table];
    const struct sgr_field *fields;
    struct sgr_slice name, row, begin = page;
    while (begin.size && (*begin.data == ' ' || *begin.data == '\n')) {
        begin.data++;
        begin.size--;
    }
    if (!raw_is_array(begin) || !raw_valid(page))
        return sgr_error_set(error, SGR_EPROTOCOL, "the answer is no list of rows: %.*s",
                             page.size > 100 ? 100 : (int)page.size, page.data);
    struct raw_walk walk = raw_walk(page);
    *ret = 0;
    for (int code; raw_next(&walk, &name, &row); ++*ret) {
        code = change_read_row(&rest->reader, table, row, &fields, error);
        if (!code && !rest->wanted.look)
            code = rest->owner.row(rest->owner.data, table, fields, error);
        if (code)
            return code;
    }
    if (*ret) {
        remember(rest, table, fields);
        table->pages++;
    }
    return SGR_OK;
}

/* ---- Asking ---- */

static void answered(void *data, const struct sgr_http_answer *answer);

static bool next_table(struct rest *rest) {
    while (rest->table < rest->wanted.count && !rest->wanted.tables[rest->table].wanted)
        rest->table++;
    if (rest->table == rest->wanted.count)
        return false;
    if (!rest->behind)
        rest->wanted.tables[rest->table].pages = 0;
    return true;
}

static int make_keys(struct rest *rest, const struct table *table) {
    size_t count = 0;
    while (key_name(table, count))
        count++;
    if (count <= rest->key_count)
        return SGR_OK;
    struct sgr_text *grown = realloc(rest->last, count * sizeof(*grown));
    if (!grown)
        return SGR_ENOMEM;
    for (size_t i = rest->key_count; i < count; i++)
        grown[i] = sgr_text_new(&rest->service->host->common, rest->service->host_data);
    rest->last = grown;
    rest->key_count = count;
    return SGR_OK;
}

static void put_url(struct rest *rest, const struct table *table) {
    const struct options *options = rest->service->options;
    struct sgr_text *url = &rest->url;
    sgr_text_clear(url);
    if (options->rest)
        sgr_text_puts(url, options->rest);
    else
        url_rest(url, options->url);
    while (url->size && url->data[url->size - 1] == '/')
        url->size--;
    sgr_text_puts(url, "/");
    url_put(url, (struct sgr_slice){table->description.table, strlen(table->description.table)});
    rest_query(url, table, rest->behind ? rest->last : NULL, rest->wanted.look ? 1 : options->page);
    sgr_text_add(url, "", 1);
}

static void put_headers(struct rest *rest, const struct table *table, struct sgr_slice token) {
    const char *apikey = rest->service->options->apikey;
    struct sgr_text *headers = &rest->headers;
    sgr_text_clear(headers);
    sgr_text_puts(headers, "accept: application/json\r\naccept-profile: ");
    sgr_text_puts(headers, table->description.schema);
    sgr_text_puts(headers, "\r\n");
    if (apikey) {
        sgr_text_puts(headers, "apikey: ");
        sgr_text_puts(headers, apikey);
        sgr_text_puts(headers, "\r\n");
    }
    if (token.size) {
        sgr_text_puts(headers, "authorization: Bearer ");
        sgr_text_slice(headers, token);
        sgr_text_puts(headers, "\r\n");
    }
    sgr_text_add(headers, "", 1);
}

static int ask(struct rest *rest, struct sgr_error *error) {
    const struct service *service = rest->service;
    const struct table *table = &rest->wanted.tables[rest->table];
    struct sgr_slice token;
    int code = token_read(service->options, &rest->token, &token, error);
    if (code)
        return code;
    put_headers(rest, table, token);
    if (make_keys(rest, table))
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a request");
    put_url(rest, table);
    struct sgr_http_request request = {.url = rest->url.data,
                                       .headers = rest->headers.data,
                                       .ca_file = service->options->ca_file,
                                       .timeout = service->options->connect_timeout,
                                       .limit = (size_t)service->options->buffer};
    if (!rest->headers.failed && !rest->url.failed)
        rest->http = service->host->client->http(service->host_data, &request, answered, rest);
    return rest->http ? SGR_OK : sgr_error_set(error, SGR_ENOMEM, "out of memory for a request");
}

static void turn(void *data) {
    struct rest *rest = data;
    struct sgr_error error;
    if (!next_table(rest))
        over(rest, NULL);
    else if (ask(rest, &error))
        failed(rest, &error);
}

/* A page may be shorter than asked for, as the server has a limit of its own: only an empty one is the end. */
static void answered(void *data, const struct sgr_http_answer *answer) {
    struct rest *rest = data;
    struct sgr_error error;
    size_t count = 0;
    rest->http = NULL;
    if (!answer->status) {
        sgr_error_set(&error, SGR_EUNAVAILABLE, "%s", answer->error);
        failed(rest, &error);
        return;
    }
    if (answer->status != 200 && answer->status != 206) {
        refuse(rest, answer);
        return;
    }
    if (take_page(rest, answer->body, &count, &error)) {
        failed(rest, &error);
        return;
    }
    if (!count || rest->wanted.look) {
        rest->table++;
        rest->behind = false;
    }
    turn(rest);
}

/* ---- Life ---- */

int rest_open(const struct service *service, const struct rows_owner *owner,
              const struct rows_wanted *wanted, struct rest **ret, struct sgr_error *error) {
    struct rest *rest = calloc(1, sizeof(*rest));
    if (!rest)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a request");
    *rest = (struct rest){.service = service, .owner = *owner, .wanted = *wanted};
    rest->url = rest->headers = rest->token =
        sgr_text_new(&service->host->common, service->host_data);
    rest->turn = service->host->timer(service->host_data, turn, rest);
    if (!rest->turn) {
        rest_free(rest);
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for a timer");
    }
    service->host->timer_arm(rest->turn, 0);
    *ret = rest;
    return SGR_OK;
}

void rest_free(struct rest *rest) {
    if (!rest)
        return;
    if (rest->http)
        rest->service->host->client->http_cancel(rest->http);
    rest->service->host->timer_free(rest->turn);
    for (size_t i = 0; i < rest->key_count; i++)
        sgr_text_free(&rest->last[i]);
    free(rest->last);
    change_reader_fini(&rest->reader);
    sgr_text_free(&rest->url);
    sgr_text_free(&rest->headers);
    sgr_text_free(&rest->token);
    free(rest);
}

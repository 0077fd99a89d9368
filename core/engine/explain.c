/* What `explain` tells of all the engine has: the graph, the views, streams, totals and tokens. */
#include <stdlib.h>

#include "auth/auth.h"
#include "base/slice.h"
#include "engine/engine.h"

static void write_totals_json(struct sgr_engine *engine, struct sgr_buffer *out) {
    struct sgr_views_counters views;
    struct sgr_publisher_counters publisher;
    sgr_views_counters(engine->views, &views);
    sgr_publisher_counters(engine->publisher, &publisher);
    sgr_buffer_printf(out, ",\"subscriptions\":%zu,\"rows\":%zu,\"row_bytes\":%zu",
                      publisher.subscriptions, sgr_heap_rows(engine->heap),
                      sgr_heap_bytes(engine->heap));
    sgr_buffer_printf(out, ",\"instances\":%zu,\"collections\":%zu,\"members\":%zu",
                      views.instances, views.collections, views.members);
    sgr_buffer_printf(out, ",\"state_bytes\":%zu,\"history_bytes\":%zu", views.state_bytes,
                      views.history_bytes);
    sgr_buffer_printf(out, ",\"edits\":%llu,\"rows_read\":%llu", (unsigned long long)views.edits,
                      (unsigned long long)views.rows_read);
    sgr_buffer_printf(out,
                      ",\"documents_rendered\":%llu,\"rests_rendered\":%llu,\"refused_busy\":%llu",
                      (unsigned long long)publisher.documents, (unsigned long long)publisher.rests,
                      (unsigned long long)publisher.refused);
    sgr_buffer_printf(out, ",\"documents_bytes\":%zu,\"queued_bytes\":%zu", publisher.kept_bytes,
                      publisher.queued_bytes);
}

static void write_totals_text(struct sgr_engine *engine, struct sgr_buffer *out) {
    struct sgr_views_counters views;
    struct sgr_publisher_counters publisher;
    sgr_views_counters(engine->views, &views);
    sgr_publisher_counters(engine->publisher, &publisher);
    sgr_buffer_printf(out, "subscriptions: %zu, rows: %zu in %zu bytes\n", publisher.subscriptions,
                      sgr_heap_rows(engine->heap), sgr_heap_bytes(engine->heap));
    sgr_buffer_printf(out, "views: %zu instances in %zu bytes, history in %zu bytes\n",
                      views.instances, views.state_bytes, views.history_bytes);
    sgr_buffer_printf(out,
                      "clients: %zu bytes queued, documents kept in %zu bytes; rendered %llu "
                      "documents and %llu rests; refused %llu\n",
                      publisher.queued_bytes, publisher.kept_bytes,
                      (unsigned long long)publisher.documents, (unsigned long long)publisher.rests,
                      (unsigned long long)publisher.refused);
}

void sgr__engine_write_explain(void *data, enum sgr_explain_format format, struct sgr_buffer *out) {
    struct sgr_engine *engine = data;
    bool live = !engine->check_only;
    if (format == SGR_EXPLAIN_METRICS) {
        sgr__engine_write_metrics(engine, out);
        return;
    }
    if (format == SGR_EXPLAIN_JSON)
        sgr_buffer_puts(out, "{\"graph\":");
    sgr_graph_explain(engine->graph, format, live, out);
    if (format == SGR_EXPLAIN_JSON)
        sgr_buffer_puts(out, ",\"views\":");
    if (format != SGR_EXPLAIN_DOT)
        sgr_views_explain(engine->views, format, live, out);
    sgr__streams_explain(engine, format, live, out);
    if (format == SGR_EXPLAIN_JSON && live)
        write_totals_json(engine, out);
    if (format == SGR_EXPLAIN_JSON)
        sgr_buffer_putc(out, '}');
    else if (format == SGR_EXPLAIN_TEXT && live)
        write_totals_text(engine, out);
    if (format == SGR_EXPLAIN_TEXT)
        sgr_auth_explain(sgr_plan_server(engine->plan), out);
}

char *sgr_engine_explain(struct sgr_engine *engine, const char *format) {
    if (!engine->graph || engine->phase < ENGINE_FILLING)
        return NULL;
    enum sgr_explain_format chosen = SGR_EXPLAIN_TEXT;
    if (format && strcmp(format, "dot") == 0)
        chosen = SGR_EXPLAIN_DOT;
    else if (format && strcmp(format, "json") == 0)
        chosen = SGR_EXPLAIN_JSON;
    struct sgr_buffer out = SGR_BUFFER_INIT;
    sgr__engine_write_explain(engine, chosen, &out);
    char *text = out.failed ? NULL : strdup(sgr_buffer_text(&out));
    sgr_buffer_fini(&out);
    return text;
}

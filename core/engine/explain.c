/* What `explain` tells of all the engine has: the graph, the views, sources, streams, totals and tokens. */
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

static void write_source_json(const struct engine_source *source, bool live,
                              struct sgr_buffer *out) {
    sgr_buffer_puts(out, "{\"source\":");
    sgr_buffer_json(out, sgr_slice(source->plan->name));
    sgr_buffer_puts(out, ",\"plugin\":");
    sgr_buffer_json(out, sgr_slice(source->plan->plugin->name));
    sgr_buffer_puts(out, ",\"eventual\":");
    if (source->eventual)
        sgr_buffer_json(out, sgr_slice(source->eventual));
    else
        sgr_buffer_puts(out, "null");
    if (live)
        sgr_buffer_printf(out, ",\"state\":\"%s\",\"position\":%llu",
                          sgr__source_state_name(source->phase),
                          (unsigned long long)source->position);
    if (live && source->eventual)
        sgr_buffer_printf(out, ",\"comparisons\":%llu,\"gaps\":%llu",
                          (unsigned long long)source->comparisons,
                          (unsigned long long)source->gaps);
    sgr_buffer_putc(out, '}');
}

static void write_source_text(const struct engine_source *source, bool live,
                              struct sgr_buffer *out) {
    sgr_buffer_printf(out, "source %s: %s", source->plan->name, source->plan->plugin->name);
    if (live)
        sgr_buffer_printf(out, ", %s", sgr__source_state_name(source->phase));
    if (live && source->eventual)
        sgr_buffer_printf(out, ", compared %llu times, of which %llu found a gap",
                          (unsigned long long)source->comparisons,
                          (unsigned long long)source->gaps);
    if (source->eventual)
        sgr_buffer_printf(out, ", eventual: %s", source->eventual);
    sgr_buffer_putc(out, '\n');
}

static void write_sources(const struct sgr_engine *engine, enum sgr_explain_format format,
                          bool live, struct sgr_buffer *out) {
    if (format == SGR_EXPLAIN_DOT)
        return;
    if (format == SGR_EXPLAIN_JSON)
        sgr_buffer_puts(out, ",\"sources\":[");
    for (size_t i = 0; i < engine->source_count; i++) {
        if (format == SGR_EXPLAIN_JSON && i)
            sgr_buffer_putc(out, ',');
        (format == SGR_EXPLAIN_JSON ? write_source_json : write_source_text)(&engine->sources[i],
                                                                             live, out);
    }
    if (format == SGR_EXPLAIN_JSON)
        sgr_buffer_putc(out, ']');
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
    write_sources(engine, format, live, out);
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

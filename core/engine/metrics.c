/* What runs, as metrics. The network side adds its own. */
#include "base/metrics.h"

#include "base/slice.h"
#include "engine/engine.h"

static void put_sources(const struct sgr_engine *engine, struct sgr_buffer *out) {
    sgr_metric_family(out, "sangre_source_streaming", "gauge",
                      "1 while the source streams, 0 while its views are stale.");
    for (size_t i = 0; i < engine->source_count; i++)
        sgr_metric_of(out, "sangre_source_streaming", "source", engine->sources[i].plan->name,
                      engine->sources[i].phase == SGR_SOURCE_STREAMING);
    sgr_metric_family(out, "sangre_source_position", "gauge",
                      "The position (LSN) up to which the source's transactions are applied.");
    for (size_t i = 0; i < engine->source_count; i++)
        sgr_metric_of(out, "sangre_source_position", "source", engine->sources[i].plan->name,
                      (double)engine->sources[i].position);
}

static bool any_eventual(const struct sgr_engine *engine) {
    bool any = false;
    for (size_t i = 0; i < engine->source_count; i++)
        any = any || engine->sources[i].eventual;
    return any;
}

static void put_comparisons(const struct sgr_engine *engine, struct sgr_buffer *out) {
    if (!any_eventual(engine))
        return;
    sgr_metric_family(out, "sangre_source_comparisons_total", "counter",
                      "Snapshots that an eventual source was compared with.");
    for (size_t i = 0; i < engine->source_count; i++)
        if (engine->sources[i].eventual)
            sgr_metric_of(out, "sangre_source_comparisons_total", "source",
                          engine->sources[i].plan->name, (double)engine->sources[i].comparisons);
    sgr_metric_family(out, "sangre_source_gaps_total", "counter",
                      "Comparisons that found something that had been missed.");
    for (size_t i = 0; i < engine->source_count; i++)
        if (engine->sources[i].eventual)
            sgr_metric_of(out, "sangre_source_gaps_total", "source", engine->sources[i].plan->name,
                          (double)engine->sources[i].gaps);
}

static void put_views(const struct sgr_engine *engine, struct sgr_buffer *out) {
    struct sgr_views_counters views;
    sgr_views_counters(engine->views, &views);
    sgr_metric_gauge(out, "sangre_view_instances", "Views at one set of parameter values.",
                     (double)views.instances);
    sgr_metric_gauge(out, "sangre_view_state_bytes", "Memory of views, without rows.",
                     (double)views.state_bytes);
    sgr_metric_gauge(out, "sangre_history_bytes", "Memory of what clients can resume from.",
                     (double)views.history_bytes);
    sgr_metric_gauge(out, "sangre_cursor_bytes", "Memory of which cursor names which commit.",
                     (double)sgr_cursors_bytes(engine->cursors));
    sgr_metric_counter(out, "sangre_view_edits_total", "Edits of views' documents.",
                       (double)views.edits);
    sgr_metric_counter(out, "sangre_view_failed_tests_total",
                       "Rows that a view's condition failed on.", (double)views.failed_tests);
}

void sgr__engine_write_metrics(const struct sgr_engine *engine, struct sgr_buffer *out) {
    sgr_metric_family(out, "sangre_build_info", "gauge", "1, with the version as a label.");
    sgr_metric_of(out, "sangre_build_info", "version", sgr_version(), 1);
    sgr_metric_counter(out, "sangre_commits_total", "Transactions and ticks that were published.",
                       (double)engine->commit);
    sgr_metric_gauge(out, "sangre_rows", "Rows that are kept.",
                     (double)sgr_heap_rows(engine->heap));
    sgr_metric_gauge(out, "sangre_row_bytes", "Memory of rows.",
                     (double)sgr_heap_bytes(engine->heap));
    sgr_metric_gauge(out, "sangre_hub_backlog_bytes", "Bytes on their way to the network side.",
                     (double)sgr_hub_backlog(engine->hub));
    put_sources(engine, out);
    put_comparisons(engine, out);
    put_views(engine, out);
    sgr_graph_metrics(engine->graph, out);
    sgr__streams_metrics(engine, out);
}

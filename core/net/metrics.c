/* What the network side counts, as metrics. */
#include "base/metrics.h"

#include "base/slice.h"
#include "net/internal.h"

static size_t length(const struct sgr_list *list) {
    size_t count = 0;
    SGR_LIST_EACH(link, list)
    count++;
    return count;
}

static void put_sinks(const struct sgr_server *server, struct sgr_buffer *out) {
    static const char name[] = "sangre_sink_counts";
    sgr_metric_family(out, name, "gauge", "What a sink counts by itself.");
    for (size_t i = 0; i < server->sink_count; i++) {
        struct sgr_slice counter;
        void *value;
        for (size_t at = 0; sgr_map_next(server->sinks[i].counters, &at, &counter, &value);) {
            struct sgr_metric_label labels[] = {{"sink", sgr_slice(server->sinks[i].name)},
                                                {"counter", counter}};
            sgr_metric(out, name, labels, 2, (double)(intptr_t)value);
        }
    }
}

void sgr__server_write_metrics(const struct sgr_server *server, struct sgr_buffer *out) {
    sgr_metric_gauge(out, "sangre_sockets", "Clients' sockets.", (double)server->peer_count);
    sgr_metric_gauge(out, "sangre_connections", "Websockets and event streams.",
                     (double)length(&server->connections));
    sgr_metric_gauge(out, "sangre_stalled_connections", "Connections with bytes that nobody reads.",
                     (double)length(&server->stalled));
    sgr_metric_gauge(out, "sangre_subscriptions", "Subscriptions of views.",
                     (double)server->subscriptions.count);
    put_sinks(server, out);
}

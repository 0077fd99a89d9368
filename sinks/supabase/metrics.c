/* The supabase sink: GET /metrics. */
#include "supabase.h"

struct asked {
    struct supabase *supabase;
    struct sgr_request *request;
};

static void on_text(void *data, const struct sgr_bytes *text) {
    struct asked *asked = data;
    const struct sgr_sink_host *table = asked->supabase->table;
    struct sgr_bytes *body = text ? table->bytes_new(text->data, text->size) : NULL;
    table->respond(asked->request, body ? 200 : 503, "text/plain; version=0.0.4; charset=utf-8",
                   NULL, body);
    table->bytes_unref(body);
    table->common.release(asked->supabase->host, asked);
}

static void on_request(void *data, struct sgr_request *request) {
    struct supabase *supabase = data;
    struct asked *asked = supabase->table->common.allocate(supabase->host, sizeof(*asked));
    if (!asked) {
        supabase->table->respond(request, 503, NULL, NULL, NULL);
        return;
    }
    *asked = (struct asked){.supabase = supabase, .request = request};
    supabase->table->explain(supabase->host, "metrics", on_text, asked);
}

int metrics_route(struct supabase *supabase, struct sgr_error *error) {
    struct sgr_route route = {
        .kind = SGR_ROUTE_GET, .path = "/metrics", .request = on_request, .data = supabase};
    return supabase->table->route(supabase->host, &route, error);
}

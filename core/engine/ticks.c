/* Periods that nodes asked for: each tick is a transaction of its own. Ticks start once the first snapshots are in. */
#include <stdlib.h>

#include "engine/engine.h"

static void on_tick(void *data) {
    struct engine_ticker *ticker = data;
    struct sgr_engine *engine = ticker->engine;
    struct sgr_error error = {0};
    sgr_timer_arm(ticker->timer, ticker->period);
    if (sgr_graph_tick(engine->graph, ticker->period, ++ticker->tick, &error) ||
        sgr__engine_commit(engine, NULL, 0, &error))
        sgr__engine_fail(engine, &error);
}

int sgr__tickers_start(struct sgr_engine *engine, struct sgr_error *error) {
    size_t count = sgr_graph_periods(engine->graph, NULL, 0);
    if (!count || engine->tickers)
        return SGR_OK;
    int64_t *periods = calloc(count, sizeof(*periods));
    engine->tickers = calloc(count, sizeof(*engine->tickers));
    if (!periods || !engine->tickers) {
        free(periods);
        return sgr_error_set(error, SGR_ENOMEM, "out of memory for timers");
    }
    sgr_graph_periods(engine->graph, periods, count);
    for (size_t i = 0; i < count; i++) {
        struct engine_ticker *ticker = &engine->tickers[i];
        *ticker = (struct engine_ticker){.engine = engine, .period = periods[i]};
        ticker->timer = sgr_timer_new(engine->loop, on_tick, ticker);
        if (!ticker->timer)
            break;
        engine->ticker_count++;
        sgr_timer_arm(ticker->timer, ticker->period);
    }
    free(periods);
    return engine->ticker_count == count
               ? SGR_OK
               : sgr_error_set(error, SGR_ENOMEM, "out of memory for timers");
}

void sgr__tickers_stop(struct sgr_engine *engine) {
    for (size_t i = 0; i < engine->ticker_count; i++)
        sgr_timer_free(engine->tickers[i].timer);
    free(engine->tickers);
    engine->tickers = NULL;
    engine->ticker_count = 0;
}

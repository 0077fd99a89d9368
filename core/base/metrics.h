/* Writing metrics in Prometheus' text format: a family, then its samples, each with at most a few labels. */
#ifndef SGR_BASE_METRICS_H
#define SGR_BASE_METRICS_H

#include "base/buffer.h"

/* `kind`: "counter" or "gauge". A counter's name ends with _total. */
void sgr_metric_family(struct sgr_buffer *out, const char *name, const char *kind,
                       const char *help);
struct sgr_metric_label {
    const char *name;
    struct sgr_slice value;
};
void sgr_metric(struct sgr_buffer *out, const char *name, const struct sgr_metric_label *labels,
                size_t label_count, double value);
void sgr_metric_of(struct sgr_buffer *out, const char *name, const char *label, const char *of,
                   double value);
/* A family of one sample without labels. */
void sgr_metric_gauge(struct sgr_buffer *out, const char *name, const char *help, double value);
void sgr_metric_counter(struct sgr_buffer *out, const char *name, const char *help, double value);

#endif

/* https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4 */
#include "base/metrics.h"

#include <math.h>

#include "base/slice.h"

void sgr_metric_family(struct sgr_buffer *out, const char *name, const char *kind,
                       const char *help) {
    sgr_buffer_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

static void put_value(struct sgr_buffer *out, struct sgr_slice text) {
    for (size_t i = 0; i < text.size; i++) {
        char byte = text.data[i];
        if (byte == '\\' || byte == '"')
            sgr_buffer_putc(out, '\\');
        if (byte == '\n')
            sgr_buffer_puts(out, "\\n");
        else
            sgr_buffer_putc(out, byte);
    }
}

void sgr_metric(struct sgr_buffer *out, const char *name, const struct sgr_metric_label *labels,
                size_t label_count, double value) {
    sgr_buffer_puts(out, name);
    for (size_t i = 0; i < label_count; i++) {
        sgr_buffer_printf(out, "%s%s=\"", i ? "," : "{", labels[i].name);
        put_value(out, labels[i].value);
        sgr_buffer_putc(out, '"');
    }
    sgr_buffer_puts(out, label_count ? "} " : " ");
    if (value == floor(value) && fabs(value) < 0x1p53)
        sgr_buffer_printf(out, "%.0f\n", value);
    else
        sgr_buffer_printf(out, "%.9g\n", value);
}

void sgr_metric_of(struct sgr_buffer *out, const char *name, const char *label, const char *of,
                   double value) {
    struct sgr_metric_label labels[] = {{label, sgr_slice(of)}};
    sgr_metric(out, name, labels, 1, value);
}

void sgr_metric_gauge(struct sgr_buffer *out, const char *name, const char *help, double value) {
    sgr_metric_family(out, name, "gauge", help);
    sgr_metric(out, name, NULL, 0, value);
}

void sgr_metric_counter(struct sgr_buffer *out, const char *name, const char *help, double value) {
    sgr_metric_family(out, name, "counter", help);
    sgr_metric(out, name, NULL, 0, value);
}

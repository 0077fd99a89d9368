/* A small operator, with one thing wrong by a definition of the build. */
#include <sangre/operator.h>

#ifndef MAJOR
#define MAJOR SGR_ABI_MAJOR
#endif
#ifndef KIND
#define KIND SGR_OPERATOR
#endif
#ifndef METHODS
#define METHODS &methods
#endif
#ifndef INPUTS
#define INPUTS 1
#endif
#ifndef OPTION
#define OPTION \
    { 0 }
#endif

struct options {
    int64_t a, b;
};

#ifdef UNRESOLVED
int symbol_that_no_host_has(void);
#endif

static int bind(const struct sgr_operator_host *host, void *host_data, const void *options,
                const struct sgr_input *inputs, size_t input_count, struct sgr_shape *ret_shape,
                void **ret_state, struct sgr_error *error) {
    (void)host_data;
    (void)options;
    (void)input_count;
    (void)error;
    *ret_shape = (struct sgr_shape){.schema = host->schema_ref(inputs[0].schema)};
    *ret_state = NULL;
    return 0;
}

static int apply(void *state, const struct sgr_batch *inputs, struct sgr_output *output,
                 struct sgr_error *error) {
    (void)state;
    (void)inputs;
    (void)output;
    (void)error;
#ifdef UNRESOLVED
    return symbol_that_no_host_has();
#else
    return 0;
#endif
}

static void close(void *state) {
    (void)state;
}

static const struct sgr_option options[] = {{.name = "a",
                                             .type = SGR_OPTION_INT,
                                             .offset = 0,
                                             .flags = SGR_OPTION_MAIN,
                                             .fallback = "5",
                                             .help = "a number"},
                                            OPTION,
                                            {0}};

/* Larger tables, as a later minor version would have them. */
struct newer_methods {
    struct sgr_operator_methods known;
    void *later[4];
};
struct newer_plugin {
    struct sgr_plugin known;
    void *later[4];
};

static const struct newer_methods methods = {.known = {.inputs_minimum = INPUTS,
                                                       .inputs_maximum = INPUTS,
#ifndef NO_BIND
                                                       .bind = bind,
#endif
                                                       .apply = apply,
                                                       .close = close},
                                             .later = {(void *)&methods}};
#ifdef NO_BIND
int (*const kept)(const struct sgr_operator_host *, void *, const void *, const struct sgr_input *,
                  size_t, struct sgr_shape *, void **, struct sgr_error *) = bind;
#endif

#ifndef SIZE
#ifdef NEWER
#define SIZE sizeof(struct newer_plugin)
#else
#define SIZE sizeof(struct sgr_plugin)
#endif
#endif
#ifndef METHODS_SIZE
#ifdef NEWER
#define METHODS_SIZE sizeof(struct newer_methods)
#else
#define METHODS_SIZE sizeof(struct sgr_operator_methods)
#endif
#endif

#ifdef FOREIGN
#define SYMBOL another_symbol
#else
#define SYMBOL sgr_plugin
#endif

__attribute__((visibility("default")))
const struct newer_plugin SYMBOL = {.known = {.size = SIZE,
                                              .abi_major = MAJOR,
                                              .abi_minor = SGR_ABI_MINOR,
                                              .kind = (enum sgr_plugin_kind)KIND,
                                              .name = NAME,
                                              .version = "0.1.0",
                                              .summary = "for tests",
                                              .options = options,
                                              .options_size = sizeof(struct options),
                                              .methods_size = METHODS_SIZE,
                                              .methods = METHODS},
                                    .later = {(void *)&methods}};

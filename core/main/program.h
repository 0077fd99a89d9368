/* The `sangre` program: a thin user of libsangre. One thread but for the engine's own. */
#ifndef SGR_MAIN_PROGRAM_H
#define SGR_MAIN_PROGRAM_H

#include <sangre/sangre.h>

/* Exit codes. */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_CONFIG = 2 };

#define PLUGIN_DIRECTORIES_MAX 32

struct arguments {
    const char *command;
    const char *operand; /* config file or plugin; NULL: none */
    const char *live;    /* explain --live HOST:PORT */
    const char *format;  /* text, dot, json */
    bool markdown;       /* help --markdown */
    enum sgr_log_level log_level;
    bool log_json;
    int port;                                                   /* run --port; -1: the config's */
    const char *plugin_directories[PLUGIN_DIRECTORIES_MAX + 1]; /* NULL-terminated */
};

/* Prints what is wrong to standard error and returns EXIT_CONFIG; 0: fine. `--help` and `--version` become commands. */
int read_arguments(int count, char **texts, struct arguments *ret);
void print_usage(FILE *out);
/* "file:line:column: message" and what else is known. Returns the exit code for it. */
int report(const struct sgr_error *error);

/* The config that the operand names: a file, or else a preset. Lives as long as the program. */
const char *config_file(const struct arguments *arguments);
/* The path of a preset, or NULL. Lives as long as the program. */
const char *find_preset(const struct arguments *arguments, const char *name);

int list_plugins(const struct arguments *arguments);
int help_plugin(const struct arguments *arguments);
int print_schema(const struct arguments *arguments);
int explain_live(const struct arguments *arguments);

#endif

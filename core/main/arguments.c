/* The command line, and how errors are shown. */
#include <stdlib.h>

#include "base/nearest.h"
#include "main/program.h"

static const char usage[] =
    "sangre streams the results of queries to clients as they change.\n"
    "\n"
    "  sangre run CONFIG               serve the config's views until SIGINT or SIGTERM\n"
    "  sangre check CONFIG             check the config against its sources\n"
    "  sangre explain CONFIG           print the graph; --dot or --json for programs\n"
    "  sangre explain --live HOST:PORT the same of a running process, with its counters\n"
    "  sangre plugins                  list the plugins found\n"
    "  sangre help [PLUGIN]            what a plugin does and its options; --markdown\n"
    "  sangre schema                   the JSON Schema of a config, for editors\n"
    "  sangre version\n"
    "  sangre PRESET                   run a config that a plugin brings (sangre plugins lists "
    "them)\n"
    "\n"
    "Options:\n"
    "  --plugin-dir DIR                look for plugins here first (may be given again)\n"
    "  --port PORT                     listen here instead of the config's port\n"
    "  --log-level LEVEL               error, warn, info (default) or debug\n"
    "  --log-format FORMAT             text (default) or json\n"
    "\n"
    "A config is YAML, or Lua if its name ends with .lua, or a preset's name. Exit codes: 0 done, "
    "1 failed, 2 wrong "
    "config or usage.\n";

/* What a command takes behind its name. */
enum operand { OPERAND_NONE, OPERAND_CONFIG, OPERAND_PLUGIN };

static const struct {
    const char *name;
    enum operand operand;
} commands[] = {
    {"run", OPERAND_CONFIG},   {"check", OPERAND_CONFIG}, {"explain", OPERAND_CONFIG},
    {"plugins", OPERAND_NONE}, {"help", OPERAND_PLUGIN},  {"version", OPERAND_NONE},
    {"schema", OPERAND_NONE},
};
enum { COMMANDS = sizeof(commands) / sizeof(*commands) };

void print_usage(FILE *out) {
    fputs(usage, out);
}

static int wrong(const char *format, const char *text) {
    fputs("sangre: ", stderr);
    fprintf(stderr, format, text);
    fputs(" (see sangre help)\n", stderr);
    return EXIT_CONFIG;
}

static int wrong_word(const char *what, const char *word, const char *const *names, size_t count) {
    const char *near = sgr_nearest(word, names, count);
    fprintf(stderr, "sangre: unknown %s \"%s\"", what, word);
    if (near)
        fprintf(stderr, "; did you mean \"%s\"?", near);
    fputs(" (see sangre help)\n", stderr);
    return EXIT_CONFIG;
}

/* --- options with a value */

static int add_directory(struct arguments *arguments, const char *value) {
    for (size_t i = 0; i < PLUGIN_DIRECTORIES_MAX; i++)
        if (!arguments->plugin_directories[i]) {
            arguments->plugin_directories[i] = value;
            return 0;
        }
    return wrong("too many plugin directories: %s", value);
}

static int set_level(struct arguments *arguments, const char *value) {
    static const char *const names[] = {"error", "warn", "info", "debug"};
    for (int i = 0; i < 4; i++)
        if (strcmp(value, names[i]) == 0) {
            arguments->log_level = (enum sgr_log_level)i;
            return 0;
        }
    return wrong_word("log level", value, names, 4);
}

static int set_log_format(struct arguments *arguments, const char *value) {
    static const char *const names[] = {"text", "json"};
    arguments->log_json = strcmp(value, "json") == 0;
    if (arguments->log_json || strcmp(value, "text") == 0)
        return 0;
    return wrong_word("log format", value, names, 2);
}

static int set_port(struct arguments *arguments, const char *value) {
    char *end;
    long port = strtol(value, &end, 10);
    if (*end || end == value || port < 1 || port > 65535)
        return wrong("\"%s\" is no port", value);
    arguments->port = (int)port;
    return 0;
}

static int set_live(struct arguments *arguments, const char *value) {
    arguments->live = value;
    return 0;
}

static const struct {
    const char *name;
    int (*set)(struct arguments *arguments, const char *value);
} options[] = {
    {"--plugin-dir", add_directory},
    {"--log-level", set_level},
    {"--log-format", set_log_format},
    {"--port", set_port},
    {"--live", set_live},
};
enum { OPTIONS = sizeof(options) / sizeof(*options) };

/* --- flags */

static bool take_flag(struct arguments *arguments, const char *text) {
    if (strcmp(text, "--dot") == 0)
        arguments->format = "dot";
    else if (strcmp(text, "--json") == 0)
        arguments->format = "json";
    else if (strcmp(text, "--markdown") == 0)
        arguments->markdown = true;
    else if (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0)
        arguments->command = "help";
    else if (strcmp(text, "--version") == 0)
        arguments->command = "version";
    else
        return false;
    return true;
}

/* `--name value` or `--name=value`; advances *at over a value of its own. */
static int take_option(struct arguments *arguments, int count, char **texts, int *at) {
    const char *text = texts[*at];
    const char *equals = strchr(text, '=');
    size_t size = equals ? (size_t)(equals - text) : strlen(text);
    const char *names[OPTIONS];
    for (size_t i = 0; i < OPTIONS; i++) {
        names[i] = options[i].name;
        if (strlen(names[i]) != size || strncmp(text, names[i], size) != 0)
            continue;
        if (equals)
            return options[i].set(arguments, equals + 1);
        if (*at + 1 >= count)
            return wrong("%s needs a value", text);
        return options[i].set(arguments, texts[++*at]);
    }
    char name[64];
    snprintf(name, sizeof(name), "%.*s", (int)(size < sizeof(name) ? size : sizeof(name) - 1),
             text);
    return wrong_word("option", name, names, OPTIONS);
}

static int take_word(struct arguments *arguments, const char *text) {
    if (!arguments->command) {
        arguments->command = text;
        return 0;
    }
    if (arguments->operand)
        return wrong("what is \"%s\" for?", text);
    arguments->operand = text;
    return 0;
}

/* `sangre NAME` runs the preset of that name. */
static bool take_preset(struct arguments *arguments) {
    const char *path = arguments->operand ? NULL : find_preset(arguments, arguments->command);
    if (path) {
        arguments->command = "run";
        arguments->operand = path;
    }
    return path != NULL;
}

static int check_command(struct arguments *arguments) {
    const char *names[COMMANDS];
    for (size_t i = 0; i < COMMANDS; i++) {
        names[i] = commands[i].name;
        if (strcmp(arguments->command, names[i]) != 0)
            continue;
        bool wanted = commands[i].operand == OPERAND_CONFIG && !arguments->live;
        if (wanted && !arguments->operand)
            return wrong("sangre %s needs a config file", names[i]);
        if (commands[i].operand == OPERAND_NONE && arguments->operand)
            return wrong("what is \"%s\" for?", arguments->operand);
        return 0;
    }
    if (take_preset(arguments))
        return 0;
    return wrong_word("command", arguments->command, names, COMMANDS);
}

int read_arguments(int count, char **texts, struct arguments *ret) {
    *ret = (struct arguments){.format = "text", .log_level = SGR_LOG_INFO, .port = -1};
    for (int at = 1; at < count; at++) {
        const char *text = texts[at];
        if (take_flag(ret, text))
            continue;
        int status =
            text[0] == '-' && text[1] ? take_option(ret, count, texts, &at) : take_word(ret, text);
        if (status != 0)
            return status;
    }
    if (!ret->command) {
        print_usage(stderr);
        return EXIT_CONFIG;
    }
    return check_command(ret);
}

/* The context begins with the place if the config is at fault. */
int report(const struct sgr_error *error) {
    bool config = error->code == SGR_ECONFIG;
    const char *rest = strchr(error->context, ';');
    size_t size = rest ? (size_t)(rest - error->context) : strlen(error->context);
    if (config && size)
        fprintf(stderr, "%.*s: %s", (int)size, error->context, error->message);
    else
        fprintf(stderr, "sangre: %s", error->message);
    if (config && rest)
        fprintf(stderr, " (%s)", rest + 2);
    else if (!config && *error->context)
        fprintf(stderr, " (%s)", error->context);
    fputc('\n', stderr);
    return config || error->code == SGR_EABI || error->code == SGR_ENOTFOUND ? EXIT_CONFIG
                                                                             : EXIT_FAILED;
}

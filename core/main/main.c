/* Commands that make an engine: run, check, explain. */
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "main/program.h"

static struct sgr_engine *running; /* for the signal handler; set before it is installed */
static volatile sig_atomic_t asked;

/* The first signal drains, the second one ends at once. */
static void on_signal(int number) {
    if (asked)
        _exit(128 + number);
    asked = 1;
    sgr_engine_stop(running);
}

static void handle_signals(struct sgr_engine *engine) {
    struct sigaction stop = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    running = engine;
    sigemptyset(&stop.sa_mask);
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    sigaction(SIGPIPE, &ignore, NULL);
}

/* A connection is a descriptor: as many as the system lets us have. */
static void raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max < 65536 ? limit.rlim_max : 65536;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static int make_engine(const struct arguments *arguments, struct sgr_engine **ret) {
    struct sgr_engine_options options = {
        .size = sizeof(options),
        .config_file = config_file(arguments),
        .plugin_directories = arguments->plugin_directories,
        .log_level = arguments->log_level,
        .log_json = arguments->log_json,
        .listen_port = arguments->port,
    };
    struct sgr_error error = {0};
    sgr_log_configure(arguments->log_level, arguments->log_json ? SGR_LOG_JSON : SGR_LOG_TEXT, NULL,
                      NULL);
    if (sgr_engine_new(&options, ret, &error) == 0)
        return EXIT_OK;
    report(&error);
    return error.code == SGR_ENOMEM ? EXIT_FAILED : EXIT_CONFIG;
}

static int run(const struct arguments *arguments) {
    struct sgr_engine *engine;
    struct sgr_error error = {0};
    int status = make_engine(arguments, &engine);
    if (status != EXIT_OK)
        return status;
    handle_signals(engine);
    raise_descriptor_limit();
    if (sgr_engine_run(engine, &error) != 0)
        status = report(&error);
    /* The handler must not find a freed engine: from here on a signal ends the program. */
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    sgr_engine_free(engine);
    return status;
}

/* Contacts the sources, unless a signal comes first. */
static int check_engine(struct sgr_engine *engine) {
    struct sgr_error error = {0};
    handle_signals(engine);
    if (sgr_engine_check(engine, &error) != 0)
        return report(&error);
    return asked ? EXIT_FAILED : EXIT_OK;
}

static int check(const struct arguments *arguments) {
    struct sgr_engine *engine;
    int status = make_engine(arguments, &engine);
    if (status != EXIT_OK)
        return status;
    status = check_engine(engine);
    if (status == EXIT_OK)
        printf("%s: no mistakes found\n", arguments->operand);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    sgr_engine_free(engine);
    return status;
}

static int print_explained(struct sgr_engine *engine, const char *format) {
    char *text = sgr_engine_explain(engine, format);
    if (!text) {
        fprintf(stderr, "sangre: out of memory\n");
        return EXIT_FAILED;
    }
    fputs(text, stdout);
    free(text);
    return EXIT_OK;
}

static int explain(const struct arguments *arguments) {
    struct sgr_engine *engine;
    if (arguments->live)
        return explain_live(arguments);
    int status = make_engine(arguments, &engine);
    if (status != EXIT_OK)
        return status;
    status = check_engine(engine);
    if (status == EXIT_OK)
        status = print_explained(engine, arguments->format);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    sgr_engine_free(engine);
    return status;
}

static int help(const struct arguments *arguments) {
    if (arguments->operand)
        return help_plugin(arguments);
    print_usage(stdout);
    return EXIT_OK;
}

static int version(const struct arguments *arguments) {
    (void)arguments;
    printf("sangre %s\n", sgr_version());
    return EXIT_OK;
}

int main(int argc, char **argv) {
    static const struct {
        const char *name;
        int (*run)(const struct arguments *arguments);
    } commands[] = {
        {"run", run},   {"check", check},     {"explain", explain},     {"plugins", list_plugins},
        {"help", help}, {"version", version}, {"schema", print_schema},
    };
    struct arguments arguments;
    int status = read_arguments(argc, argv, &arguments);
    if (status != EXIT_OK)
        return status;
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++)
        if (strcmp(commands[i].name, arguments.command) == 0)
            status = commands[i].run(&arguments);
    return fflush(stdout) == 0 || status != EXIT_OK ? status : EXIT_FAILED;
}

/* The gate: what is loaded, what is refused, and what is said about it. BROKEN_PLUGINS is the folder of the shared objects built for this. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/slice.h"
#include "loader/loader.h"

static struct sgr_loader *open_loader(bool broken) {
    const char *directories[] = {getenv("SANGRE_PLUGIN_DIR"), broken ? BROKEN_PLUGINS : NULL, NULL};
    assert_non_null(directories[0]);
    struct sgr_loader *loader = sgr_loader_new(directories);
    assert_non_null(loader);
    return loader;
}

static void plugins_are_found_by_name_and_path_and_kept_once(void **unused) {
    (void)unused;
    struct sgr_loader *loader = open_loader(true);
    const struct sgr_plugin *filter = NULL, *again = NULL, *plain = NULL;
    struct sgr_error error;
    assert_int_equal(sgr_loader_plugin(loader, SGR_OPERATOR, "filter", &filter, &error), 0);
    assert_string_equal(filter->name, "filter");
    assert_int_equal(filter->kind, SGR_OPERATOR);
    assert_non_null(filter->operator_->bind);
    assert_int_equal(sgr_loader_plugin(loader, SGR_OPERATOR, "filter", &again, &error), 0);
    assert_ptr_equal(filter, again);
    assert_int_equal(sgr_loader_plugin(loader, SGR_OPERATOR,
                                       BROKEN_PLUGINS "/sangre-operator-plain.so", &plain, &error),
                     0);
    assert_string_equal(plain->name, "plain");
    sgr_loader_free(loader);
}

static void a_newer_minor_version_loads_with_what_we_know_of_it(void **unused) {
    (void)unused;
    struct sgr_loader *loader = open_loader(true);
    const struct sgr_plugin *newer = NULL;
    struct sgr_error error;
    assert_int_equal(sgr_loader_plugin(loader, SGR_OPERATOR, "newer", &newer, &error), 0);
    assert_int_equal(newer->size, sizeof(struct sgr_plugin));
    assert_int_equal(newer->methods_size, sizeof(struct sgr_operator_methods));
    assert_non_null(newer->operator_->close);
    sgr_loader_free(loader);
}

static void what_is_not_there_is_named_with_its_neighbour(void **unused) {
    (void)unused;
    struct sgr_loader *loader = open_loader(false);
    const struct sgr_plugin *plugin = NULL;
    struct sgr_error error;
    int status = sgr_loader_plugin(loader, SGR_OPERATOR, "fliter", &plugin, &error);
    assert_int_equal(status, SGR_ENOTFOUND);
    assert_non_null(strstr(error.message, "did you mean \"filter\"?"));
    assert_non_null(strstr(error.message, getenv("SANGRE_PLUGIN_DIR")));
    assert_int_equal(sgr_loader_plugin(loader, SGR_OPERATOR, "../filter", &plugin, &error),
                     SGR_ENOTFOUND);
    assert_int_equal(sgr_loader_plugin(loader, SGR_OPERATOR, "/nowhere/x.so", &plugin, &error),
                     SGR_ENOTFOUND);
    assert_int_equal(sgr_loader_plugin(loader, SGR_SOURCE, "filter", &plugin, &error),
                     SGR_ENOTFOUND);
    assert_null(plugin);
    sgr_loader_free(loader);
}

static void operators_are_found_by_what_they_do(void **unused) {
    (void)unused;
    struct sgr_loader *loader = open_loader(false);
    const struct sgr_plugin *plugin = NULL;
    struct sgr_error error;
    assert_int_equal(sgr_loader_plan_kind(loader, "join", &plugin, &error), 0);
    assert_string_equal(plugin->name, "join");
    assert_int_equal(sgr_loader_plan_kind(loader, "jion", &plugin, &error), SGR_ENOTFOUND);
    assert_non_null(strstr(error.message, "join"));
    sgr_loader_free(loader);
}

struct refusal {
    const char *name;
    int status;
    const char *says;
};

static const struct refusal refusals[] = {
    {"foreign", SGR_EINVAL, "it doesn't export sgr_plugin"},
    {"garbage", SGR_EINVAL, "cannot be loaded"},
    {"unresolved", SGR_EINVAL, "symbol_that_no_host_has"},
    {"major", SGR_EABI, "version 2 of the plugin interface, this is 1"},
    {"small", SGR_EABI, "8 bytes"},
    {"huge", SGR_EABI, "100000 bytes"},
    {"kind", SGR_EINVAL, "its kind is 9"},
    {"badname", SGR_EINVAL, "name is not"},
    {"misnamed", SGR_EINVAL, "the file's name says misnamed, but it holds other"},
    {"wrongkind", SGR_EINVAL, "of kind sink, not operator"},
    {"nomethods", SGR_EINVAL, "no methods"},
    {"methodsize", SGR_EABI, "its methods have 8 bytes"},
    {"nobind", SGR_EINVAL, "no method bind"},
    {"noinputs", SGR_EINVAL, "takes 0 to 0 inputs"},
    {"twice", SGR_EINVAL, "option a is there twice"},
    {"outside", SGR_EINVAL, "lies outside"},
    {"overlap", SGR_EINVAL, "overlaps"},
    {"unaligned", SGR_EINVAL, "not aligned"},
    {"badtype", SGR_EINVAL, "unknown type"},
    {"badoption", SGR_EINVAL, "lower case"},
    {"badsource", SGR_EINVAL, "names a source, which is for strings of sinks"},
    {"baddefault", SGR_EINVAL, "b: expected a whole number, not \"x\""},
    {"nochoice", SGR_EINVAL, "nothing to choose from"},
    {"twomain", SGR_EINVAL, "second main one"},
};

static void broken_shared_objects_are_refused_with_the_reason(void **unused) {
    (void)unused;
    struct sgr_loader *loader = open_loader(true);
    for (size_t i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
        const struct sgr_plugin *plugin = NULL;
        struct sgr_error error = {0};
        int status = sgr_loader_plugin(loader, SGR_OPERATOR, refusals[i].name, &plugin, &error);
        if (status != refusals[i].status || !strstr(error.message, refusals[i].says))
            fail_msg("%s: %d %s", refusals[i].name, status, error.message);
        assert_null(plugin);
        assert_non_null(strstr(error.context, refusals[i].name)); /* the path */
    }
    sgr_loader_free(loader);
}

struct listing {
    struct sgr_buffer found;
    size_t broken;
};

static void list_found(void *data, const struct sgr_plugin *plugin, const char *path) {
    struct listing *listing = data;
    assert_non_null(strstr(path, plugin->name));
    sgr_buffer_printf(&listing->found, "%d:%s ", (int)plugin->kind, plugin->name);
}

static void list_broken(void *data, const char *path, const struct sgr_error *error) {
    struct listing *listing = data;
    assert_non_null(strstr(path, "sangre-operator-"));
    assert_true(error->code < 0);
    listing->broken++;
}

static void all_are_listed_in_order_and_the_broken_apart(void **unused) {
    (void)unused;
    const char *directories[] = {BROKEN_PLUGINS, getenv("SANGRE_PLUGIN_DIR"), BROKEN_PLUGINS, NULL};
    struct sgr_loader *loader = sgr_loader_new(directories);
    struct listing listing = {0};
    sgr_loader_each(loader, list_found, list_broken, &listing);
    const char *found = sgr_buffer_text(&listing.found);
    const char *filter = strstr(found, "2:filter "), *join = strstr(found, "2:join ");
    const char *newer = strstr(found, "2:newer "), *plain = strstr(found, "2:plain ");
    assert_true(filter && join && newer && plain);
    assert_true(filter < join && join < newer && newer < plain);
    assert_null(strstr(filter + 1, "2:filter "));
    assert_int_equal(listing.broken, sizeof(refusals) / sizeof(*refusals));
    sgr_buffer_fini(&listing.found);
    sgr_loader_free(loader);
}

static void note_preset(void *data, const char *name, const char *path) {
    char *seen = data;
    (void)path;
    strcat(strcat(seen, name), " ");
}

/* A name that no plugin could have is none, and leads nowhere. */
static void presets_are_found_by_name(void **unused) {
    char seen[256] = "", own[] = "/tmp/sangre-presets-XXXXXX", file[64];
    (void)unused;
    assert_non_null(mkdtemp(own));
    static const char *const names[] = {"sangre-preset-b.lua", "sangre-preset-a.yaml",
                                        "sangre-preset-A.lua", "sangre-preset-c.txt"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(file, sizeof(file), "%s/%s", own, names[i]);
        fclose(fopen(file, "w"));
    }
    struct sgr_loader *loader = sgr_loader_new((const char *const[]){own, NULL});
    char *path = sgr_loader_preset(loader, "a");
    snprintf(file, sizeof(file), "%s/sangre-preset-a.yaml", own);
    assert_string_equal(path, file);
    free(path);
    assert_null(sgr_loader_preset(loader, "c"));
    assert_null(sgr_loader_preset(loader, "../a"));
    sgr_loader_presets(loader, note_preset, seen);
    assert_string_equal(seen, "a b ");
    sgr_loader_free(loader);
    for (size_t i = 0; i < 4; i++) {
        snprintf(file, sizeof(file), "%s/%s", own, names[i]);
        unlink(file);
    }
    rmdir(own);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plugins_are_found_by_name_and_path_and_kept_once),
        cmocka_unit_test(a_newer_minor_version_loads_with_what_we_know_of_it),
        cmocka_unit_test(what_is_not_there_is_named_with_its_neighbour),
        cmocka_unit_test(operators_are_found_by_what_they_do),
        cmocka_unit_test(broken_shared_objects_are_refused_with_the_reason),
        cmocka_unit_test(all_are_listed_in_order_and_the_broken_apart),
        cmocka_unit_test(presets_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

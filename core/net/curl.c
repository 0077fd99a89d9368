#include "net/curl.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct sgr__curl table;
static bool loaded;
static char failure[256];

static const struct {
    const char *name;
    size_t offset;
} symbols[] = {
#define SYMBOL(name) \
    { "curl_" #name, offsetof(struct sgr__curl, name) }
    SYMBOL(global_init),    SYMBOL(easy_init),        SYMBOL(easy_setopt),
    SYMBOL(easy_getinfo),   SYMBOL(easy_strerror),    SYMBOL(easy_cleanup),
    SYMBOL(multi_init),     SYMBOL(multi_add_handle), SYMBOL(multi_remove_handle),
    SYMBOL(multi_perform),  SYMBOL(multi_info_read),  SYMBOL(multi_poll),
    SYMBOL(multi_wakeup),   SYMBOL(multi_cleanup),    SYMBOL(slist_append),
    SYMBOL(slist_free_all),
#undef SYMBOL
};

static bool find_all(void *library) {
    for (size_t i = 0; i < sizeof(symbols) / sizeof(*symbols); i++) {
        void *found = dlsym(library, symbols[i].name);
        if (!found)
            return false;
        *(void **)((char *)&table + symbols[i].offset) = found;
    }
    return true;
}

/* Never unloaded. */
static void load(void) {
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    loaded = library && find_all(library) && table.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
    if (loaded)
        return;
    const char *why = dlerror();
    snprintf(failure, sizeof(failure), "HTTP requests need libcurl, which cannot be loaded: %s",
             why ? why : "it does not start");
}

const struct sgr__curl *sgr__curl(const char **ret_error) {
    pthread_once(&once, load);
    if (loaded)
        return &table;
    *ret_error = failure;
    return NULL;
}

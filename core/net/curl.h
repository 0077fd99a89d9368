/* libcurl, which is loaded when it is first needed: it brings two dozen libraries that most processes have no use for. */
#ifndef SGR_NET_CURL_H
#define SGR_NET_CURL_H

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

struct sgr__curl {
    __typeof__(&curl_global_init) global_init;
    __typeof__(&curl_easy_init) easy_init;
    __typeof__(&curl_easy_setopt) easy_setopt;
    __typeof__(&curl_easy_getinfo) easy_getinfo;
    __typeof__(&curl_easy_strerror) easy_strerror;
    __typeof__(&curl_easy_cleanup) easy_cleanup;
    __typeof__(&curl_multi_init) multi_init;
    __typeof__(&curl_multi_add_handle) multi_add_handle;
    __typeof__(&curl_multi_remove_handle) multi_remove_handle;
    __typeof__(&curl_multi_perform) multi_perform;
    __typeof__(&curl_multi_info_read) multi_info_read;
    __typeof__(&curl_multi_poll) multi_poll;
    __typeof__(&curl_multi_wakeup) multi_wakeup;
    __typeof__(&curl_multi_cleanup) multi_cleanup;
    __typeof__(&curl_slist_append) slist_append;
    __typeof__(&curl_slist_free_all) slist_free_all;
};

/* Any thread; loading takes milliseconds. NULL: it is not there, and `ret_error` says why, for people, for ever. */
const struct sgr__curl *sgr__curl(const char **ret_error);

#endif

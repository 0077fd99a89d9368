/* Whether a request comes from this machine, for what is its operators' business alone. */
#include "net/internal.h"
#include "net/origin.h"

#include <netinet/in.h>
#include <sys/socket.h>

static bool is_loopback(const struct sockaddr_storage *address) {
    const struct in6_addr *six = &((const struct sockaddr_in6 *)address)->sin6_addr;
    const struct in_addr *four = &((const struct sockaddr_in *)address)->sin_addr;
    if (address->ss_family == AF_INET)
        return ntohl(four->s_addr) >> 24 == IN_LOOPBACKNET;
    if (address->ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(six) ||
               (IN6_IS_ADDR_V4MAPPED(six) && six->s6_addr[12] == IN_LOOPBACKNET);
    return address->ss_family == AF_UNIX;
}

/* By a proxy on this machine, for whoever that serves. */
static bool is_forwarded(const struct sgr_request *request) {
    static const char *const headers[] = {"forwarded", "x-forwarded-for", "x-forwarded-host",
                                          "x-real-ip", "via"};
    for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++)
        if (sgr__request_header(request, headers[i]).data)
            return true;
    return false;
}

/* A page of somewhere else, or one that has its name resolve to us, is not of this machine though its browser is. */
static bool is_of_a_page(const struct sgr_request *request) {
    const struct sgr_plan_server *options = &request->server->options;
    struct sgr_slice host = sgr__request_header(request, "host");
    return request->cross_origin ||
           (host.data && !sgr__host_known(host, options->origins, options->origin_count));
}

bool sgr__request_local(const struct sgr_request *request) {
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);
    struct lws *wsi = request->peer ? request->peer->wsi : NULL;
    return wsi && getpeername(lws_get_socket_fd(wsi), (struct sockaddr *)&address, &size) == 0 &&
           is_loopback(&address) && !is_forwarded(request) && !is_of_a_page(request);
}

/* The files of one folder, for a page beside the views. Read whole at each request: meant for a few small files, not for a web site. */
#include "http.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_LIMIT = 64 << 20 };

static const char *content_type(const char *path) {
    static const struct {
        const char *ending, *type;
    } types[] = {{".html", "text/html; charset=utf-8"},
                 {".js", "text/javascript; charset=utf-8"},
                 {".mjs", "text/javascript; charset=utf-8"},
                 {".css", "text/css; charset=utf-8"},
                 {".json", "application/json"},
                 {".map", "application/json"},
                 {".svg", "image/svg+xml"},
                 {".png", "image/png"},
                 {".jpg", "image/jpeg"},
                 {".jpeg", "image/jpeg"},
                 {".gif", "image/gif"},
                 {".webp", "image/webp"},
                 {".ico", "image/x-icon"},
                 {".woff2", "font/woff2"},
                 {".wasm", "application/wasm"},
                 {".txt", "text/plain; charset=utf-8"},
                 {".md", "text/plain; charset=utf-8"}};
    size_t size = strlen(path);
    for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        size_t ending = strlen(types[i].ending);
        if (size > ending && strcmp(path + size - ending, types[i].ending) == 0)
            return types[i].type;
    }
    return "application/octet-stream";
}

/* No name may begin with a dot: that shuts out `..`, and what is hidden stays so. */
static bool safe(struct sgr_slice path) {
    if (!path.size || path.data[0] != '/' || memchr(path.data, '\0', path.size))
        return false;
    for (size_t i = 0; i + 1 < path.size; i++)
        if (path.data[i] == '/' && path.data[i + 1] == '.')
            return false;
    return true;
}

static bool place_of(const struct http *http, struct sgr_slice path, char *place, size_t size) {
    const char *index = path.data[path.size - 1] == '/' ? "index.html" : "";
    int used =
        snprintf(place, size, "%s%.*s%s", http->options->folder, (int)path.size, path.data, index);
    return used > 0 && (size_t)used < size;
}

/* Whether what was opened lies in the folder, wherever links have led. */
static bool within_folder(const struct http *http, int descriptor) {
    char folder[PATH_MAX], link[64], place[PATH_MAX];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", descriptor);
    ssize_t size = readlink(link, place, sizeof(place));
    if (size <= 0 || (size_t)size >= sizeof(place) || !realpath(http->options->folder, folder))
        return false;
    size_t length = strcmp(folder, "/") == 0 ? 0 : strlen(folder);
    return (size_t)size > length && memcmp(place, folder, length) == 0 && place[length] == '/';
}

static bool read_all(int descriptor, char *to, size_t size) {
    while (size) {
        ssize_t got = read(descriptor, to, size);
        if (got <= 0)
            return false;
        to += got;
        size -= (size_t)got;
    }
    return true;
}

static void answer_file(struct http *http, struct sgr_request *request, int descriptor,
                        const struct stat *about, const char *place) {
    char tag[64];
    int size =
        snprintf(tag, sizeof(tag), "%llx-%llx-%lx", (unsigned long long)about->st_mtim.tv_sec,
                 (unsigned long long)about->st_size, (unsigned long)about->st_mtim.tv_nsec);
    struct sgr_bytes *body = http->table->bytes_new(NULL, (size_t)about->st_size);
    if (body && read_all(descriptor, (char *)body->data, body->size))
        http_tagged(http, request, content_type(place), (struct sgr_slice){tag, (size_t)size}, NULL,
                    body);
    else
        http_error(http, request, 503, "unreadable", "the file cannot be read now");
    http->table->bytes_unref(body);
}

bool http_file(struct http *http, struct sgr_request *request) {
    char place[PATH_MAX];
    struct stat about;
    struct sgr_slice path = http->table->path(request);
    if (!http->options->folder || !safe(path) || !place_of(http, path, place, sizeof(place)))
        return false;
    int descriptor = open(place, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return false;
    bool regular =
        fstat(descriptor, &about) == 0 && S_ISREG(about.st_mode) && within_folder(http, descriptor);
    if (regular && about.st_size > FILE_LIMIT)
        http_error(http, request, 503, "too_large", "the file is too large to be served");
    else if (regular)
        answer_file(http, request, descriptor, &about, place);
    close(descriptor);
    return regular;
}

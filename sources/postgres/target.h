/* See link.h; what link.c needs to know of a target. */
#ifndef POSTGRES_TARGET_H
#define POSTGRES_TARGET_H

#include "link.h"

struct link_target {
    PQconninfoOption *parsed;
    char *options;
    const char **keywords;
    const char **values;
    size_t count;
    char name[256];
};

/* Passwords that got into a message are blotted out. */
void link_target_redact(const struct link_target *target, char *text);

#endif

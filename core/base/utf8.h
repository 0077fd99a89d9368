/* Texts that may hold anything, made fit for JSON and websockets. Any thread. */
#ifndef SGR_BASE_UTF8_H
#define SGR_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Puts a question mark for each byte that is no part of well-formed UTF-8: of what a client sent, or was cut within a character. */
void sgr_utf8_repair(char *text);

/* Whether it is well-formed and holds no NUL: what a database takes as a text. */
bool sgr_utf8_valid(const char *text, size_t size);

#endif

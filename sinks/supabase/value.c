#include "value.h"

/* ---- JSON strings ---- */

static void add_escape(struct sgr_text *text, unsigned char byte) {
    static const char short_forms[] = "\bb\ff\nn\rr\tt\"\"\\\\";
    char escape[8];
    for (const char *form = short_forms; *form; form += 2)
        if ((unsigned char)*form == byte) {
            sgr_text_add(text, (char[]){'\\', form[1]}, 2);
            return;
        }
    snprintf(escape, sizeof(escape), "\\u%04X", byte);
    sgr_text_add(text, escape, 6);
}

void value_json(struct sgr_text *text, struct sgr_slice string) {
    size_t start = 0;
    sgr_text_add(text, "\"", 1);
    for (size_t i = 0; i < string.size; i++) {
        unsigned char byte = (unsigned char)string.data[i];
        if (byte >= 0x20 && byte != '"' && byte != '\\')
            continue;
        sgr_text_add(text, string.data + start, i - start);
        add_escape(text, byte);
        start = i + 1;
    }
    sgr_text_add(text, string.data + start, string.size - start);
    sgr_text_add(text, "\"", 1);
}

/* ---- Timestamps ---- */

/* `pattern`: 0 stands for a digit. */
static bool looks_like(struct sgr_slice text, const char *pattern) {
    size_t size = strlen(pattern);
    if (text.size < size)
        return false;
    for (size_t i = 0; i < size; i++) {
        bool digit = text.data[i] >= '0' && text.data[i] <= '9';
        if (pattern[i] == '0' ? !digit : text.data[i] != pattern[i])
            return false;
    }
    return true;
}

/* The bytes of date, time and fraction; 0: it has another form. */
static size_t date_and_time(struct sgr_slice text) {
    static const char pattern[] = "0000-00-00 00:00:00";
    size_t size = sizeof(pattern) - 1;
    if (!looks_like(text, pattern))
        return 0;
    if (size < text.size && text.data[size] == '.')
        for (size++; size < text.size && text.data[size] >= '0' && text.data[size] <= '9';)
            size++;
    return size;
}

/* Z, +05:30, or NULL if the zone has another form than +00, +05, +05:30. */
static const char *zone(struct sgr_slice text, char *scratch) {
    if (text.size == 3 && memcmp(text.data, "+00", 3) == 0)
        return "Z";
    if ((text.size != 3 && text.size != 6) || (text.data[0] != '+' && text.data[0] != '-'))
        return NULL;
    snprintf(scratch, 8, "%.3s%.3s", text.data, text.size == 6 ? text.data + 3 : ":00");
    return scratch;
}

static struct sgr_slice iso(struct sgr_slice text, bool with_zone, char *scratch) {
    char offset[8];
    size_t size = date_and_time(text);
    struct sgr_slice rest = {text.data + size, text.size - size};
    const char *end = with_zone ? zone(rest, offset) : rest.size == 0 ? "Z" : NULL;
    if (!size || !end || size + 8 > VALUE_SCRATCH)
        return text;
    memcpy(scratch, text.data, size);
    scratch[10] = 'T';
    strcpy(scratch + size, end);
    return (struct sgr_slice){scratch, size + strlen(end)};
}

struct sgr_slice value_text(enum sgr_type type, const struct sgr_field *field, char *scratch) {
    struct sgr_slice text = {field->data, field->size};
    if (type == SGR_TIMESTAMP || type == SGR_TIMESTAMPTZ)
        return iso(text, type == SGR_TIMESTAMPTZ, scratch);
    return text;
}

/* ---- Others ---- */

bool value_shorter(struct sgr_slice text, size_t count) {
    if (text.size < count)
        return true;
    size_t characters = 0;
    for (size_t i = 0; i < text.size && characters < count; i++)
        characters += ((unsigned char)text.data[i] & 0xc0) != 0x80;
    return characters < count;
}

const char *value_type_name(const struct sgr_relation_column *column) {
    static const char *const names[SGR_TYPE_COUNT] = {
#define NAME(symbol, name, width, member) [symbol] = name,
        SGR_TYPES(NAME)
#undef NAME
    };
    static const char *const texts[] = {"text", "varchar", "name", "char"};
    if (column->type == SGR_ARRAY || column->type == SGR_OTHER)
        return column->type_name;
    if (column->type != SGR_TEXT)
        return names[column->type];
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        if (strcmp(column->type_name, texts[i]) == 0)
            return texts[i];
    return "text";
}

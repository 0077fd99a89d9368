/* Parses "SELECT <expression>" and makes sure that it is nothing more. */
#include "expr/parse.h"

#include <pg_query.h>

/* The parser counts characters from 1, the source bytes from 0. */
static int byte_offset(const char *text, int character) {
    int offset = 0;
    for (int left = character - 1; left > 0 && text[offset]; left--)
        do
            offset++;
        while ((text[offset] & 0xc0) == 0x80);
    return offset;
}

static int fail(const struct sgr__source *source, const PgQueryError *from,
                struct sgr_error *error) {
    int offset = byte_offset(source->parsed.data, from->cursorpos);
    return sgr_error_set(error, SGR_EPARSE, "%s at column %d", from->message,
                         sgr__source_column(source, offset));
}

static const PgQuery__ResTarget *only_target(const PgQuery__ParseResult *tree) {
    if (tree->n_stmts != 1 || !tree->stmts[0]->stmt ||
        tree->stmts[0]->stmt->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
        return NULL;
    const PgQuery__SelectStmt *select = tree->stmts[0]->stmt->select_stmt;
    bool more = select->n_distinct_clause || select->into_clause || select->n_from_clause ||
                select->where_clause || select->n_group_clause || select->having_clause ||
                select->n_window_clause || select->n_values_lists || select->n_sort_clause ||
                select->limit_offset || select->limit_count || select->n_locking_clause ||
                select->with_clause || select->larg || select->rarg;
    if (more || select->n_target_list != 1 ||
        select->target_list[0]->node_case != PG_QUERY__NODE__NODE_RES_TARGET)
        return NULL;
    return select->target_list[0]->res_target;
}

int sgr__parse_init(struct sgr__parse *parse, const struct sgr__source *source,
                    struct sgr_error *error) {
    int code = 0;
    *parse = (struct sgr__parse){NULL, NULL};
    PgQueryProtobufParseResult result = pg_query_parse_protobuf(source->parsed.data);
    if (result.error)
        code = fail(source, result.error, error);
    else
        parse->tree = pg_query__parse_result__unpack(NULL, result.parse_tree.len,
                                                     (const uint8_t *)result.parse_tree.data);
    pg_query_free_protobuf_parse_result(result);
    if (code)
        return code;
    if (!parse->tree)
        return sgr_error_set(error, SGR_ENOMEM, "out of memory");
    const PgQuery__ResTarget *target = only_target(parse->tree);
    if (!target || target->n_indirection || !target->val)
        return sgr_error_set(error, SGR_EPARSE, "this is not one expression");
    /* "active AND" is a column with a label to the parser. */
    if (target->name && target->name[0])
        return sgr_error_set(error, SGR_EPARSE, "the expression does not go on behind \"%.64s\"",
                             target->name);
    parse->expression = target->val;
    return 0;
}

void sgr__parse_fini(struct sgr__parse *parse) {
    if (parse->tree)
        pg_query__parse_result__free_unpacked(parse->tree, NULL);
}

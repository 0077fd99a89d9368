// Wrong builds: each is one small edit at one place of the product, of a kind that people make. The oracle must notice every one of them.
//
// `old` stands in `file` exactly once and is replaced by `new`. When the product's code changes, the edit moves along with it; what it
// breaks stays the same. `form`: the oracle's form that is to find it, if it is not the usual one.
export const faults = [
  {
    name: 'join-reads-after',
    breaks: 'a join of two inputs that changed together meets the right side with the left as it is after the transaction: pairs of new rows count twice',
    file: 'operators/join/join.c',
    old: `        status = inputs[0].count && inputs[1].count
                     ? join_right_with_left(join, &inputs[0], &inputs[1], output)
                     : join_side(join, 1, &inputs[1], output);`,
    new: '        status = join_side(join, 1, &inputs[1], output);',
  },
  {
    name: 'lost-retraction',
    breaks: 'what an operator takes away is lost where its output is summed up',
    file: 'core/row/batch.c',
    old: `        if (items[i].weight)
            items[kept++] = items[i];`,
    new: `        if (items[i].weight > 0)
            items[kept++] = items[i];`,
  },
  {
    name: 'torn-frame',
    breaks: 'the first view that a commit changes is sent before the others, in a frame of its own',
    file: 'core/engine/publish.c',
    old: `                                number, token, error);
    if (code)`,
    new: `                                number, token, error),
        send_commit(publisher, token, time, now);
    if (code)`,
  },
  {
    name: 'array-position',
    breaks: 'JSON Patch adds a member one place too early, unless it is the first',
    file: 'core/view/json_patch.c',
    old: `    write_level(writer->out, collection->level);
    write_position(writer->out, place->to);`,
    new: `    write_level(writer->out, collection->level);
    write_position(writer->out, place->to ? place->to - 1 : 0);`,
  },
  {
    name: 'shared-across-parameters',
    breaks: 'a collection is found by its link alone, so that views with other values of a parameter show the one made first',
    file: 'core/view/collection.c',
    old: '    return level->link_count + level->parameter_count;',
    new: '    return level->link_count;',
  },
  {
    name: 'key-change-as-insert',
    breaks: 'an update that changes the key brings the row under its new key and leaves the one under the old key',
    file: 'core/graph/changes.c',
    old: '    struct sgr_netted *old = NULL;\n    const struct sgr_row *row;',
    new: `    struct sgr_netted *old = NULL;
    const struct sgr_row *row;
    if (change->old_kind == SGR_OLD_KEY)
        return fold_insert(fold, change, error);`,
  },
  {
    name: 'dropped-duplicate',
    breaks: 'a second row equal to one that a collection has is taken for the same',
    file: 'core/view/commit.c',
    old: `        code = place(at, member);
    }`,
    new: `        code = place(at, member);
    } else {
        return 0;
    }`,
  },
  {
    name: 'unchanged-as-null',
    breaks: 'a value that the log leaves out because the update did not touch it becomes null',
    file: 'core/graph/relation.c',
    old: '            fold->values[i] = sgr_row_value(schema, before, i);',
    new: '            fold->values[i] = (struct sgr_value){.type = schema->columns[i].type, .null = true};',
  },
  {
    name: 'resume-skips-a-commit',
    breaks: 'a client that comes back is taken to have one commit more than it has',
    file: 'core/engine/cursors.c',
    old: '    *ret_number = entry->number;',
    new: '    *ret_number = entry->number + 1;',
  },
  {
    name: 'window-not-refilled',
    breaks: 'when a member leaves a limited list that goes on behind its end, clients are not told of the one that moves up into it',
    file: 'core/view/edits.c',
    old: '    else if (stayed_new > stayed_old)',
    new: '    else if (stayed_new > stayed_old && now < limit)',
  },
  {
    name: 'gap-keeps-rows',
    breaks: 'rows that went while a feed without positions was away stay',
    form: '--feed',
    file: 'core/graph/snapshot.c',
    old: '        if (sgr_marks_has(&fold->seen, id_of(fold, row)))',
    new: '        if (sgr_marks_has(&fold->seen, id_of(fold, row)) || fold->lenient)',
  },
];

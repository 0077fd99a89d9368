/* Codecs: how documents and changes are written.
 *
 * A walk goes from an instance's root along what changed and hands each collection's net edits to the codec, parents first: what left, came
 * and moved in a list (`places`); which shown columns of a member that stayed differ (`fields`); and which fields of it, or the whole
 * document, are other collections altogether (`whole`). The steps say where the walk stands; positions in them are final ones.
 *
 * json-patch   RFC 6902: removals by descending old position; inserts and moves by ascending new position; then, per member by position,
 *              replaces of fields, then its levels below. Root null <-> object: replace "".
 *
 * full         the document itself, whenever something changed.
 *
 * rows         keyed edits. The document is {"keys":SPEC,"data":DOCUMENT}, DOCUMENT as json-patch's.
 *   SPEC = {"field":FIELD,"one":BOOL,"key":[FIELD…]|null,"levels":[SPEC,…]}: of the root, which has no "field", and so on down. "key" are
 *   the fields that tell a list's members apart; null if its key is not wholly shown, or if it is a bag: then members are told by position.
 *   "key" means nothing where "one" is true.
 *   Changes are an array of edits, to be applied one after the other. "at" is a PATH from the root: for each level its number among the
 *   "levels" it stands in (none for the root) and, unless the level is "one", the member: the value of its key field, or an array of them if
 *   there are several, or its position at that moment.
 *     {"at":PATH,"del":1}                      the member goes; a to-one, or a root that is one: becomes null
 *     {"at":PATH,"put":DOC,"before":KEY}       the member comes, before the one with that key (null: at the end)
 *     {"at":PATH,"move":1,"before":KEY}        the member goes before that one
 *     {"at":PATH,"put":DOC}                    by position: the member is put at it; a to-one or such a root: becomes DOC
 *     {"at":PATH,"move":1,"to":POSITION}       by position: the member is taken out and put at POSITION of what is left
 *     {"at":PATH,"set":{FIELD:VALUE,…}}        fields of a member; VALUE is all of the field, also if it is a level
 *   Within a list with keys, removals come first, then puts and moves from its end to its start, so that "before" is always there.
 *
 * Engine's thread. */
#ifndef SGR_VIEW_CODEC_H
#define SGR_VIEW_CODEC_H

#include "view/instance.h"
#include "view/render.h"

/* A member on the way down. */
struct sgr__step {
    const struct sgr__level *level;
    uint64_t position;
    struct sgr__pair pair;
};

struct sgr__writer {
    const struct sgr_codec_methods *methods;
    struct sgr_instance *instance;
    struct sgr_buffer *out;
    uint64_t from;
    bool any; /* something was written */
    struct sgr_error *error;
    size_t depth; /* steps gone down */
    struct sgr__step steps[SGR__LEVELS_DEEP];
};

struct sgr_codec_methods {
    void (*document)(struct sgr_instance *instance, struct sgr_buffer *out);
    void (*begin)(struct sgr__writer *writer);
    /* Removals and places of the list below the last step. */
    void (*places)(struct sgr__writer *writer, const struct sgr__edits *edits);
    /* The last step's member has these columns changed. */
    void (*fields)(struct sgr__writer *writer, const uint16_t *columns, size_t count);
    /* What `level` shows below the last step is this collection now (NULL: an empty one). */
    void (*whole)(struct sgr__writer *writer, const struct sgr__level *level,
                  const struct sgr__collection *collection);
    void (*end)(struct sgr__writer *writer);
};

extern const struct sgr_codec_methods sgr__json_patch, sgr__rows, sgr__full;

/* Calls the codec for what changed in (writer->from, now]. */
int sgr__walk(struct sgr__writer *writer);

#endif

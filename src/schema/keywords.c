/* Which keywords hold schemas, so that identifiers are sought only where schemas stand. See
 * schema_int.h. Pure. */
#include "schema/schema_int.h"

static const struct keyword {
    const char *name;
    xd_schema_shape shape;
    uint32_t vocabulary;
    xd_schema_shape shape_2019; /* where draft 2019-09 differs */
} keywords[] = {
    {"$defs", XD_SHAPE_MAP, XD_VOCAB_CORE, XD_SHAPE_MAP},
    {"definitions", XD_SHAPE_MAP, XD_VOCAB_CORE, XD_SHAPE_MAP},
    {"properties", XD_SHAPE_MAP, XD_VOCAB_APPLICATOR, XD_SHAPE_MAP},
    {"patternProperties", XD_SHAPE_MAP, XD_VOCAB_APPLICATOR, XD_SHAPE_MAP},
    {"dependentSchemas", XD_SHAPE_MAP, XD_VOCAB_APPLICATOR, XD_SHAPE_MAP},
    {"dependencies", XD_SHAPE_MIXED, XD_VOCAB_APPLICATOR, XD_SHAPE_MIXED},
    {"allOf", XD_SHAPE_LIST, XD_VOCAB_APPLICATOR, XD_SHAPE_LIST},
    {"anyOf", XD_SHAPE_LIST, XD_VOCAB_APPLICATOR, XD_SHAPE_LIST},
    {"oneOf", XD_SHAPE_LIST, XD_VOCAB_APPLICATOR, XD_SHAPE_LIST},
    {"prefixItems", XD_SHAPE_LIST, XD_VOCAB_APPLICATOR, XD_SHAPE_NONE},
    {"items", XD_SHAPE_SCHEMA, XD_VOCAB_APPLICATOR, XD_SHAPE_MIXED},
    {"additionalItems", XD_SHAPE_NONE, XD_VOCAB_APPLICATOR, XD_SHAPE_SCHEMA},
    {"contains", XD_SHAPE_SCHEMA, XD_VOCAB_APPLICATOR, XD_SHAPE_SCHEMA},
    {"additionalProperties", XD_SHAPE_SCHEMA, XD_VOCAB_APPLICATOR, XD_SHAPE_SCHEMA},
    {"propertyNames", XD_SHAPE_SCHEMA, XD_VOCAB_APPLICATOR, XD_SHAPE_SCHEMA},
    {"not", XD_SHAPE_SCHEMA, XD_VOCAB_APPLICATOR, XD_SHAPE_SCHEMA},
    {"if", XD_SHAPE_SCHEMA, XD_VOCAB_APPLICATOR, XD_SHAPE_SCHEMA},
    {"then", XD_SHAPE_SCHEMA, XD_VOCAB_APPLICATOR, XD_SHAPE_SCHEMA},
    {"else", XD_SHAPE_SCHEMA, XD_VOCAB_APPLICATOR, XD_SHAPE_SCHEMA},
    {"unevaluatedItems", XD_SHAPE_SCHEMA, XD_VOCAB_UNEVALUATED, XD_SHAPE_SCHEMA},
    {"unevaluatedProperties", XD_SHAPE_SCHEMA, XD_VOCAB_UNEVALUATED, XD_SHAPE_SCHEMA},
    {"contentSchema", XD_SHAPE_SCHEMA, XD_VOCAB_CONTENT, XD_SHAPE_SCHEMA},
};

xd_schema_shape xd_schema_keyword_shape(xd_str keyword, uint32_t vocabularies)
{
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++) {
        if (xd_str_eq(keyword, xd_str_from(keywords[i].name))) {
            if (!(vocabularies & keywords[i].vocabulary)) {
                return XD_SHAPE_NONE;
            }
            return vocabularies & XD_VOCAB_2019 ? keywords[i].shape_2019 : keywords[i].shape;
        }
    }
    return XD_SHAPE_NONE;
}

/* schema: receipts read and checked against a compiled JSON Schema on one core, beside reading
 * alone.
 *     bench_schema [SECONDS [SCHEMA NDJSON]]   by default a schema and receipts of its own
 *     bench_schema print SCHEMA NDJSON         prints how many are refused
 *     bench_schema rate SECONDS SCHEMA NDJSON  prints documents a second and nothing else
 *     bench_schema write DIR                   writes the schema and receipts of its own there */
#include "documents.h"

#include "measure.h"

#include "schema/schema.h"

static const char own_schema[] =
    "{\"type\":\"object\",\"additionalProperties\":false,"
    "\"required\":[\"specversion\",\"id\",\"source\",\"type\",\"time\",\"subject\",\"data\"],"
    "\"properties\":{\"specversion\":{\"const\":\"1.0\"},"
    "\"id\":{\"type\":\"string\",\"minLength\":8,\"maxLength\":64,"
    "\"pattern\":\"^[A-Za-z0-9._-]+$\"},"
    "\"source\":{\"type\":\"string\",\"pattern\":\"^urn:[a-z]+:[a-z0-9-]+$\"},"
    "\"type\":{\"const\":\"goods.receipt.confirmed\"},\"time\":{\"$ref\":\"#/$defs/utc\"},"
    "\"subject\":{\"type\":\"string\",\"pattern\":\"^GR-[0-9]{9}$\"},"
    "\"data\":{\"type\":\"object\",\"additionalProperties\":false,"
    "\"required\":[\"receipt_no\",\"purchase_order\",\"supplier\",\"site\",\"received_at\","
    "\"lines\"],\"properties\":{"
    "\"receipt_no\":{\"type\":\"string\",\"pattern\":\"^GR-[0-9]{9}$\"},"
    "\"purchase_order\":{\"type\":\"string\",\"pattern\":\"^PO-[0-9]{9,10}$\"},"
    "\"supplier\":{\"type\":\"string\",\"pattern\":\"^SUP-[0-9]{5,9}$\"},"
    "\"site\":{\"enum\":[\"EAST-01\",\"EAST-02\",\"WEST-01\",\"CENT-01\"]},"
    "\"received_at\":{\"$ref\":\"#/$defs/utc\"},\"carrier\":{\"type\":\"string\",\"maxLength\":8},"
    "\"packing_slip\":{\"type\":[\"string\",\"null\"],\"maxLength\":32},"
    "\"lines\":{\"type\":\"array\",\"minItems\":1,\"maxItems\":200,"
    "\"items\":{\"$ref\":\"#/$defs/line\"}}}}},"
    "\"$defs\":{\"utc\":{\"type\":\"string\",\"pattern\":"
    "\"^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9](\\\\.[0-9]{1,9})?Z$\"},"
    "\"date\":{\"type\":[\"string\",\"null\"],\"pattern\":\"^[0-9]{4}-[01][0-9]-[0-3][0-9]$\"},"
    "\"qty\":{\"type\":\"string\",\"pattern\":\"^[0-9]{1,12}(\\\\.[0-9]{1,6})?$\"},"
    "\"lot\":{\"type\":\"object\",\"additionalProperties\":false,"
    "\"required\":[\"lot\",\"quantity\"],"
    "\"properties\":{\"lot\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":32},"
    "\"quantity\":{\"$ref\":\"#/$defs/qty\"},\"expires\":{\"$ref\":\"#/$defs/date\"}}},"
    "\"line\":{\"type\":\"object\",\"additionalProperties\":false,"
    "\"required\":[\"line\",\"po_line\",\"item\",\"uom\",\"quantity\",\"lots\",\"damaged\","
    "\"disposition\"],\"properties\":{"
    "\"line\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":9999},"
    "\"po_line\":{\"type\":\"integer\",\"minimum\":10,\"maximum\":99990},"
    "\"item\":{\"type\":\"string\",\"pattern\":\"^SKU-[0-9]{3}-[0-9]{4}$\"},"
    "\"uom\":{\"enum\":[\"EA\",\"CS\",\"PL\",\"KG\"]},\"quantity\":{\"$ref\":\"#/$defs/qty\"},"
    "\"lots\":{\"type\":\"array\",\"maxItems\":50,\"items\":{\"$ref\":\"#/$defs/lot\"}},"
    "\"damaged\":{\"$ref\":\"#/$defs/qty\"},"
    "\"disposition\":{\"enum\":[\"stock\",\"quarantine\",\"scrap\",\"return\"]}}}}}";

static void *compile(xd_str text)
{
    xd_arena arena;
    xd_arena_init(&arena, 64 << 20);
    const xd_json *tree = NULL;
    xd_schema *schema = NULL;
    xd_fault fault = XD_FAULT_NONE;
    xd_schema_options options = {0};
    if (xd_json_parse(text, XD_JSON_LIMITS_DEFAULT, &arena, &tree, &fault) != XD_OK ||
        xd_schema_compile(tree, &options, &schema, &fault) != XD_OK) {
        bench_die("the schema: %s", fault.text);
    }
    xd_arena_finish(&arena);
    return schema;
}

static void destroy(void *schema)
{
    xd_schema_destroy(schema);
}

/* Read, and checked when there is a schema; whether it fits. */
static bool check_one(const void *schema, xd_str document, xd_arena *arena, xd_buf *out)
{
    const xd_json *tree = NULL;
    bool valid = true;
    (void)out;
    if (xd_json_parse(document, XD_JSON_LIMITS_DEFAULT, arena, &tree, NULL) != XD_OK ||
        (schema && xd_schema_check(schema, tree, &valid, NULL) != XD_OK)) {
        bench_die("%.*s cannot be read or checked", XD_FMT(document));
    }
    return valid;
}

int main(int argc, char **argv)
{
    static const bench_task task = {.name = "schema",
                                    .own = own_schema,
                                    .own_file = "schema.json",
                                    .compile = compile,
                                    .destroy = destroy,
                                    .one = check_one};
    return bench_documents(&task, argc, argv);
}

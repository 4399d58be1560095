/* The table of subcommands. See command.h. */
#include "app/command.h"

#define OPTIONS(...)                                                                               \
    (const xd_option[])                                                                            \
    {                                                                                              \
        __VA_ARGS__,                                                                               \
        {                                                                                          \
            .name = NULL                                                                           \
        }                                                                                          \
    }

#define AS_PERSON                                                                                  \
    {                                                                                              \
        "as", "PERSON", "who decides; default: your login name"                                    \
    }
#define REASON                                                                                     \
    {                                                                                              \
        "reason", "TEXT", "why; kept with the decision"                                            \
    }
#define LIMIT                                                                                      \
    {                                                                                              \
        "limit", "N", "most rows to show; default 100"                                             \
    }

const xd_command xd_commands[] = {
    {.group = "Set up",
     .name = "init",
     .arguments = "DIR",
     .min_arguments = 1,
     .max_arguments = 1,
     .help = "write a commented starter project",
     .details = "Writes crossdock.yaml into DIR, which may exist but not hold one already. The "
                "project runs as it is.",
     .run = xd_cmd_init},
    {.group = "Set up",
     .name = "check",
     .arguments = "[DIR]",
     .max_arguments = 1,
     .help = "verify a project folder and name every error",
     .details = "Reports all errors at once, each with file, line, column and the rule it breaks.",
     .options = OPTIONS({"without-secrets", NULL, "do not look up secrets (for CI)"}),
     .json = true,
     .run = xd_cmd_check},
    {.group = "Set up",
     .name = "key new",
     .arguments = "NAME",
     .min_arguments = 1,
     .max_arguments = 1,
     .help = "make a bearer key and the lines for crossdock.yaml",
     .details = "The secret is printed once and kept nowhere; crossdock.yaml holds only its hash.",
     .options = OPTIONS({"scopes", "LIST", "of events:write, read, decide, metrics; with commas"},
                        {"person", "NAME", "the person who uses the key; none for systems"}),
     .json = true,
     .run = xd_cmd_key_new},
    {.group = "Set up",
     .name = "key hash",
     .arguments = "",
     .help = "print the hash of a secret given on standard input",
     .run = xd_cmd_key_hash},
    {.group = "Set up",
     .name = "schema",
     .arguments = "[KIND]",
     .max_arguments = 1,
     .help = "print the JSON Schema of a document kind",
     .details = "Without KIND: the kinds. `crossdock schema config` prints the schema of "
                "crossdock.yaml.",
     .options = OPTIONS({"all", "DIR", "write every schema into DIR"}),
     .run = xd_cmd_schema},
    {.group = "Set up",
     .name = "schema validate",
     .arguments = "SCHEMA FILE",
     .min_arguments = 2,
     .max_arguments = 2,
     .help = "check a JSON file against a JSON Schema (2020-12)",
     .details =
         "Names every failure with line, column, the place in the document and the keyword. "
         "--json prints the draft's basic output. Exit code 1 when the file does not fit. "
         "Nothing is fetched: a $ref leads to files beside SCHEMA, or by $id into --schemas.",
     .options = OPTIONS({"schemas", "DIR", "further schemas, found by their $id"},
                        {"formats", NULL, "refuse what does not have its format"}),
     .json = true,
     .run = xd_cmd_schema_validate},
    {.group = "Set up",
     .name = "schema diff",
     .arguments = "OLD NEW",
     .min_arguments = 2,
     .max_arguments = 2,
     .help = "say whether documents of one schema version fit the other",
     .details = "Backward: NEW accepts all that OLD accepts. Forward: OLD accepts all that NEW "
                "accepts. Full: both. Every break is named with its place and reason; what cannot "
                "be decided counts as a break. Exit code 1 when the verdict asked for is missed.",
     .options = OPTIONS({"require", "VERDICT", "backward (default), forward, full or none"},
                        {"schemas", "DIR", "further schemas, found by their $id"}),
     .json = true,
     .run = xd_cmd_schema_diff},
    {.group = "Verify",
     .name = "schema test",
     .arguments = "DIR",
     .min_arguments = 1,
     .max_arguments = 1,
     .help = "run the official JSON Schema test suite in a folder",
     .details = "Names each case that fails. Cases in folders named \"optional\" are listed and do "
                "not count. Exit code 1 when a required case fails.",
     .options = OPTIONS({"remotes", "DIR", "documents that the suite expects at localhost:1234"},
                        {"required", NULL, "leave the optional cases out"}),
     .run = xd_cmd_schema_test},
    {.group = "Maps",
     .name = "map run",
     .arguments = "MAP FILE",
     .min_arguments = 2,
     .max_arguments = 2,
     .help = "apply a map (JSONata) to a JSON file and print the result",
     .details = "FILE may be - for standard input. A map that goes wrong is named with file, line "
                "and column. With --each or --by FILE is NDJSON of any length, and so is what is "
                "printed: a line for each result, one for each item of an array, none for nothing. "
                "A record that fails is named with its line and left out; the exit code is then 1. "
                "docs/mapping.md describes the language.",
     .options = OPTIONS({"each", NULL, "apply it to every line of FILE by itself"},
                        {"by", "EXPRESSION",
                         "apply it to neighbouring lines for which the expression gives the same, "
                         "as an array"}),
     .run = xd_cmd_map_run},
    {.group = "Maps",
     .name = "map explain",
     .arguments = "MAP [FILE]",
     .min_arguments = 1,
     .max_arguments = 2,
     .help = "show which source field feeds which target field of a map",
     .details = "Read off the map without running it. ROLE tells whether a field gives the value, "
                "decides a condition, filters, orders or names; VIA the functions it passes; AT "
                "line and column in MAP. With FILE, SAMPLE shows what the source field holds "
                "there.",
     .json = true,
     .run = xd_cmd_map_explain},
    {.group = "Maps",
     .name = "map new",
     .arguments = "",
     .help = "draft a map from a sample to a document kind",
     .details = "Looks for each member of the document among the members of the sample and writes "
                "a map with its guesses, the open ones marked with ?. What the draft still lacks "
                "is said on stderr. --to takes a kind or its last word, such as receipt.",
     .options =
         OPTIONS({"from", "FILE", "the sample: .json, .csv, .xml or .ndjson"},
                 {"layout", "FILE", "layout of the sample; default: by its name"},
                 {"to", "KIND", "the kind that the map makes; `crossdock schema` lists them"}),
     .run = xd_cmd_map_new},
    {.group = "Maps",
     .name = "map test",
     .arguments = "[DIR]",
     .max_arguments = 1,
     .help = "run golden pairs beside maps, or a suite, and name every case that fails",
     .details = "DIR, and the folders in it, have maps NAME.jsonata and beside each its pairs: an "
                "input NAME.CASE.in.EXT (.json, .csv, .xml, .ndjson; other forms by "
                "NAME.layout.json), what comes of it in NAME.CASE.out.EXT, empty for nothing, and "
                "parts of the faults that are expected in NAME.CASE.faults, one a line. "
                "NAME.test.json says what the map is for: {\"to\": KIND} of what comes in (with "
                "\"by\" and \"time\" as of a source; what it makes is then checked as that kind), "
                "{\"from\": MESSAGE} of what goes out. Codes for $xref and $uom are in xref.csv of "
                "the folder or of those around it, those of one case in NAME.CASE.xref.csv. The "
                "folder of --suite has groups/NAME/*.json with the cases and datasets/ with their "
                "inputs, as the JSONata project has them. Cases that differ on purpose "
                "(docs/mapping.md) are listed and do not count. Exit code 1 when a case fails.",
     .options = OPTIONS({"suite", "DIR", "folder of the suite"},
                        {"at", "TIME", "$now() in the pairs; default 2026-01-01T00:00:00Z"},
                        {"write", NULL, "write what comes of inputs that stand alone"}),
     .run = xd_cmd_map_test},
    {.group = "Set up",
     .name = "completion",
     .arguments = "bash",
     .min_arguments = 1,
     .max_arguments = 1,
     .help = "print completion for your shell",
     .details = "Add to ~/.bashrc: source <(crossdock completion bash)",
     .run = xd_cmd_completion},
    {.group = "Run",
     .name = "run",
     .arguments = "",
     .help = "run the hub until SIGTERM or Ctrl-C",
     .details = "SIGHUP takes changed keys, or says what would need a restart. SIGTERM finishes "
                "what is under way (hub.drain_ms).",
     .run = xd_cmd_run},
    {.group = "Run",
     .name = "import",
     .arguments = "FILE...",
     .min_arguments = 1,
     .max_arguments = 64,
     .help = "append a file of events (NDJSON, JSON or gzip of them), or of a source's records",
     .details =
         "Safe to repeat: what is in the log already changes nothing, and an import that was "
         "cut short goes on where it stopped. With --source the file is in the words of "
         "that source (CSV, XML, ... by its layout) and is mapped by its map.",
     .options = OPTIONS({"source", "NAME", "the source of crossdock.yaml whose map applies"},
                        {"no-resume", NULL, "start afresh and leave no trace beside the file"}),
     .json = true,
     .run = xd_cmd_import},
    {.group = "Look",
     .name = "status",
     .arguments = "",
     .help = "what runs, waits, is held or failed",
     .json = true,
     .run = xd_cmd_status},
    {.group = "Look",
     .name = "trace",
     .arguments = "DOCUMENT",
     .min_arguments = 1,
     .max_arguments = 1,
     .help = "timeline of a document over all systems",
     .details = "DOCUMENT is any number a person has at hand: of an order, receipt, invoice, "
                "journal entry or ship notice.",
     .json = true,
     .run = xd_cmd_trace},
    {.group = "Look",
     .name = "raw",
     .arguments = "HASH",
     .min_arguments = 1,
     .max_arguments = 1,
     .help = "the bytes that a document was mapped from, as they were received",
     .details = "HASH, or its first 8 digits or more, is what `crossdock trace` shows behind from.",
     .run = xd_cmd_raw},
    {.group = "Look",
     .name = "match explain",
     .arguments = "INVOICE",
     .min_arguments = 1,
     .max_arguments = 1,
     .help = "how an invoice was matched, with every number and limit",
     .json = true,
     .run = xd_cmd_match_explain},
    {.group = "Look",
     .name = "hold list",
     .arguments = "",
     .help = "holds on invoices",
     .options = OPTIONS({"all", NULL, "released ones too"}, LIMIT),
     .json = true,
     .run = xd_cmd_hold_list},
    {.group = "Look",
     .name = "parked list",
     .arguments = "",
     .help = "documents that wait for an order, a master or a code",
     .options = OPTIONS(LIMIT),
     .json = true,
     .run = xd_cmd_parked_list},
    {.group = "Look",
     .name = "exception list",
     .arguments = "",
     .help = "documents that a person must look at",
     .options = OPTIONS({"all", NULL, "settled ones too"}, LIMIT),
     .json = true,
     .run = xd_cmd_exception_list},
    {.group = "Look",
     .name = "dlq list",
     .arguments = "",
     .help = "deliveries that failed for good or stopped as unknown",
     .options = OPTIONS({"system", "NAME", "only of this system"}, LIMIT),
     .json = true,
     .run = xd_cmd_dlq_list},
    {.group = "Look",
     .name = "dlq show",
     .arguments = "ID",
     .min_arguments = 1,
     .max_arguments = 1,
     .help = "one dead letter with its body",
     .json = true,
     .run = xd_cmd_dlq_show},
    {.group = "Look",
     .name = "report",
     .arguments = "NAME",
     .min_arguments = 1,
     .max_arguments = 1,
     .help = "a report as CSV: p2p-controls",
     .run = xd_cmd_report},
    {.group = "Look",
     .name = "journal export",
     .arguments = "",
     .help = "the journal for another program",
     .options = OPTIONS({"format", "NAME", "hledger (default) or json, one entry a line"}),
     .run = xd_cmd_journal_export},
    {.group = "Decide",
     .name = "hold release",
     .arguments = "ID",
     .min_arguments = 1,
     .max_arguments = 1,
     .help = "release a hold",
     .details = "Never by the person who entered the invoice or caused the hold. The hub must run.",
     .options = OPTIONS(REASON, AS_PERSON),
     .json = true,
     .run = xd_cmd_hold_release},
    {.group = "Decide",
     .name = "dlq retry",
     .arguments = "ID...",
     .min_arguments = 1,
     .max_arguments = 64,
     .help = "send dead letters again",
     .details =
         "What a map makes is made by the map of now, unless the system may have seen it: then it "
         "goes as it was.",
     .options = OPTIONS(REASON, AS_PERSON,
                        {"anew", NULL, "made by the map of now, whatever the system has seen"}),
     .json = true,
     .run = xd_cmd_dlq_retry},
    {.group = "Decide",
     .name = "dlq drop",
     .arguments = "ID...",
     .min_arguments = 1,
     .max_arguments = 64,
     .help = "give dead letters up",
     .options = OPTIONS(REASON, AS_PERSON),
     .json = true,
     .run = xd_cmd_dlq_drop},
    {.group = "Codes",
     .name = "xref import",
     .arguments = "FILE",
     .min_arguments = 1,
     .max_arguments = 1,
     .help = "bring codes from a CSV file into the hub",
     .details = "FILE (- for standard input) has the columns table, system, code, value, and may "
                "have valid_from, valid_to and delete. It is compared with what the hub knows and "
                "only what differs is sent; what FILE does not name stays as it is. When any row "
                "is wrong nothing is sent. Exit code 4: somebody else changed a code at the same "
                "moment. The hub must run. docs/crosswalks.md describes it all.",
     .options = OPTIONS({"table", "NAME", "the table of all rows"},
                        {"system", "NAME", "the system of all rows"},
                        {"layout", "FILE", "how the file looks (docs/formats.md); default CSV"},
                        {"dry-run", NULL, "send nothing, print what would change"},
                        {"partial", NULL, "send good rows though others are wrong"}, AS_PERSON),
     .json = true,
     .run = xd_cmd_xref_import},
    {.group = "Codes",
     .name = "xref set",
     .arguments = "TABLE SYSTEM CODE VALUE",
     .min_arguments = 4,
     .max_arguments = 4,
     .help = "say what one code means; what waits for it goes on",
     .details = "An entry that begins at the same moment is corrected. The hub must run.",
     .options = OPTIONS({"from", "DATE", "first day or instant (UTC); default: since ever"},
                        {"to", "DATE", "last day, or the instant at which it ends"}, AS_PERSON),
     .json = true,
     .run = xd_cmd_xref_set},
    {.group = "Codes",
     .name = "xref unset",
     .arguments = "TABLE SYSTEM CODE",
     .min_arguments = 3,
     .max_arguments = 3,
     .help = "take an entry of a code back; nothing that was mapped changes",
     .options =
         OPTIONS({"from", "DATE", "the entry that begins then; default: since ever"}, AS_PERSON),
     .json = true,
     .run = xd_cmd_xref_unset},
    {.group = "Codes",
     .name = "xref list",
     .arguments = "[TABLE [SYSTEM]]",
     .max_arguments = 2,
     .help = "codes and what they mean",
     .options = OPTIONS({"code", "CODE", "only this one"},
                        {"at", "DATE", "only what is in force on this day or instant"},
                        {"csv", NULL, "all of them, as `xref import` reads them"},
                        {"cursor", "ID", "go on behind this code"}, LIMIT),
     .json = true,
     .run = xd_cmd_xref_list},
    {.group = "Codes",
     .name = "xref missing",
     .arguments = "[TABLE [SYSTEM]]",
     .max_arguments = 2,
     .help = "codes that documents and deliveries wait for",
     .details = "A document waits for one code at a time: the first that its map does not find.",
     .options = OPTIONS({"cursor", "ID", "go on behind this code"}, LIMIT),
     .json = true,
     .run = xd_cmd_xref_missing},
    {.group = "Transform",
     .name = "format read",
     .arguments = "LAYOUT [FILE]",
     .min_arguments = 1,
     .max_arguments = 2,
     .help = "print the records of a CSV, fixed-width, XML or JSON file as NDJSON",
     .details = "LAYOUT is JSON or YAML that says how the file looks; docs/formats.md lists its "
                "members. Without FILE, or with -, standard input is read. A record with a bad "
                "value is named on stderr with line, column and member, and left out; exit code 1 "
                "then.",
     .run = xd_cmd_format_read},
    {.group = "Transform",
     .name = "format write",
     .arguments = "LAYOUT [FILE]",
     .min_arguments = 1,
     .max_arguments = 2,
     .help = "print records (NDJSON) as a CSV, fixed-width, XML or JSON file",
     .details = "The reverse of `crossdock format read` by the same LAYOUT. A record that the "
                "layout cannot hold is named on stderr and left out; exit code 1 then.",
     .run = xd_cmd_format_write},
    {.group = "Verify",
     .name = "replay",
     .arguments = "",
     .help = "rebuild state from the log in memory",
     .details =
         "With --verify: compares it with the stored state; exit code 1 when they differ. With "
         "--map MAP@NEW --since T --dry-run --diff: shows what another text of a map would have "
         "done to past documents: by field, in what became of them, in holds, in deliveries, and "
         "in money by account. MAP is the name of a map of what comes in, NEW a file or the first "
         "digits of the hash of an earlier version. Exit code 0: no difference, 1: some, 2 or "
         "more: it could not be told. Works beside the hub or without it, and writes nothing.",
     .options =
         OPTIONS({"verify", NULL, "compare it with the stored state"},
                 {"map", "MAP@NEW", "replay with this text in place of the map's"},
                 {"since", "T", "documents recorded from this date (UTC) or instant on; else all"},
                 {"dry-run", NULL, "with --map, demanded: nothing is changed"},
                 {"diff", NULL, "with --map, demanded: show the differences"},
                 {"limit", "N",
                  "with --map: events to show, default 50, with --json all; all are counted"}),
     .json = true,
     .run = xd_cmd_replay},
    {.group = "Verify",
     .name = "verify",
     .arguments = "[DIR]",
     .max_arguments = 1,
     .help = "check every byte of a database or a backup",
     .details =
         "DIR is a backup, a data directory or a project; without it, the project's data. Checks "
         "the checksum of every page, trees and indexes, the log, the journal's chain, and state "
         "against a replay; a backup also against its manifest. Names each damaged page with its "
         "table and rows. Exit code 1 when anything is damaged. The hub may run meanwhile, but "
         "its write-ahead log grows until verify is done: better verify a backup.",
     .json = true,
     .run = xd_cmd_verify},
    {.group = "Keep",
     .name = "backup",
     .arguments = "DIR",
     .min_arguments = 1,
     .max_arguments = 1,
     .help = "copy the database into a new folder while the hub runs",
     .details =
         "DIR must not exist, or be empty: a backup never overwrites. It appears under its name "
         "only when it is whole and on disk (until then DIR.partial), and holds the database and "
         "a manifest with sizes, SHA-256, log head and state hash. Both are for their owner only. "
         "A damaged page makes the backup fail, not lie. crossdock.yaml and secrets are not in "
         "it.",
     .json = true,
     .run = xd_cmd_backup},
    {.group = "Keep",
     .name = "restore",
     .arguments = "BACKUP DIR",
     .min_arguments = 2,
     .max_arguments = 2,
     .help = "put a backup into a data directory",
     .details =
         "DIR is the data directory (hub.data), not the project. The manifest is verified first. "
         "Never into a directory that a hub uses. Prints what will be sent again.",
     .options = OPTIONS(
         {"force", NULL, "DIR is not empty: move its database into DIR/before-restore-..."}),
     .json = true,
     .run = xd_cmd_restore},
    {.group = "Help",
     .name = "help",
     .arguments = "[TOPIC]",
     .max_arguments = 2,
     .help = "explain a command, `config` (all settings) or `exit-codes`",
     .run = xd_cmd_help},
    {.name = NULL},
};

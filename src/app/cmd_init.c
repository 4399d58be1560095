/* `crossdock init`: a starter project that runs as it is and explains itself. */
#include "app/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static const char starter[] =
    "# One hub. `crossdock check` verifies this file, `crossdock help config` lists every "
    "setting.\n"
    "hub:\n"
    "  name: hub\n"
    "  listen: 127.0.0.1:8080\n"
    "  data: data                  # the database and the control socket; back up this folder\n"
    "\n"
    "# What the company's answers depend on; docs/definition.md explains each rule. A change here "
    "is\n"
    "# an event in the log and holds from there on.\n"
    "flow:\n"
    "  company: main\n"
    "  currency: USD\n"
    "  accounts:                   # a role that is absent posts to an account of its own name\n"
    "    INV: 1310-00\n"
    "    GRNI: 2110-00\n"
    "    AP: 2000-00\n"
    "  match:\n"
    "    level: 3                  # 2: price and ordered quantity; 3: received quantity too\n"
    "  require: []                 # orders wait for these masters: item, supplier, site\n"
    "  tolerances:                 # an absent side is not checked; 0 allows nothing\n"
    "    price: {upper_percent: 2}\n"
    "    quantity_ordered: {upper_percent: 0}\n"
    "    quantity_received: {upper_percent: 0}\n"
    "    over_receipt: {upper_percent: 5}\n"
    "  rounding_cap: 0.05          # larger differences in an invoice's total hold it\n"
    "\n"
    "# Who may call the hub. `crossdock key new wms --scopes events:write` prints a secret once, "
    "and\n"
    "# the lines to put here.\n"
    "keys: {}\n"
    "\n"
    "# Folders watched for files of events.\n"
    "sources: {}\n"
    "#  edi:\n"
    "#    folder: inbox/edi\n"
    "#    pattern: '*.ndjson'\n"
    "\n"
    "# Systems that the hub delivers to, each under its own limits.\n"
    "systems: {}\n"
    "#  erp:\n"
    "#    url: https://erp.example.com/api\n"
    "#    receives: [inventory]\n"
    "#    authorization: {secret_file: secrets/erp.authorization}   # holds: Bearer ...\n"
    "#    concurrency: 8\n"
    "#    rate_per_s: 50\n"
    "#  finance:\n"
    "#    url: https://finance.example.com/api\n"
    "#    receives: [journal, invoice_status]\n";

int xd_cmd_init(xd_cli *cli)
{
    const char *folder = cli->arguments[0];
    char path[1024];
    if (snprintf(path, sizeof path, "%s/" XD_CONFIG_FILE, folder) >= (int)sizeof path) {
        return xd_cli_say(XD_EXIT_FAILED, "the path of %s is too long", folder);
    }
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        return xd_cli_say(XD_EXIT_FAILED, "cannot make %s: %s", folder, strerror(errno));
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        bool exists = errno == EEXIST;
        return xd_cli_say(exists ? XD_EXIT_CONFLICT : XD_EXIT_FAILED, "cannot write %s: %s%s", path,
                          strerror(errno), exists ? "; it was left as it is" : "");
    }
    size_t length = sizeof starter - 1;
    bool good = write(fd, starter, length) == (ssize_t)length;
    good = close(fd) == 0 && good;
    if (!good) {
        return xd_cli_say(XD_EXIT_FAILED, "cannot write %s: %s", path, strerror(errno));
    }
    printf("Wrote %s. Next:\n"
           "  crossdock -C %s key new wms --scopes events:write   # put its lines under keys:\n"
           "  crossdock -C %s check\n"
           "  crossdock -C %s run\n",
           path, folder, folder, folder);
    return XD_EXIT_OK;
}

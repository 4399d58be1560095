/* The file layer between SQLite and the operating system that seals every page of a database file
 * with a checksum when it is written there, and checks it when it is read. What goes into a
 * write-ahead log it writes in few large pieces. Private to src/store. */
#ifndef XD_STORE_SQLITE_VFS_H
#define XD_STORE_SQLITE_VFS_H

#include <sqlite3.h>

/* Name for sqlite3_open_v2. */
#define XD_SQLITE_VFS "crossdock"

/* Registers the layer; it passes everything to the default VFS. SQLite's result code. Call once. */
int xd_sqlite_vfs_register(void);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * json_memory: jansson's memory, wiped when it is freed.
 *
 * Tokens, and the codes that are exchanged for them, pass as JSON. jansson copies texts while it
 * reads and writes them, where nobody else can reach the copies.
 */
#ifndef DAEMON_JSON_MEMORY_H
#define DAEMON_JSON_MEMORY_H

/* From now on. Before the first JSON and the second thread; again is harmless. */
void json_memory_init(void);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * conf_storage: the texts that a struct conf points to; all of them live as long as it does.
 */
#ifndef CONF_CONF_STORAGE_H
#define CONF_CONF_STORAGE_H

struct conf_storage;

/* NULL: no memory. */
struct conf_storage *conf_storage_new(void);
void conf_storage_free(struct conf_storage **storage);

/* A text that the storage owns, or NULL: no memory. */
__attribute__((format(printf, 2, 3))) const char *conf_storage_print(struct conf_storage *storage,
								     const char *format, ...);

#endif

/* SPDX-License-Identifier: ISC */
/*
 * conf_table_account: the rows of an account's settings. conf_table.c has those of the file and of
 * listeners, and puts them together; nobody else needs to know that there are two parts.
 */
#ifndef CONF_CONF_TABLE_ACCOUNT_H
#define CONF_CONF_TABLE_ACCOUNT_H

#include "conf/conf_row.h"

extern const struct conf_row conf_table_account[];
extern const size_t conf_table_account_count;

#endif

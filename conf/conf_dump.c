/* SPDX-License-Identifier: ISC */
#include "conf/conf.h"

#include <string.h>

#include "conf/conf_table.h"

/* Where a dump or a sample has got to. */
struct conf_printer {
	FILE *out;
	int depth;
	const char *group; /* the group that is open, or NULL */
};

static void print_indent(const struct conf_printer *printer)
{
	for (int i = 0; i < printer->depth; i++)
		(void)fputs("    ", printer->out);
}

/* Only these two mean something to libconfig's scanner; control characters never get in. */
static void print_string(const struct conf_printer *printer, const char *text)
{
	(void)fputc('"', printer->out);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			(void)fputc('\\', printer->out);
		(void)fputc(*text, printer->out);
	}
	(void)fputc('"', printer->out);
}

static void close_group(struct conf_printer *printer)
{
	if (printer->group == NULL)
		return;
	printer->group = NULL;
	printer->depth--;
	print_indent(printer);
	(void)fputs("};\n", printer->out);
}

static bool is_open(const struct conf_printer *printer, const char *group)
{
	if (printer->group == NULL || group == NULL)
		return printer->group == group;
	return strcmp(printer->group, group) == 0;
}

static void open_group(struct conf_printer *printer, const char *group)
{
	if (group == NULL || is_open(printer, group))
		return;
	print_indent(printer);
	(void)fprintf(printer->out, "%s = {\n", group);
	printer->group = group;
	printer->depth++;
}

static void dump_scope(struct conf_printer *printer, enum conf_scope scope, const void *object);

static void dump_list(struct conf_printer *printer, const struct conf_row *row, const void *object)
{
	const void *elements;
	size_t count = conf_row_list(row, object, &elements);

	(void)fprintf(printer->out, "%s = (%s", row->name, count == 0 ? "" : "\n");
	for (size_t i = 0; i < count; i++) {
		printer->depth++;
		print_indent(printer);
		(void)fputs("{\n", printer->out);
		printer->depth++;
		dump_scope(printer, row->element_scope,
			   (const char *)elements + i * row->element_size);
		printer->depth--;
		print_indent(printer);
		(void)fputs(i + 1 < count ? "},\n" : "}\n", printer->out);
		printer->depth--;
	}
	if (count > 0)
		print_indent(printer);
	(void)fputs(");\n", printer->out);
}

static void dump_value(struct conf_printer *printer, const struct conf_row *row, const void *object)
{
	switch (row->kind) {
	case CONF_HASH:
		print_string(printer, "***");
		break;
	case CONF_TEXT:
	case CONF_UTF8:
	case CONF_USER:
	case CONF_PATH:
	case CONF_ADDRESS:
	case CONF_HOST:
		print_string(printer, conf_row_text(row, object));
		break;
	case CONF_INTEGER:
		(void)fprintf(printer->out, "%d", conf_row_number(row, object));
		break;
	case CONF_BOOLEAN:
		(void)fputs(conf_row_number(row, object) != 0 ? "true" : "false", printer->out);
		break;
	case CONF_WORD:
		print_string(printer, conf_row_word(row, conf_row_number(row, object)));
		break;
	case CONF_LIST:
		break;
	}
}

static void dump_scope(struct conf_printer *printer, enum conf_scope scope, const void *object)
{
	for (const struct conf_row *row = conf_table_next(NULL); row != NULL;
	     row = conf_table_next(row)) {
		if (row->scope != scope || !conf_row_applies(row, object) ||
		    (conf_row_is_text(row) && conf_row_text(row, object) == NULL))
			continue;
		if (!is_open(printer, row->group))
			close_group(printer);
		open_group(printer, row->group);
		print_indent(printer);
		if (row->kind == CONF_LIST) {
			dump_list(printer, row, object);
			continue;
		}
		(void)fprintf(printer->out, "%s = ", row->name);
		dump_value(printer, row, object);
		(void)fputs(";\n", printer->out);
	}
	close_group(printer);
}

bool conf_dump(const struct conf *conf, FILE *out)
{
	struct conf_printer printer = { .out = out };

	dump_scope(&printer, CONF_SCOPE_FILE, conf);
	return fflush(out) == 0 && !ferror(out);
}

/* What it is, what it may be, and what it is if nobody says. */
static void sample_comment(const struct conf_printer *printer, const struct conf_row *row)
{
	print_indent(printer);
	(void)fprintf(printer->out, "# %s\n", row->help);
	if (row->kind == CONF_WORD) {
		print_indent(printer);
		(void)fputs("# One of: ", printer->out);
		for (const struct conf_word *word = row->words; word->text != NULL; word++)
			(void)fprintf(printer->out, "%s%s", word->text,
				      word[1].text == NULL ? ".\n" : ", ");
	} else if (row->kind == CONF_INTEGER) {
		print_indent(printer);
		(void)fprintf(printer->out, "# From %d to %d.\n", row->min, row->max);
	}
	if (row->computed != NULL) {
		print_indent(printer);
		(void)fprintf(printer->out, "# Default: %s.\n", row->computed);
	}
}

static void sample_value(const struct conf_printer *printer, const struct conf_row *row)
{
	const char *quote = row->kind == CONF_INTEGER || row->kind == CONF_BOOLEAN ? "" : "\"";

	if (row->example != NULL)
		(void)fprintf(printer->out, "%s%s%s", quote, row->example, quote);
	else if (row->kind == CONF_INTEGER)
		(void)fprintf(printer->out, "%d", row->default_number);
	else if (row->kind == CONF_BOOLEAN)
		(void)fputs(row->default_number != 0 ? "true" : "false", printer->out);
	else
		print_string(printer, row->kind == CONF_WORD
					      ? conf_row_word(row, row->default_number)
					      : row->default_text);
}

static void sample_scope(struct conf_printer *printer, enum conf_scope scope);

/* With one element. */
static void sample_list(struct conf_printer *printer, const struct conf_row *row)
{
	(void)fprintf(printer->out, "%s = (\n", row->name);
	printer->depth++;
	print_indent(printer);
	(void)fputs("{\n", printer->out);
	printer->depth++;
	sample_scope(printer, row->element_scope);
	printer->depth--;
	print_indent(printer);
	(void)fputs("}\n", printer->out);
	printer->depth--;
	print_indent(printer);
	(void)fputs(");\n", printer->out);
}

static void sample_scope(struct conf_printer *printer, enum conf_scope scope)
{
	bool first = true;

	for (const struct conf_row *row = conf_table_next(NULL); row != NULL;
	     row = conf_table_next(row)) {
		if (row->scope != scope)
			continue;
		if (!is_open(printer, row->group))
			close_group(printer);
		if (!first)
			(void)fputc('\n', printer->out);
		first = false;
		open_group(printer, row->group);
		sample_comment(printer, row);
		print_indent(printer);
		if (row->kind == CONF_LIST) {
			sample_list(printer, row);
			continue;
		}
		(void)fprintf(printer->out, "%s%s = ", row->required ? "" : "#", row->name);
		sample_value(printer, row);
		(void)fputs(";\n", printer->out);
	}
	close_group(printer);
}

bool conf_sample(FILE *out)
{
	struct conf_printer printer = { .out = out };

	(void)fputs("# packetboat.conf: see packetboat.conf(5).\n"
		    "# Lines that begin with # show defaults, or examples where there is none.\n\n",
		    out);
	sample_scope(&printer, CONF_SCOPE_FILE);
	return fflush(out) == 0 && !ferror(out);
}

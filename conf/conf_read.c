/* SPDX-License-Identifier: ISC */
#include "conf/conf_read.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf_storage.h"
#include "conf/conf_table.h"

/* The longest path is that of an unknown name; the rest of it is not worth showing. */
enum { SETTING_MAX = 160 };

static const char credentials[] = "$CREDENTIALS_DIRECTORY";

struct conf_reader {
	struct conf *conf;
	const char *directory;
	const struct conf_report *report;
};

/* One struct that is being filled. */
struct conf_target {
	enum conf_scope scope;
	const char *group; /* or NULL */
	void *object;
	const config_setting_t **seen; /* by the row's index; NULL: it is not there */
};

static bool read_members(struct conf_reader *reader, config_setting_t *members,
			 struct conf_target target);

/* accounts[1].imap.port */
static void setting_path(const config_setting_t *setting, char path_r[SETTING_MAX])
{
	path_r[0] = '\0';
	if (config_setting_is_root(setting))
		return;
	setting_path(config_setting_parent(setting), path_r);
	size_t used = strlen(path_r);
	if (config_setting_name(setting) == NULL)
		(void)snprintf(path_r + used, SETTING_MAX - used, "[%d]",
			       config_setting_index(setting));
	else
		(void)snprintf(path_r + used, SETTING_MAX - used, "%s%s", used > 0 ? "." : "",
			       config_setting_name(setting));
}

/* Always false. */
__attribute__((format(printf, 3, 4))) static bool
fail(const struct conf_reader *reader, const config_setting_t *setting, const char *format, ...)
{
	char path[SETTING_MAX];
	char text[512];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	setting_path(setting, path);
	return conf_report_error(reader->report, config_setting_source_line(setting), path, "%s",
				 text);
}

static bool fail_memory(const struct conf_reader *reader)
{
	return conf_report_error(reader->report, 0, NULL, "out of memory");
}

static bool read_path(struct conf_reader *reader, const config_setting_t *setting, const char *text,
		      const char **path_r)
{
	size_t len = sizeof(credentials) - 1;

	if (strncmp(text, credentials, len) == 0 && text[len] == '/') {
		const char *directory = getenv(credentials + 1);
		if (directory == NULL || *directory == '\0')
			return fail(reader, setting,
				    "%s is not set: the service has no credentials", credentials);
		*path_r = conf_storage_print(reader->conf->storage, "%s%s", directory, text + len);
	} else if (*text == '/') {
		*path_r = conf_storage_print(reader->conf->storage, "%s", text);
	} else {
		*path_r =
			conf_storage_print(reader->conf->storage, "%s/%s", reader->directory, text);
	}
	return *path_r != NULL || fail_memory(reader);
}

static bool read_text(struct conf_reader *reader, config_setting_t *setting,
		      const struct conf_row *row, void *object)
{
	const char *text = config_setting_get_string(setting);
	const char *stored = NULL;

	if (text == NULL)
		return fail(reader, setting, "must be a string in double quotes");
	const char *reason = conf_row_check_text(row, text);
	if (reason != NULL)
		return fail(reader, setting, "%s", reason);
	if (row->kind == CONF_PATH) {
		if (!read_path(reader, setting, text, &stored))
			return false;
	} else {
		stored = conf_storage_print(reader->conf->storage, "%s", text);
		if (stored == NULL)
			return fail_memory(reader);
	}
	conf_row_set_text(row, object, stored);
	return true;
}

static bool read_integer(struct conf_reader *reader, config_setting_t *setting,
			 const struct conf_row *row, void *object)
{
	int type = config_setting_type(setting);
	char path[SETTING_MAX];

	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
		return fail(reader, setting, "must be a whole number%s",
			    type == CONFIG_TYPE_STRING ? ", without quotes" : "");
	/* libconfig keeps only the low bits of longer ones. */
	if (config_setting_get_format(setting) != CONFIG_FORMAT_DEFAULT)
		return fail(reader, setting, "must be written in decimal");
	long long number = type == CONFIG_TYPE_INT ? config_setting_get_int(setting)
						   : config_setting_get_int64(setting);
	if (number < row->min || number > row->max)
		return fail(reader, setting, "must be between %d and %d, is %lld", row->min,
			    row->max, number);
	if (number < row->advised_min) {
		setting_path(setting, path);
		conf_report_warning(reader->report, config_setting_source_line(setting), path,
				    "%lld is below %d, the minimum of %s", number, row->advised_min,
				    row->advised_by);
	}
	conf_row_set_number(row, object, (int)number);
	return true;
}

static bool read_boolean(struct conf_reader *reader, config_setting_t *setting,
			 const struct conf_row *row, void *object)
{
	if (config_setting_type(setting) != CONFIG_TYPE_BOOL)
		return fail(reader, setting, "must be true or false");
	conf_row_set_number(row, object, config_setting_get_bool(setting));
	return true;
}

static bool read_word(struct conf_reader *reader, config_setting_t *setting,
		      const struct conf_row *row, void *object)
{
	const char *text = config_setting_get_string(setting);
	char words[128] = ""; /* more than any row has */

	for (const struct conf_word *word = row->words; word->text != NULL; word++) {
		if (text != NULL && strcmp(word->text, text) == 0) {
			conf_row_set_number(row, object, word->value);
			return true;
		}
		size_t used = strlen(words);
		const char *between = used == 0 ? "" : word[1].text == NULL ? " or " : ", ";
		(void)snprintf(words + used, sizeof(words) - used, "%s\"%s\"", between, word->text);
	}
	return fail(reader, setting, "must be %s", words);
}

/* Everything required is there. `holder` is cited where something is not. */
static bool check_required(struct conf_reader *reader, const config_setting_t *holder,
			   const struct conf_target *target)
{
	char path[SETTING_MAX];
	char name[CONF_TABLE_NAME_MAX];

	for (const struct conf_row *row = conf_table_next(NULL); row != NULL;
	     row = conf_table_next(row)) {
		if (row->scope != target->scope || !row->required ||
		    target->seen[conf_table_index(row)] != NULL ||
		    (row->excused != NULL && row->excused(target->object)))
			continue;
		setting_path(holder, path);
		size_t used = strlen(path);
		(void)snprintf(path + used, sizeof(path) - used, "%s%s", used > 0 ? "." : "",
			       conf_table_path(row, name));
		/* The file itself has no line; what it lacks is missing from its first. */
		unsigned line = config_setting_source_line(holder);
		return conf_report_error(reader->report, line > 0 ? line : 1, path, "is required");
	}
	return true;
}

/* Nothing is there that would be looked at in vain. */
static bool check_applies(struct conf_reader *reader, const struct conf_target *target)
{
	for (const struct conf_row *row = conf_table_next(NULL); row != NULL;
	     row = conf_table_next(row)) {
		const config_setting_t *setting = target->seen[conf_table_index(row)];
		if (setting != NULL && !conf_row_applies(row, target->object))
			return fail(reader, setting, "has no use without %s", row->applies_with);
	}
	return true;
}

/* All members of one struct: those at `members` and those in groups. */
static bool read_struct(struct conf_reader *reader, config_setting_t *members,
			enum conf_scope scope, void *object)
{
	struct conf_target target = { .scope = scope, .object = object };
	bool fine;

	target.seen = calloc(conf_table_count(), sizeof(*target.seen));
	if (target.seen == NULL)
		return fail_memory(reader);
	fine = read_members(reader, members, target) && check_required(reader, members, &target) &&
	       check_applies(reader, &target);
	free(target.seen);
	return fine;
}

/* The structs of a list have their line in front, for messages about several of their settings. */
static void set_line(enum conf_scope scope, void *object, unsigned line)
{
	switch (scope) {
	case CONF_SCOPE_FILE:
		break;
	case CONF_SCOPE_LISTENER:
		((struct conf_listener *)object)->line = line;
		break;
	case CONF_SCOPE_ACCOUNT:
		((struct conf_account *)object)->line = line;
		break;
	}
}

static bool read_list(struct conf_reader *reader, config_setting_t *setting,
		      const struct conf_row *row, void *object)
{
	if (!config_setting_is_list(setting))
		return fail(reader, setting, "must be a list of groups: ( { ... }, { ... } )");
	int count = config_setting_length(setting);
	if (count < row->min)
		return fail(reader, setting, "must have at least %d element%s", row->min,
			    row->min == 1 ? "" : "s");
	char *elements = calloc((size_t)count + 1, row->element_size);
	if (elements == NULL)
		return fail_memory(reader);
	conf_row_set_list(row, object, elements, (size_t)count);
	for (int i = 0; i < count; i++) {
		config_setting_t *group = config_setting_get_elem(setting, (unsigned)i);
		void *element = elements + (size_t)i * row->element_size;
		if (!config_setting_is_group(group))
			return fail(reader, group, "must be a group: { ... }");
		conf_table_set_defaults(row->element_scope, element);
		set_line(row->element_scope, element, config_setting_source_line(group));
		if (!read_struct(reader, group, row->element_scope, element))
			return false;
	}
	return true;
}

static bool read_setting(struct conf_reader *reader, config_setting_t *setting,
			 const struct conf_row *row, void *object)
{
	switch (row->kind) {
	case CONF_TEXT:
	case CONF_UTF8:
	case CONF_USER:
	case CONF_HASH:
	case CONF_PATH:
	case CONF_ADDRESS:
	case CONF_HOST:
		return read_text(reader, setting, row, object);
	case CONF_INTEGER:
		return read_integer(reader, setting, row, object);
	case CONF_BOOLEAN:
		return read_boolean(reader, setting, row, object);
	case CONF_WORD:
		return read_word(reader, setting, row, object);
	case CONF_LIST:
		return read_list(reader, setting, row, object);
	}
	return false;
}

static bool fail_unknown(struct conf_reader *reader, const config_setting_t *setting,
			 const struct conf_target *target)
{
	char meant[CONF_TABLE_NAME_MAX];

	if (conf_table_suggest(target->scope, target->group, config_setting_name(setting), meant))
		return fail(reader, setting, "unknown setting; did you mean %s?", meant);
	return fail(reader, setting, "unknown setting");
}

static bool read_members(struct conf_reader *reader, config_setting_t *members,
			 struct conf_target target)
{
	for (int i = 0; i < config_setting_length(members); i++) {
		config_setting_t *setting = config_setting_get_elem(members, (unsigned)i);
		const char *name = config_setting_name(setting);
		const struct conf_row *row = conf_table_find(target.scope, target.group, name);

		if (row != NULL) {
			if (!read_setting(reader, setting, row, target.object))
				return false;
			target.seen[conf_table_index(row)] = setting;
			continue;
		}
		if (target.group != NULL || !conf_table_has_group(target.scope, name))
			return fail_unknown(reader, setting, &target);
		if (!config_setting_is_group(setting))
			return fail(reader, setting, "must be a group: { ... }");
		struct conf_target group = target;
		group.group = name;
		if (!read_members(reader, setting, group))
			return false;
	}
	return true;
}

bool conf_read(struct conf *conf, config_setting_t *root, const char *directory,
	       const struct conf_report *report)
{
	struct conf_reader reader = { .conf = conf, .directory = directory, .report = report };

	conf_table_set_defaults(CONF_SCOPE_FILE, conf);
	return read_struct(&reader, root, CONF_SCOPE_FILE, conf);
}

unsigned conf_read_line(const config_setting_t *root, const char *name)
{
	const config_setting_t *setting = config_setting_get_member(root, name);

	return setting != NULL ? config_setting_source_line(setting) : 0;
}

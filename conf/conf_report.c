/* SPDX-License-Identifier: ISC */
#include "conf/conf_report.h"

#include <stdarg.h>

__attribute__((format(printf, 5, 0))) static void
conf_report_format(struct conf_error *error_r, const char *file, unsigned line, const char *setting,
		   const char *format, va_list arguments)
{
	size_t size = sizeof(error_r->text);
	int used;

	if (line > 0)
		used = snprintf(error_r->text, size, "%s:%u: ", file, line);
	else
		used = snprintf(error_r->text, size, "%s: ", file);
	if (used >= 0 && (size_t)used < size && setting != NULL) {
		int more = snprintf(error_r->text + used, size - (size_t)used, "%s: ", setting);
		used = more < 0 ? more : used + more;
	}
	if (used >= 0 && (size_t)used < size)
		(void)vsnprintf(error_r->text + used, size - (size_t)used, format, arguments);
}

bool conf_report_error(const struct conf_report *report, unsigned line, const char *setting,
		       const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	conf_report_format(report->error, report->file, line, setting, format, arguments);
	va_end(arguments);
	return false;
}

void conf_report_warning(const struct conf_report *report, unsigned line, const char *setting,
			 const char *format, ...)
{
	struct conf_error warning;
	va_list arguments;

	if (report->warn == NULL)
		return;
	va_start(arguments, format);
	conf_report_format(&warning, report->file, line, setting, format, arguments);
	va_end(arguments);
	report->warn(report->argument, warning.text);
}

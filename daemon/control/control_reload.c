/* SPDX-License-Identifier: ISC */
/* `packetboat reload`: reads the configuration again, as SIGHUP does. */
#include "daemon/control/control_private.h"

static void begin(struct control_connection *connection)
{
	char text[sizeof(((struct conf_error *)0)->text)];

	if (!bridge_reload(connection->control->bridge, text, sizeof(text)))
		control_error(connection, text, NULL);
	else if (text[0] != '\0')
		control_done(connection, json_pack("{s:o}", "warning", control_text(text)));
	else
		control_done(connection, NULL);
}

const struct control_verb control_reload_verb = {
	.command = CONTROL_RELOAD,
	.is_logged = true,
	.begin = begin,
};

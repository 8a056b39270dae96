/* SPDX-License-Identifier: ISC */
/* `packetboat doctor`: passes on what the doctor finds. */
#include "daemon/control/control_private.h"
#include "daemon/control/doctor.h"

static void on_step(void *owner, const struct doctor_step *step)
{
	json_t *object = json_pack("{s:s, s:b, s:o, s:o}", "event", "step", "ok", step->ok, "step",
				   control_text(step->step), "found", control_text(step->found));

	if (object != NULL && step->remedy != NULL &&
	    json_object_set_new(object, "remedy", control_text(step->remedy)) != 0) {
		json_decref(object);
		object = NULL;
	}
	control_send(owner, object);
}

static void on_over(void *owner, unsigned failed, bool opened)
{
	struct control_connection *connection = owner;

	if (opened)
		control_clear_incidents(connection->control->bridge, &connection->client);
	control_done(connection, json_pack("{s:i}", "failed", (int)failed));
}

static void begin(struct control_connection *connection)
{
	static const struct doctor_owner functions = { .step = on_step, .over = on_over };
	struct bridge *bridge = connection->control->bridge;
	const struct doctor_settings settings = {
		.loop = &bridge->loop,
		.resolver = bridge->resolver,
		.log = &bridge->log,
		.tickets = &bridge->tickets,
		.http = bridge->http,
		.oauth = bridge->oauth,
		.client = connection->client,
	};

	if (!control_has_tokens(connection))
		return;
	connection->doctor = doctor_new(&settings, &functions, connection);
	if (connection->doctor == NULL)
		control_error(connection, "no memory", NULL);
}

static void cancel(struct control_connection *connection)
{
	doctor_bury(&connection->doctor);
}

const struct control_verb control_doctor_verb = {
	.command = CONTROL_DOCTOR,
	.needs_account = true,
	.ends_with_peer = true,
	.is_logged = true,
	.begin = begin,
	.cancel = cancel,
};

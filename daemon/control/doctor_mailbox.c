/* SPDX-License-Identifier: ISC */
/* The token, and what it opens. */
#include "daemon/control/doctor_private.h"

/* ---- Token ---- */

static void doctor_log_in(struct doctor *doctor);

static void doctor_take_trouble(struct doctor *doctor, const struct oauth_trouble *trouble)
{
	struct diagnosis diagnosis;
	struct oauth_status status;

	oauth_describe(doctor->settings.oauth, &doctor->client, &status);
	diagnosis_of_trouble(&diagnosis, &doctor->client, trouble, status.backoff_for);
	if (doctor->fresh)
		diagnosis_found(&diagnosis, "; the token that was here was refused");
	doctor_report(doctor, "Token", &diagnosis);
	doctor_go_on(doctor);
}

static void doctor_take_token(struct doctor *doctor, const struct oauth_result *result)
{
	struct oauth_status status;

	secret_free(&doctor->token);
	doctor->token = secret_new(secret_borrow(result->token));
	doctor->fetched = result->fetched;
	if (doctor->token == NULL) {
		doctor_report_memory(doctor, "Token");
		doctor_go_on(doctor);
		return;
	}
	doctor->has_claims = token_claims_read(&doctor->claims, secret_borrow(doctor->token));
	oauth_describe(doctor->settings.oauth, &doctor->client, &status);
	diagnosis_of_token(&doctor->of_token, &doctor->client, &status,
			   doctor->has_claims ? &doctor->claims : NULL, time(NULL));
	if (doctor->fresh) {
		doctor_log_in(doctor);
		return;
	}
	/* What a token says of itself counts for nothing if it opens the mailbox. */
	if (doctor->of_token.ok || !doctor->greeted)
		doctor_report(doctor, "Token", &doctor->of_token);
	doctor_go_on(doctor);
}

static void on_token(void *owner, uint64_t ticket, const struct oauth_result *result)
{
	struct doctor *doctor = ticket_find(owner, ticket);

	if (doctor == NULL)
		return;
	if (result->token != NULL)
		doctor_take_token(doctor, result);
	else
		doctor_take_trouble(doctor, result->trouble);
}

static bool doctor_get_token(struct doctor *doctor, enum oauth_need need)
{
	return doctor->settings.oauth != NULL &&
	       oauth_get(doctor->settings.oauth, &doctor->client, need, on_token,
			 doctor->settings.tickets, doctor->ticket);
}

void doctor_stage_token(struct doctor *doctor)
{
	if (doctor_is_oauth(doctor) && doctor_get_token(doctor, OAUTH_TRY))
		return;
	if (doctor_is_oauth(doctor))
		doctor_report_memory(doctor, "Token");
	doctor_go_on(doctor);
}

/* ---- XOAUTH2 or Login, SELECT, Messages ---- */

/* Over IPv6 Outlook.com is known to accept tokens and open nothing. */
static bool doctor_may_try_ipv4(const struct doctor *doctor, const struct probe_result *result)
{
	return !doctor->ipv4_only && result->failure.cause == FAILURE_CAUSE_NOT_CONNECTED &&
	       doctor->routes[DOCTOR_IPV6].connected && doctor->routes[DOCTOR_IPV4].connected;
}

static void doctor_report_select(struct doctor *doctor, const struct probe_result *result)
{
	const struct token_claims *claims = doctor->has_claims ? &doctor->claims : NULL;
	struct diagnosis diagnosis;

	diagnosis_of_select(&diagnosis, &doctor->client, claims, result);
	if (diagnosis.ok && doctor->ipv4_only) {
		diagnosis = (struct diagnosis){ .ok = false };
		diagnosis_found(&diagnosis, "over IPv6 the server opens no mailbox, over IPv4 it "
					    "does");
		diagnosis_remedy(&diagnosis, "Outlook.com is known for that. Set imap = { "
					     "address_family = \"ipv4\"; } in the account, and run "
					     "`packetboat reload`.");
	}
	doctor_report(doctor, "SELECT", &diagnosis);
	if (!diagnosis.ok)
		return;
	doctor->opened = true;
	diagnosis = (struct diagnosis){ .ok = true };
	diagnosis_found(&diagnosis, "%u in the folder", (unsigned)result->messages);
	doctor_report(doctor, "Messages", &diagnosis);
}

static void doctor_report_login(struct doctor *doctor, const struct probe_result *result)
{
	const struct token_claims *claims = doctor->has_claims ? &doctor->claims : NULL;
	struct diagnosis diagnosis;

	if (doctor_is_oauth(doctor) && !doctor->of_token.ok) {
		if (result->progress < UPSTREAM_SELECTED) {
			doctor_report(doctor, "Token", &doctor->of_token);
			return;
		}
		doctor->of_token.ok = true;
		doctor_report(doctor, "Token", &doctor->of_token);
	}
	diagnosis_of_login(&diagnosis, &doctor->client, claims, result);
	doctor_report(doctor, doctor_is_oauth(doctor) ? "XOAUTH2" : "Login", &diagnosis);
	if (diagnosis.ok)
		doctor_report_select(doctor, result);
}

static void on_probed(void *owner, const struct probe_result *result)
{
	struct doctor *doctor = owner;

	probe_bury(&doctor->probe);
	/* A token may have been revoked since it was fetched. */
	if (doctor_is_oauth(doctor) && result->failure.cause == FAILURE_CAUSE_REFUSED &&
	    !doctor->fetched && !doctor->fresh) {
		doctor->fresh = true;
		if (doctor_get_token(doctor, OAUTH_FRESH))
			return;
	}
	if (doctor_may_try_ipv4(doctor, result)) {
		doctor->ipv4_only = true;
		if (doctor_probe(doctor, doctor->token, on_probed))
			return;
	}
	if (doctor_is_oauth(doctor) && result->progress >= UPSTREAM_SELECTED)
		oauth_accepted(doctor->settings.oauth, &doctor->client);
	doctor_report_login(doctor, result);
	doctor_go_on(doctor);
}

static void doctor_log_in(struct doctor *doctor)
{
	if (doctor_probe(doctor, doctor->token, on_probed))
		return;
	doctor_report_memory(doctor, doctor_is_oauth(doctor) ? "XOAUTH2" : "Login");
	doctor_go_on(doctor);
}

/* The password of the account's file. */
static void doctor_read_password(struct doctor *doctor)
{
	struct diagnosis diagnosis = { .ok = false };
	struct failure failure;

	doctor->token = secret_read(doctor->client.account->imap_password_file, &failure);
	if (doctor->token != NULL)
		return;
	diagnosis_found(&diagnosis, "%s", failure.detail);
	diagnosis_remedy(&diagnosis, "See that the file is there, and may be read by the service "
				     "and not by everybody.");
	doctor_report(doctor, "Login", &diagnosis);
}

void doctor_stage_login(struct doctor *doctor)
{
	struct diagnosis diagnosis = { .ok = true };

	if (doctor->client.account->auth == CONF_AUTH_PASSWORD) {
		doctor_read_password(doctor);
	} else if (doctor->client.account->auth == CONF_AUTH_PASSTHROUGH && doctor->greeted) {
		diagnosis_found(&diagnosis, "not tried: the password is the POP3 client's own, and "
					    "nobody but the client has it");
		doctor_report(doctor, "Login", &diagnosis);
	}
	if (doctor->token != NULL && doctor->greeted)
		doctor_log_in(doctor);
	else
		doctor_go_on(doctor);
}

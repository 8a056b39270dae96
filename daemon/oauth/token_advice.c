/* SPDX-License-Identifier: ISC */
#include "daemon/oauth/token_advice.h"

#include <stddef.h>
#include <string.h>

#define RELOAD "; then `packetboat reload`."
#define SIGN_IN "Run `packetboat login` for the account, and sign in as its owner."
#define SIGN_IN_AGAIN "Run `packetboat login` for the account again."
#define NO_PERSON                                                                               \
	"That is said of people, but oauth.flow = \"app\" has none sign in. Whoever runs this " \
	"machine checks oauth.tenant and oauth.client_id" RELOAD
/* To who is signing in: nobody tries that again but they. (What goes on by itself is not explained
 * here, but in oauth_trouble.c.) */
#define WAIT \
	"This may pass: wait for some minutes, then run `packetboat login` for the account again."
#define WAIT_APP "This may pass: wait for some minutes, then `packetboat reload`."
#define GRANTS                                                                                 \
	"administrator of the organisation opens the application's registration in the Entra " \
	"admin center, API permissions, and grants admin consent"
#define SIGN_IN_LOG                                                                              \
	"an administrator of the organisation finds the policy in the sign-in log of the Entra " \
	"admin center, by the correlation ID that Packetboat logs"
#define NEW_SECRET                                                                             \
	"Whoever owns the application makes a new secret in its registration (Certificates & " \
	"secrets) and puts its Value, not its Secret ID, into oauth.client_secret_file" RELOAD
#define CERTIFICATE                                                                                \
	"Whoever owns the application uploads the certificate of oauth.certificate to its "        \
	"registration (Certificates & secrets), and oauth.private_key is the key that belongs to " \
	"it" RELOAD

/*
 * What Microsoft's numbers mean. Its list of them is
 * https://learn.microsoft.com/entra/identity-platform/reference-error-codes; what 700024, 1000502
 * and 7000274 are, its own library knows. Nothing but words depends on them.
 */
static const struct numbered {
	unsigned numbers[8];
	const char *meaning;
	const char *remedy;
	const char *app_remedy; /* NULL: the same */
} numbered[] = {
	/* ---- the application and its registration ---- */
	{ { 700016, 700011 },
	  "The application (oauth.client_id) is not known in this tenant, or not open to accounts "
	  "of this kind.",
	  "Check that oauth.client_id is the Application (client) ID, and that oauth.tenant is "
	  "the tenant of the mailbox. For Outlook.com the registration must include personal "
	  "Microsoft accounts; an application from elsewhere needs the approval of an "
	  "administrator of the organisation. Then run `packetboat reload`.",
	  NULL },
	{ { 70001, 7000112 },
	  "The application is switched off in this tenant.",
	  "An administrator of the organisation opens it under Enterprise applications in the "
	  "Entra admin center, Properties, and enables it for users to sign in" RELOAD,
	  NULL },
	{ { 7000215, 70002 }, "The client secret is wrong.", NEW_SECRET, NULL },
	{ { 7000222 }, "The client secret has expired.", NEW_SECRET, NULL },
	{ { 700027, 50012, 50013, 7000274 },
	  "The certificate that the application proves its identity with is not registered for "
	  "it, or does not belong to the key.",
	  CERTIFICATE,
	  NULL },
	{ { 700030 },
	  "The certificate's subject is not one that the application may use.",
	  CERTIFICATE,
	  NULL },
	{ { 1000502 },
	  "The certificate of the application has expired, or is not valid yet.",
	  "Whoever runs this machine checks its clock, or makes a new certificate and uploads it "
	  "to the application's registration (Certificates & secrets)" RELOAD,
	  NULL },
	{ { 700024, 500133 },
	  "What the application signed is out of its time: the clock of this machine is wrong.",
	  "Whoever runs this machine sets its clock, and has it kept right (NTP)" RELOAD,
	  NULL },
	{ { 7000218 },
	  "The application is registered as one that has to prove its identity, and nothing here "
	  "proves it.",
	  "Whoever owns the application opens its registration, Authentication: allows public "
	  "client flows, and has the redirect address under \"Mobile and desktop applications\", "
	  "not \"Web\". Or set oauth.client_secret_file or oauth.certificate. Then run "
	  "`packetboat reload`.",
	  "Set oauth.client_secret_file, or oauth.certificate and oauth.private_key" RELOAD },
	{ { 700025 },
	  "The application is a public client, which must not send a secret or a certificate.",
	  "Whoever runs this machine removes oauth.client_secret_file, or oauth.certificate and "
	  "oauth.private_key" RELOAD,
	  "An application without a person needs a registration that is no public client: whoever "
	  "owns it turns off \"Allow public client flows\" (Authentication)" RELOAD },
	{ { 50011, 70004, 900971 },
	  "The redirect address is not among those registered for the application.",
	  "Whoever owns the application adds http://localhost under \"Mobile and desktop "
	  "applications\" (Authentication), or for `packetboat login --paste` the address ending "
	  "in /nativeclient; or set oauth.redirect_uri to one that is registered. Then sign in "
	  "again.",
	  NO_PERSON },

	{ { 9002313 },
	  "The sign-in service does not understand what it was sent.",
	  "If a code or an address was pasted, not all of it was, or something else: run "
	  "`packetboat login` for the account again. Otherwise whoever runs this machine checks "
	  "the settings of oauth" RELOAD,
	  "Whoever runs this machine checks the settings of oauth" RELOAD },

	/* ---- the tenant ---- */
	{ { 50194, 9001023, 90124, 90130, 9002332 },
	  "The application belongs to one organisation, or to organisations only, and "
	  "oauth.tenant says otherwise.",
	  "Set oauth.tenant to the organisation's tenant ID or one of its domains" RELOAD,
	  NULL },
	{ { 90002 },
	  "There is no such tenant in this cloud.",
	  "Check the spelling of oauth.tenant, and that the provider is the right cloud "
	  "(office365, gcc-high, dod, china)" RELOAD,
	  NULL },
	{ { 90038, 90043 },
	  "The tenant belongs to another national cloud.",
	  "Set the provider to the tenant's cloud (office365, gcc-high, dod, china)" RELOAD,
	  NULL },
	{ { 500021, 500022 },
	  "The network that this machine is in does not let anybody sign in to this tenant.",
	  "An administrator of the network permits the tenant (tenant restrictions, set by its "
	  "proxy)" RELOAD,
	  NULL },

	/* ---- permissions ---- */
	{ { 65001, 90008 },
	  "Nobody has consented that the application may read this mailbox.",
	  "Run `packetboat login` for the account, and accept what is asked for. If that is not "
	  "offered, an " GRANTS ".",
	  "An " GRANTS RELOAD },
	{ { 90094, 90095, 90093 },
	  "In this organisation only an administrator may consent to what the application asks "
	  "for.",
	  "An " GRANTS "; then run `packetboat login` for the account.",
	  "An " GRANTS RELOAD },
	{ { 65004 },
	  "Who signed in did not agree to what the application asks for.",
	  "Run `packetboat login` for the account again, and accept what is asked for.",
	  "An " GRANTS RELOAD },
	{ { 650056, 650057, 65005 },
	  "The registration of the application does not list the permission that is asked for.",
	  "Whoever owns the application adds it in the registration, API permissions: Microsoft "
	  "Graph, delegated, IMAP.AccessAsUser.All. An " GRANTS
	  "; then run `packetboat login` for the account.",
	  "Whoever owns the application adds it in the registration, API permissions: Office 365 "
	  "Exchange Online, application permission IMAP.AccessAsApp. An " GRANTS RELOAD },
	{ { 70011, 28002, 28003, 700022, 700023 },
	  "The scope is not one that the sign-in service knows, or names more than one resource.",
	  "Remove oauth.scope, so that the provider's own is used; and check the provider" RELOAD,
	  NULL },
	{ { 500011, 50001, 650052 },
	  "The mail service that the token is meant for is not known in this tenant.",
	  "Check that the provider and oauth.tenant are right, remove oauth.scope, and see that "
	  "the organisation has Exchange Online" RELOAD,
	  NULL },
	{ { 50105 },
	  "The application is only for people whom it is assigned to, and this one is not among "
	  "them.",
	  "An administrator of the organisation opens it under Enterprise applications in the "
	  "Entra admin center and assigns the person under Users and groups; then run `packetboat "
	  "login` for the account.",
	  NO_PERSON },

	/* ---- policies ---- */
	{ { 53003, 50131, 530032, 53002, 50005 },
	  "A policy of the organisation (Conditional Access) blocks the sign-in.",
	  "If it was made with --device, run `packetboat login` without it: many organisations "
	  "block that way. Otherwise " SIGN_IN_LOG ".",
	  "For applications " SIGN_IN_LOG RELOAD },
	{ { 53000, 53001, 50097, 50129, 50155, 50187 },
	  "A policy of the organisation (Conditional Access) wants a device that it manages.",
	  "Run `packetboat login` without --device, with the browser of such a device. If that "
	  "does not help, " SIGN_IN_LOG ".",
	  "For applications " SIGN_IN_LOG RELOAD },
	{ { 530035 },
	  "The organisation's security defaults block the sign-in.",
	  "Run `packetboat login` without --device. If that does not help, " SIGN_IN_LOG ".",
	  "For applications " SIGN_IN_LOG RELOAD },
	{ { 50076, 50079, 50078, 50074, 50072, 50158 },
	  "The organisation wants a second factor now.",
	  "Run `packetboat login` for the account, and confirm with the second factor.",
	  NO_PERSON },
	{ { 70043 },
	  "A policy of the organisation (sign-in frequency) limits how long a sign-in lasts.",
	  SIGN_IN_AGAIN
	  " That lasts as long again: so that it need not be repeated, an administrator of the "
	  "organisation exempts the account, or has the mailbox read by an application of its own "
	  "(oauth.flow = \"app\").",
	  NO_PERSON },

	/* ---- the sign-in and its owner ---- */
	{ { 50173, 50132, 50133, 50089 },
	  "The sign-in was revoked, as it is when the password is changed or an administrator "
	  "ends sessions.",
	  SIGN_IN_AGAIN,
	  NO_PERSON },
	{ { 700082, 70008 },
	  "The sign-in has expired: it was not used for too long.",
	  SIGN_IN_AGAIN,
	  NO_PERSON },
	{ { 70000 }, "The sign-in is not valid any more.", SIGN_IN_AGAIN, NO_PERSON },
	{ { 50020, 50034, 51004, 16000, 90072, 50014, 500208 },
	  "Who signed in has no account in this tenant.",
	  "Run `packetboat login` for the account, and sign in with an account of that "
	  "organisation; or correct oauth.tenant. Personal accounts have provider = \"outlook\".",
	  NO_PERSON },
	{ { 50126, 50055, 50144, 50056 },
	  "The name or the password was not accepted, or the password has expired.",
	  SIGN_IN,
	  NO_PERSON },
	{ { 50053 },
	  "The account is locked after too many wrong passwords, or the address that the sign-in "
	  "comes from is distrusted.",
	  "Wait for an hour, then run `packetboat login` for the account. An administrator of the "
	  "organisation can unlock it at once.",
	  NO_PERSON },
	{ { 50057 },
	  "The account is disabled.",
	  "An administrator of the organisation enables it; then run `packetboat login` for it.",
	  NO_PERSON },

	/* ---- on the way ---- */
	{ { 54005, 501481, 700005, 50147 },
	  "The code was used before, or is not the one that was asked for.",
	  SIGN_IN_AGAIN,
	  NO_PERSON },
	{ { 70018, 70019 },
	  "The code has expired, or is not known there.",
	  SIGN_IN_AGAIN,
	  NO_PERSON },
	{ { 70016 },
	  "Nobody has entered the code yet.",
	  "Enter it at the address shown.",
	  NO_PERSON },
	{ { 50196 },
	  "The sign-in service has had too many equal requests.",
	  "Stop other programs, or other copies of Packetboat, that use the same sign-in. " WAIT,
	  "Stop other programs, or other copies of Packetboat, that use the same "
	  "application. " WAIT_APP },
	{ { 50033, 50087, 70012, 90006, 90012, 90024, 90033, 90090 },
	  "The sign-in service is out of order for the moment.",
	  WAIT,
	  WAIT_APP },
	{ { 90055 }, "The sign-in service has too many requests of this tenant.", WAIT, WAIT_APP },
};

/* What the `error` says, where there is no number that we know. */
static const struct named {
	const char *error;
	const char *meaning;
	const char *remedy;
	const char *app_remedy; /* NULL: the same */
} named[] = {
	{ "invalid_grant", "The sign-in is not valid any more: it was revoked, or has expired.",
	  SIGN_IN_AGAIN, NO_PERSON },
	{ "interaction_required", "The sign-in service wants to see the person again.",
	  SIGN_IN_AGAIN, NO_PERSON },
	{ "login_required", "The sign-in service wants the person to sign in.", SIGN_IN,
	  NO_PERSON },
	{ "account_selection_required", "The sign-in service does not know which account is meant.",
	  SIGN_IN, NO_PERSON },
	{ "consent_required", "Nobody has consented that the application may read this mailbox.",
	  "Run `packetboat login` for the account, and accept what is asked for.",
	  "An administrator of the identity provider grants the application its "
	  "permissions" RELOAD },
	{ "access_denied", "The sign-in was refused, by the person or by a policy.",
	  "Run `packetboat login` for the account again, and accept what is asked for.",
	  "An administrator of the identity provider looks for the policy that refuses the "
	  "application" RELOAD },
	{ "authorization_declined", "The person declined the sign-in.",
	  "Run `packetboat login` for the account again, and accept what is asked for.",
	  NO_PERSON },
	{ "expired_token", "The code has expired before anybody entered it.", SIGN_IN_AGAIN,
	  NO_PERSON },
	{ "bad_verification_code", "The sign-in service does not know the code any more.",
	  SIGN_IN_AGAIN, NO_PERSON },
	{ "invalid_client",
	  "The application could not prove its identity: its client ID, secret or certificate is "
	  "wrong.",
	  "Whoever runs this machine checks oauth.client_id, and oauth.client_secret_file or "
	  "oauth.certificate, against the registration of the application" RELOAD,
	  NULL },
	{ "unauthorized_client", "The application may not sign in in this way.",
	  "Whoever owns the application checks its registration: the flow, and who may use "
	  "it" RELOAD,
	  NULL },
	{ "invalid_scope", "The scope is not one that the identity provider grants.",
	  "Whoever runs this machine checks oauth.scope" RELOAD, NULL },
	{ "invalid_target", "The resource is not one that the identity provider knows.",
	  "Whoever runs this machine checks oauth.scope" RELOAD, NULL },
	{ "invalid_resource", "The resource is not one that the identity provider knows.",
	  "Whoever runs this machine checks oauth.scope and oauth.tenant" RELOAD, NULL },
	{ "unsupported_grant_type", "The identity provider does not offer this way to sign in.",
	  "Whoever runs this machine checks oauth.flow and oauth.token_endpoint; `packetboat "
	  "login` without --device may work" RELOAD,
	  "Whoever runs this machine checks oauth.flow and oauth.token_endpoint" RELOAD },
	{ "unsupported_response_type", "The identity provider does not offer this way to sign in.",
	  "Whoever runs this machine checks oauth.authorize_endpoint, and the registration of the "
	  "application" RELOAD,
	  NULL },
	{ "invalid_request", "The identity provider does not understand the request.",
	  "Whoever runs this machine checks the settings of oauth; the description of the refusal "
	  "in the log says more" RELOAD,
	  NULL },
};

static const struct {
	const char *meaning;
	const char *remedy;
	const char *app_remedy; /* NULL: the same */
} by_kind[] = {
	[TOKEN_GRANTED] = { "The sign-in works.", "Nothing needs to be done.", NULL },
	[TOKEN_PENDING] = { "Nobody has entered the code yet.", "Enter it at the address shown.",
			    NO_PERSON },
	[TOKEN_SLOW_DOWN] = { "The identity provider asks for patience.", WAIT, WAIT_APP },
	[TOKEN_DECLINED] = { "The sign-in was refused.", SIGN_IN_AGAIN, NO_PERSON },
	[TOKEN_CODE_EXPIRED] = { "The code has expired.", SIGN_IN_AGAIN, NO_PERSON },
	[TOKEN_SIGN_IN_NEEDED] = { "The sign-in is not valid any more.", SIGN_IN_AGAIN, NO_PERSON },
	[TOKEN_ADMINISTRATOR_NEEDED] = { "The identity provider refuses the application.",
					 "Whoever runs this machine checks the settings of oauth "
					 "against the registration of the application" RELOAD,
					 NULL },
	[TOKEN_TEMPORARY] = { "The identity provider is out of order, or busy.", WAIT, WAIT_APP },
};

static const struct numbered *find_number(unsigned number)
{
	for (size_t i = 0; number != 0 && i < sizeof(numbered) / sizeof(numbered[0]); i++) {
		for (size_t j = 0; j < sizeof(numbered[i].numbers) / sizeof(unsigned); j++) {
			if (numbered[i].numbers[j] == number)
				return &numbered[i];
		}
	}
	return NULL;
}

static const struct named *find_name(const char *error)
{
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		if (strcmp(error, named[i].error) == 0)
			return &named[i];
	}
	return NULL;
}

static struct token_advice choose(const char *meaning, const char *remedy, const char *app_remedy,
				  bool app)
{
	return (struct token_advice){ .meaning = meaning,
				      .remedy = app && app_remedy != NULL ? app_remedy : remedy };
}

struct token_advice token_advice_for(const struct token_answer *refusal,
				     const struct conf_oauth *oauth)
{
	bool app = oauth->flow == CONF_FLOW_APP;
	const struct numbered *number = find_number(refusal->aadsts);
	const struct named *name = find_name(refusal->error);

	if (number != NULL)
		return choose(number->meaning, number->remedy, number->app_remedy, app);
	if (name != NULL)
		return choose(name->meaning, name->remedy, name->app_remedy, app);
	return choose(by_kind[refusal->kind].meaning, by_kind[refusal->kind].remedy,
		      by_kind[refusal->kind].app_remedy, app);
}

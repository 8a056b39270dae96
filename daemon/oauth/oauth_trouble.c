/* SPDX-License-Identifier: ISC */
#include "daemon/oauth/oauth_trouble.h"

#include <stdio.h>
#include <string.h>

#include "daemon/oauth/token_advice.h"

#define BY_ITSELF                                                                                  \
	"Nothing needs to be done if it does not last: it is tried again by itself, with growing " \
	"pauses."

static void trouble_set(struct oauth_trouble *trouble, enum oauth_state state, const char *meaning,
			const char *remedy)
{
	*trouble = (struct oauth_trouble){ .state = state, .meaning = meaning, .remedy = remedy };
}

static void trouble_set_text(struct oauth_trouble *trouble, const char *text)
{
	/* Longer ones are cut. */
	snprintf(trouble->text, sizeof(trouble->text), "%.*s", (int)sizeof(trouble->text) - 1,
		 text);
}

static enum oauth_state state_of(enum token_answer_kind kind, enum conf_flow flow)
{
	switch (kind) {
	case TOKEN_DECLINED:
	case TOKEN_CODE_EXPIRED:
	case TOKEN_SIGN_IN_NEEDED:
		return flow == CONF_FLOW_APP ? OAUTH_ADMINISTRATOR_NEEDED : OAUTH_SIGN_IN_NEEDED;
	case TOKEN_ADMINISTRATOR_NEEDED:
		return OAUTH_ADMINISTRATOR_NEEDED;
	case TOKEN_GRANTED:
	case TOKEN_PENDING: /* These two are no answers to what was asked. */
	case TOKEN_SLOW_DOWN:
	case TOKEN_TEMPORARY:
		return OAUTH_BACKING_OFF;
	}
	return OAUTH_BACKING_OFF;
}

void oauth_trouble_from_answer(struct oauth_trouble *trouble, const struct token_answer *answer,
			       const struct conf_oauth *oauth)
{
	enum oauth_state state = state_of(answer->kind, oauth->flow);

	if (state == OAUTH_BACKING_OFF) {
		trouble_set(trouble, state, "The sign-in service is out of order, or busy.",
			    BY_ITSELF);
	} else {
		struct token_advice advice = token_advice_for(answer, oauth);

		trouble_set(trouble, state, advice.meaning, advice.remedy);
	}
	trouble->refusal = *answer;
	trouble->refusal.access = NULL;
	trouble->refusal.refresh = NULL;
	if (answer->text[0] != '\0')
		trouble_set_text(trouble, answer->text);
	else if (answer->error[0] != '\0')
		trouble_set_text(trouble, answer->error);
	else
		trouble_set_text(trouble, "The sign-in service gave no answer of its kind");
}

void oauth_trouble_never_signed_in(struct oauth_trouble *trouble)
{
	trouble_set(trouble, OAUTH_NEVER_SIGNED_IN, "Nobody has signed this account in yet.",
		    "Run `packetboat login` for the account, and sign in as its owner.");
	trouble_set_text(trouble, "Nobody has signed in");
}

void oauth_trouble_other_application(struct oauth_trouble *trouble)
{
	trouble_set(trouble, OAUTH_SIGN_IN_NEEDED,
		    "The configuration has another client_id or token endpoint than when the "
		    "account was signed in.",
		    "Run `packetboat login` for the account again, or set the settings back.");
	trouble_set_text(trouble, "The account was signed in for another application");
}

void oauth_trouble_unreachable(struct oauth_trouble *trouble, const char *text)
{
	trouble_set(trouble, OAUTH_BACKING_OFF, "The sign-in service cannot be reached.",
		    BY_ITSELF);
	trouble_set_text(trouble, text);
}

void oauth_trouble_untrusted(struct oauth_trouble *trouble, const char *text)
{
	trouble_set(trouble, OAUTH_ADMINISTRATOR_NEEDED,
		    "The certificate of the sign-in service is not trusted, so nothing was sent "
		    "to it.",
		    "The administrator of this machine checks its clock, oauth.ca_file, and "
		    "whether something in between (a proxy, a virus scanner) opens TLS; then runs "
		    "`packetboat reload`.");
	trouble->untrusted = true;
	trouble_set_text(trouble, text);
}

void oauth_trouble_no_proof(struct oauth_trouble *trouble, const char *text)
{
	trouble_set(trouble, OAUTH_ADMINISTRATOR_NEEDED,
		    "The secret or the certificate of the application cannot be used.",
		    "The administrator of this machine mends the file; then runs "
		    "`packetboat reload`.");
	trouble_set_text(trouble, text);
}

void oauth_trouble_from_store(struct oauth_trouble *trouble, enum token_store_status status,
			      const char *text)
{
	switch (status) {
	case TOKEN_STORE_REFUSED:
		trouble_set(trouble, OAUTH_ADMINISTRATOR_NEEDED,
			    "The file that holds the sign-in is not safe to use, and was left "
			    "alone.",
			    "The administrator of this machine finds out who touched it, mends "
			    "the file, and runs `packetboat reload`; or somebody runs "
			    "`packetboat login` for the account.");
		break;
	case TOKEN_STORE_DAMAGED:
		trouble_set(trouble, OAUTH_SIGN_IN_NEEDED,
			    "The file that held the sign-in is damaged; it was set aside.",
			    "Run `packetboat login` for the account again.");
		break;
	case TOKEN_STORE_OK:
	case TOKEN_STORE_NONE:
	case TOKEN_STORE_FAILED:
		trouble_set(trouble, OAUTH_BACKING_OFF, "The sign-in cannot be read from disk.",
			    "The administrator of this machine looks after the disk. It is tried "
			    "again by itself.");
		break;
	}
	trouble_set_text(trouble, text);
}

void oauth_trouble_token_refused(struct oauth_trouble *trouble, const char *text)
{
	trouble_set(trouble, OAUTH_ADMINISTRATOR_NEEDED,
		    "The mail server refuses new tokens of this account again and again, although "
		    "the sign-in service gives them.",
		    "Run `packetboat doctor` for the account: it tells what is likely. Often the "
		    "sign-in is another person's, the permission for IMAP is missing, or IMAP is "
		    "switched off for the mailbox.");
	snprintf(trouble->text, sizeof(trouble->text), "The mail server refuses the token%s%s",
		 text[0] != '\0' ? ": " : "", text);
}

void oauth_trouble_no_memory(struct oauth_trouble *trouble)
{
	trouble_set(trouble, OAUTH_BACKING_OFF, "The machine has no memory left.", BY_ITSELF);
	trouble_set_text(trouble, "No memory");
}

bool oauth_trouble_is_same(const struct oauth_trouble *a, const struct oauth_trouble *b)
{
	return a->state == b->state && a->untrusted == b->untrusted &&
	       a->refusal.aadsts == b->refusal.aadsts &&
	       strcmp(a->refusal.error, b->refusal.error) == 0 &&
	       (a->meaning == b->meaning || strcmp(a->meaning, b->meaning) == 0);
}

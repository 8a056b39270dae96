# SPDX-License-Identifier: ISC
"""How the endpoints say no: AADSTS numbers, the `error` that goes with each, and the JSON."""

import datetime
import json
import uuid

# number -> (error, text). {client}, {name} and {thumbprint} are filled in where they are known.
_TABLE = {
    50001: ("invalid_resource", "The resource principal named {name} was not found in the tenant."),
    500011: ("invalid_resource", "The resource principal named {name} was not found in the tenant "
             "named {tenant}. This can happen if the application has not been installed by the "
             "administrator of the tenant or consented to by any user in the tenant."),
    50011: ("invalid_request", "The redirect URI '{name}' specified in the request does not match "
            "the redirect URIs configured for the application '{client}'."),
    50013: ("invalid_client", "Assertion failed signature validation. {name}"),
    50020: ("interaction_required", "User account '{name}' from identity provider 'live.com' does "
            "not exist in tenant '{tenant}' and cannot access the application '{client}' in that "
            "tenant."),
    50033: ("temporarily_unavailable", "A transient error has occurred. Please try again."),
    50034: ("invalid_grant", "The user account {name} does not exist in the directory."),
    50053: ("invalid_grant", "The account is locked, you've tried to sign in too many times."),
    50057: ("invalid_grant", "The user account is disabled."),
    50059: ("invalid_request", "No tenant-identifying information found in either the request or "
            "implied by any provided credentials."),
    50076: ("invalid_grant", "Due to a configuration change made by your administrator, or because "
            "you moved to a new location, you must use multi-factor authentication to access "
            "'{name}'."),
    50078: ("invalid_grant", "Presented multi-factor authentication has expired due to policies "
            "configured by your administrator."),
    50079: ("invalid_grant", "Due to a configuration change made by your administrator, or because "
            "you moved to a new location, you must enroll in multi-factor authentication."),
    50087: ("temporarily_unavailable", "A transient error has occurred during strong "
            "authentication. Please try again."),
    50089: ("invalid_grant", "Authentication failed due to flow token expired."),
    50097: ("invalid_grant", "Device authentication is required."),
    50105: ("access_denied", "Your administrator has configured the application to block users "
            "unless they are specifically granted ('assigned') access to the application."),
    50126: ("invalid_grant", "Error validating credentials due to invalid username or password."),
    50173: ("invalid_grant", "The provided grant has expired due to it being revoked, a fresh auth "
            "token is needed. The user might have changed or reset their password."),
    50194: ("invalid_request", "Application '{client}' is not configured as a multi-tenant "
            "application. Usage of the /common endpoint is not supported for such apps created "
            "after '10/15/2018'. Use a tenant-specific endpoint or configure the application to "
            "be multi-tenant."),
    50196: ("invalid_grant", "The server terminated an operation because it encountered a client "
            "request loop. Please contact your app vendor."),
    501481: ("invalid_grant", "The Code_Verifier does not match the code_challenge supplied in the "
             "authorization request."),
    53000: ("invalid_grant", "Device is not in required device state: compliant. Conditional "
            "Access policy requires a compliant device, and the device is not compliant."),
    53001: ("invalid_grant", "Device is not in required device state: domain_joined."),
    53003: ("invalid_grant", "Access has been blocked by Conditional Access policies. The access "
            "policy does not allow token issuance."),
    530035: ("invalid_grant", "Access has been blocked by security defaults."),
    54005: ("invalid_grant", "OAuth2 Authorization code was already redeemed, please retry with a "
            "new valid code or use an existing refresh token."),
    65001: ("invalid_grant", "The user or administrator has not consented to use the application "
            "with ID '{client}'. Send an interactive authorization request for this user and "
            "resource."),
    65004: ("access_denied", "User declined to consent to access the app."),
    70000: ("invalid_grant", "Provided grant is invalid or malformed."),
    70001: ("unauthorized_client", "The application '{client}' is disabled."),
    70002: ("invalid_client", "Error validating credentials."),
    700016: ("unauthorized_client", "Application with identifier '{client}' was not found in the "
             "directory '{tenant}'. This can happen if the application has not been installed by "
             "the administrator of the tenant or consented to by any user in the tenant. You may "
             "have sent your authentication request to the wrong tenant."),
    7000215: ("invalid_client", "Invalid client secret provided. Ensure the secret being sent in "
              "the request is the client secret value, not the client secret ID, for a secret "
              "added to app '{client}'."),
    7000218: ("invalid_client", "The request body must contain the following parameter: "
              "'client_assertion' or 'client_secret'."),
    7000222: ("invalid_client", "The provided client secret keys for app '{client}' are expired. "
              "Visit the Azure portal to create new keys for your app."),
    700024: ("invalid_client", "Client assertion is not within its valid time range. {name}"),
    700025: ("invalid_client", "Client is public so neither 'client_assertion' nor 'client_secret' "
             "should be presented."),
    700027: ("invalid_client", "The certificate with identifier used to sign the client assertion "
             "is not registered on application. [Reason - {name}]"),
    70003: ("unsupported_grant_type", "The app requested an unsupported grant type '{name}'."),
    700030: ("invalid_client", "Invalid certificate - subject name in certificate is not "
             "authorized."),
    70008: ("invalid_grant", "The provided authorization code or refresh token has expired due to "
            "inactivity. Send a new interactive authorization request for this user and resource."),
    700082: ("invalid_grant", "The refresh token has expired due to inactivity. The token was "
             "inactive for 90.00:00:00."),
    70011: ("invalid_scope", "The provided request must include a 'scope' input parameter. The "
            "provided value for the input parameter 'scope' is not valid. The scope {name} is not "
            "valid."),
    70012: ("server_error", "A server error occurred while authenticating an MSA (consumer) user."),
    70016: ("authorization_pending", "OAuth 2.0 device flow error. Authorization is pending. "
            "Continue polling."),
    70018: ("bad_verification_code", "Invalid verification code due to User typing in wrong user "
            "code for device code flow."),
    70019: ("expired_token", "Verification code expired."),
    70043: ("invalid_grant", "The refresh token has expired or is invalid due to sign-in frequency "
            "checks by conditional access."),
    90002: ("invalid_request", "Tenant '{name}' not found. Check to make sure you have the correct "
            "tenant ID and are signing into the correct cloud."),
    90033: ("temporarily_unavailable", "A transient error has occurred. Please try again."),
    90094: ("access_denied", "Admin consent is required for the permissions requested by this "
            "application."),
    900144: ("invalid_request", "The request body must contain the following parameter: '{name}'."),
    900561: ("invalid_request", "The endpoint only accepts POST requests. Received a {name} "
             "request."),
    9002313: ("invalid_request", "Invalid request. Request is malformed or invalid."),
    1002012: ("invalid_scope", "The provided value for scope {name} is not valid. Client "
              "credential flows must have a scope value with /.default suffixed to the resource "
              "identifier (application ID URI)."),
    28000: ("invalid_scope", "Provided value for the input parameter scope is not valid because it "
            "contains more than one resource. Scope {name} is not valid."),
}

# What goes with a refusal that a person can do something about.
_SUBERRORS = {65001: "consent_required", 50076: "basic_action", 50078: "basic_action",
              50079: "basic_action", 53003: "message_only", 50173: "bad_token",
              700082: "bad_token", 70008: "bad_token", 70000: "bad_token",
              70043: "token_expired"}

_STATUS = {"invalid_client": 401, "temporarily_unavailable": 503, "server_error": 500}
# Errors without a number of Microsoft's.
_TEXTS = {"slow_down": "The client polls too often.",
          "authorization_declined": "The user declined the authorization request."}


class _Unknown(dict):
    def __missing__(self, key):
        return "..."


class Refused(Exception):
    """A refusal: `error` is a name ("slow_down") or an AADSTS number, as int or text."""

    def __init__(self, error, text=None, status=None, **known):
        super().__init__(str(error))
        digits = str(error).upper().removeprefix("AADSTS")
        self.number = int(digits) if digits.isdecimal() else 0
        self.error, described = _TABLE.get(self.number, (str(error), None))
        if self.number and described is None:
            self.error, described = "invalid_grant", "Something is wrong."
        if described is None:
            described = _TEXTS.get(self.error, "It was refused.")
        self.text = text if text is not None else described.format_map(_Unknown(known))
        self.status = status or _STATUS.get(self.error, 400)
        self.trace_id = str(uuid.uuid4())
        self.correlation_id = str(uuid.uuid4())

    def description(self):
        when = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")
        number = f"AADSTS{self.number}: " if self.number else ""
        return (f"{number}{self.text}\r\nTrace ID: {self.trace_id}\r\nCorrelation ID: "
                f"{self.correlation_id}\r\nTimestamp: {when}")

    def members(self, authority=""):
        """The JSON object."""
        when = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M:%SZ")
        made = {"error": self.error, "error_description": self.description(),
                "error_codes": [self.number] if self.number else [], "timestamp": when,
                "trace_id": self.trace_id, "correlation_id": self.correlation_id}
        if self.number:
            made["error_uri"] = f"{authority}/error?code={self.number}"
        if self.number in _SUBERRORS:
            made["suberror"] = _SUBERRORS[self.number]
        return made

    def json(self, authority=""):
        return json.dumps(self.members(authority)).encode()

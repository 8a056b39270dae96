# SPDX-License-Identifier: ISC
"""The token endpoint: one function for each grant type. Each takes the identity provider, the
request, its tenant and application, and returns the members of the answer and whose token it is."""

import base64
import hashlib

from . import assertion
from .directory import IMAP_AS_USER
from .refusals import Refused
from .tokens import GRAPH, MAIL_SERVERS

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
_OPENID = ("openid", "profile", "email", "offline_access")


def _demand(request, *names):
    for name in names:
        if not request.form.get(name):
            raise Refused(900144, name=name)


def read_scope(scope, permissions):
    """(resource, permissions) of a delegated scope; Refused if it is not one. A scope without a
    resource is Graph's, which is what makes people wonder."""
    wanted = [one for one in scope.split(" ") if one and one not in _OPENID]
    resources, names = set(), []
    for one in wanted:
        resource, _, name = one.rpartition("/")
        resources.add(resource or GRAPH)
        names += sorted(permissions) if name == ".default" else [name]
    if len(resources) > 1:
        raise Refused(28000, name=scope)
    resource = resources.pop() if resources else GRAPH
    if resource not in (*MAIL_SERVERS, GRAPH):
        raise Refused(500011, name=resource)
    for name in names:
        if name != IMAP_AS_USER and name not in permissions:
            raise Refused(70011, name=name)
    return resource, tuple(names)


def check_application(tenant, application, client_id):
    if application is None:
        raise Refused(700016, client=client_id, tenant=tenant.id)
    if tenant.alias and application.audience == "single":
        raise Refused(50194, client=client_id)
    if not tenant.alias and application.audience == "single" and application.tenant != tenant:
        raise Refused(700016, client=client_id, tenant=tenant.id)


def prove(identity, request, tenant, application, wanted):
    """The application proves that it is itself, or is public and does not try."""
    secret = request.form.get("client_secret")
    asserted = request.form.get("client_assertion")
    if secret is None and asserted is None:
        if wanted:
            raise Refused(7000218)
        return
    if not application.secrets and not application.certificates:
        raise Refused(700025)
    if secret is not None:
        _check_secret(identity, application, secret)
        return
    if request.form.get("client_assertion_type") != assertion.TYPE:
        raise Refused(900144, name="client_assertion_type")
    audiences = {f"{identity.authority}/{name}/oauth2/v2.0/token"
                 for name in (tenant.id, *tenant.domains)}
    assertion.verify(asserted, application, audiences, identity.now(), identity.assertions)


def _check_secret(identity, application, secret):
    if secret not in application.secrets:
        raise Refused(7000215, client=application.client_id)
    expires = application.secrets[secret]
    if expires is not None and expires.timestamp() <= identity.now():
        raise Refused(7000222, client=application.client_id)


def _grant(identity, application, person, scope, refresh_token=None):
    """An access token for a person; and `refresh_token`, if there is one."""
    resource, permissions = read_scope(scope, application.permissions)
    if not application.consented:
        raise Refused(65001, client=application.client_id)
    settings = identity.settings
    token = identity.tokens.issue_access(
        application, person, person.tenant.id, resource, permissions, identity.now(),
        settings.access_seconds, settings.token_octets)
    answer = {"token_type": "Bearer",
              "scope": " ".join(f"{resource}/{name}" for name in permissions),
              "expires_in": int(settings.access_seconds),
              "ext_expires_in": int(settings.access_seconds), "access_token": token.text}
    if refresh_token is not None:
        answer["refresh_token"] = refresh_token.text
    return answer


def _first_grant(identity, application, person, scope):
    refresh_token = None
    if "offline_access" in scope.split(" "):
        refresh_token = identity.tokens.issue_refresh(application, person, scope, identity.now())
    return _grant(identity, application, person, scope, refresh_token)


def authorization_code(identity, request, tenant, application):
    _demand(request, "code", "redirect_uri")
    if not application.confidential and {"client_secret", "client_assertion"} & set(request.form):
        raise Refused(700025)
    prove(identity, request, tenant, application, application.confidential)
    with identity.tokens.lock:
        code = identity.tokens.codes.get(request.form["code"])
        if code is None or code.application is not application:
            raise Refused(9002313)
        if code.redeemed:
            raise Refused(54005)
        if code.expires <= identity.now():
            raise Refused(70008)
        if code.redirect_uri != request.form["redirect_uri"]:
            raise Refused(50011, name=request.form["redirect_uri"], client=application.client_id)
        digest = hashlib.sha256(request.form.get("code_verifier", "").encode("latin-1")).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != code.challenge:
            raise Refused(501481)
        code.redeemed = True
    return _first_grant(identity, application, code.person,
                        request.form.get("scope", code.scope)), code.person.name


def device_code(identity, request, tenant, application):
    _demand(request, "device_code")
    prove(identity, request, tenant, application, not application.public_flows)
    now = identity.now()
    with identity.tokens.lock:
        device = identity.tokens.devices.get(request.form["device_code"])
        if device is None or device.application is not application or device.tenant != tenant:
            raise Refused(70018)
        early = now - device.asked < device.interval * 0.9
        device.asked = now
        if device.expires <= now:
            raise Refused(70019)
        if early:
            device.interval += 5
            raise Refused("slow_down")
        if device.declined:
            raise Refused("authorization_declined")
        if device.person is None:
            raise Refused(70016)
        if device.redeemed:
            raise Refused(70018)
        device.redeemed = True
    return _first_grant(identity, application, device.person, device.scope), device.person.name


def refresh_token(identity, request, tenant, application):
    _demand(request, "refresh_token")
    prove(identity, request, tenant, application, application.confidential)
    tokens, now, rotation = identity.tokens, identity.now(), identity.settings.rotation
    with tokens.lock:
        old = tokens.refresh.get(request.form["refresh_token"])
        if old is None or old.application is not application or not tenant.holds(old.person):
            raise Refused(70000)
        if old.revoked:
            raise Refused(old.revoked)
        if now - old.used >= identity.settings.refresh_seconds:
            raise Refused(700082)
        if old.spent:
            # Whoever comes second is perhaps a thief, so nobody keeps it (RFC 9700 section 4.14).
            tokens.revoke_family(old.family)
            raise Refused(70000)
        scope = request.form.get("scope", old.scope)
        read_scope(scope, application.permissions)
        if not application.consented:
            raise Refused(65001, client=application.client_id)
        old.used = now
        old.spent = rotation == "strict"
        if rotation == "overlap":
            tokens.revoke_older(old)
        new = None
        if rotation != "none":
            new = tokens.issue_refresh(application, old.person, old.scope, now, old.family)
    return _grant(identity, application, old.person, scope, new), old.person.name


def client_credentials(identity, request, tenant, application):
    _demand(request, "scope")
    if tenant.alias or tenant == identity.directory.consumers:
        raise Refused(50059)
    prove(identity, request, tenant, application, True)
    resource, _, name = request.form["scope"].rpartition("/")
    if name != ".default" or not resource:
        raise Refused(1002012, name=request.form["scope"])
    if resource not in (*MAIL_SERVERS, GRAPH):
        raise Refused(500011, name=resource, tenant=tenant.id)
    settings = identity.settings
    token = identity.tokens.issue_access(
        application, None, tenant.id, resource, tuple(sorted(application.roles)), identity.now(),
        settings.access_seconds, settings.token_octets)
    return {"token_type": "Bearer", "expires_in": int(settings.access_seconds),
            "ext_expires_in": int(settings.access_seconds), "access_token": token.text}, ""


TABLE = {
    "authorization_code": authorization_code,
    "refresh_token": refresh_token,
    "client_credentials": client_credentials,
    DEVICE_CODE: device_code,
}

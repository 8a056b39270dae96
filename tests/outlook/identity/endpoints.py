# SPDX-License-Identifier: ISC
"""The endpoints: each takes the identity provider, the request and the tenant, and returns a
response. Who signed in, where that is known, is noted in `request.who`; `request.refusal` is what
a test wants them to say."""

import json
import re
import urllib.parse

from . import grants, http, pages
from .refusals import Refused

_PATH = re.compile(r"/([^/]+)/oauth2/v2\.0/(authorize|token|devicecode)$")
# Where browsers come.
PAGES = ("page", "authorize", "deviceauth", "nativeclient")
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}$")


def route(request):
    """(name for the journal, function, tenant's name), or None."""
    match = _PATH.match(request.path)
    if match is not None:
        tenant, name = match.groups()
        function = {"authorize": authorize, "token": token, "devicecode": devicecode}[name]
        if name == "token":
            grant = request.form.get("grant_type", "").rpartition(":")[2]
            name = f"token {grant}" if grant else "token"
        if name == "authorize" and request.method == "GET":
            name = "page"
        return name, function, tenant
    if request.path == "/common/oauth2/deviceauth":
        return "deviceauth", deviceauth, "common"
    if request.path == "/common/oauth2/nativeclient":
        return "nativeclient", nativeclient, "common"
    return None


# The token endpoint, and that for device codes: JSON.

def _answer(members):
    return http.Response(200, json.dumps(members).encode())


def _refuse_on_cue(request):
    if request.refusal is not None:
        raise request.refusal


def token(identity, request, tenant):
    _refuse_on_cue(request)
    if request.method != "POST":
        raise Refused(900561, name=request.method)
    if not request.form.get("grant_type"):
        raise Refused(900144, name="grant_type")
    application = _application(identity, request, tenant)
    grant = grants.TABLE.get(request.form["grant_type"])
    if grant is None:
        raise Refused(70003, name=request.form["grant_type"])
    members, request.who = grant(identity, request, tenant, application)
    return _answer(members)


def devicecode(identity, request, tenant):
    _refuse_on_cue(request)
    if request.method != "POST":
        raise Refused(900561, name=request.method)
    application = _application(identity, request, tenant)
    scope = request.form.get("scope", "")
    grants.read_scope(scope, application.permissions)
    settings = identity.settings
    device = identity.tokens.issue_device_code(application, tenant, scope, settings.interval,
                                               identity.now() + settings.device_seconds)
    address = identity.verification_uri
    return _answer({
        "user_code": device.user_code, "device_code": device.text, "verification_uri": address,
        "expires_in": int(settings.device_seconds), "interval": settings.interval,
        "message": f"To sign in, use a web browser to open the page {address} and enter the code "
                   f"{device.user_code} to authenticate."})


def _application(identity, request, tenant):
    client_id = request.get("client_id")
    if not client_id:
        raise Refused(900144, name="client_id")
    application = identity.directory.find_application(client_id)
    grants.check_application(tenant, application, client_id)
    return application


# Pages, where people come with their browsers.

def authorize(identity, request, tenant):
    # Until it is certain where the person came from, nothing is said to anybody there.
    try:
        application = _application(identity, request, tenant)
        redirect_uri = request.query.get("redirect_uri", "")
        if not any(same_redirect(redirect_uri, one) for one in _redirects(identity, application)):
            raise Refused(50011, name=redirect_uri, client=application.client_id)
    except Refused as refused:
        return _page_of(refused)
    try:
        return _authorize(identity, request, tenant, application, redirect_uri)
    except Refused as refused:
        return _back(redirect_uri, request, error=refused.error,
                     error_description=refused.description().replace("\r\n", " "))


def _redirects(identity, application):
    return (*application.redirect_uris, f"{identity.authority}/common/oauth2/nativeclient")


def same_redirect(given, registered):
    """Exactly the same, but for the port of a loopback address; no path is the path /."""
    one, other = (urllib.parse.urlsplit(address) for address in (given, registered))
    if other.scheme == "http" and other.hostname in ("localhost", "127.0.0.1"):
        return ((one.scheme, one.hostname, one.path or "/", one.query, one.fragment) ==
                (other.scheme, other.hostname, other.path or "/", other.query, other.fragment))
    return given == registered


def _authorize(identity, request, tenant, application, redirect_uri):
    query = request.query
    if query.get("response_type") != "code":
        raise Refused("unsupported_response_type")
    if query.get("response_mode", "query") != "query":
        raise Refused("invalid_request")
    if query.get("code_challenge_method") != "S256" or \
            not _CHALLENGE.match(query.get("code_challenge", "")):
        raise Refused("invalid_request", "PKCE with S256 is wanted here.")
    grants.read_scope(query.get("scope", ""), application.permissions)
    people = identity.directory.people(tenant)
    if request.method == "GET":
        hint = query.get("login_hint", "").lower()
        people.sort(key=lambda person: person.name.lower() != hint)
        action = f"{request.path}?{urllib.parse.urlencode(query)}"
        return http.page(pages.sign_in(action, people, application))
    _refuse_on_cue(request)
    if "cancel" in request.form:
        raise Refused(65004)
    person = identity.directory.find_person(request.form.get("person", ""))
    if person is None or person not in people:
        raise Refused(50020, name=request.form.get("person", ""), tenant=tenant.id,
                      client=application.client_id)
    if not application.consented:
        raise Refused(90094)
    request.who = person.name
    code = identity.tokens.issue_code(
        application, person, query["scope"], redirect_uri, query["code_challenge"],
        identity.now() + identity.settings.code_seconds)
    return _back(redirect_uri, request, code=code.text)


def _back(redirect_uri, request, **answer):
    """A redirect without a path comes back with one."""
    split = urllib.parse.urlsplit(redirect_uri)
    if "state" in request.query:
        answer["state"] = request.query["state"]
    response = http.redirect(urllib.parse.urlunsplit(
        split._replace(path=split.path or "/", query=urllib.parse.urlencode(answer))))
    response.error = answer.get("error", "")
    return response


def _page_of(refused):
    response = http.page(pages.trouble(refused), refused.status)
    response.error = refused.error
    return response


def deviceauth(identity, request, _tenant):
    if request.method == "GET":
        return http.page(pages.device(request.path, request.query.get("otc", "")))
    device = identity.tokens.find_device(request.form.get("user_code", ""))
    if device is None or device.expires <= identity.now() or device.declined or device.person:
        return http.page(pages.device(request.path, complaint="That code did not work. Check the "
                                      "code and try again."))
    if "cancel" in request.form:
        device.declined = True
        return http.page(pages.device_over(signed_in=False))
    people = identity.directory.people(device.tenant)
    person = identity.directory.find_person(request.form.get("person", ""))
    if person is None or person not in people:
        return http.page(pages.device_sign_in(request.path, device.user_code, people))
    request.who = person.name
    device.person = person
    return http.page(pages.device_over(signed_in=True))


def nativeclient(_identity, _request, _tenant):
    return http.page(pages.native_client())

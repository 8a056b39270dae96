# SPDX-License-Identifier: ISC
"""Who there is: tenants, their people, and the applications registered with them."""

import datetime
import threading
import uuid
from dataclasses import dataclass, field

# The tenant that all personal accounts are in.
CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"

IMAP_AS_USER = "IMAP.AccessAsUser.All"
IMAP_AS_APP = "IMAP.AccessAsApp"


def new_id():
    return str(uuid.uuid4())


@dataclass(frozen=True)
class Tenant:
    id: str
    domains: tuple = ()
    # For /common, /organizations and /consumers, which stand for no tenant in particular.
    alias: str = ""

    def holds(self, person):
        """Whether this person can sign in here."""
        if self.alias == "common":
            return True
        personal = person.tenant.id == CONSUMERS
        if self.alias in ("organizations", "consumers"):
            return personal == (self.alias == "consumers")
        return person.tenant.id == self.id


@dataclass
class Person:
    name: str                 # user principal name
    tenant: Tenant
    id: str = field(default_factory=new_id)

    @property
    def is_personal(self):
        return self.tenant.id == CONSUMERS


@dataclass
class Application:
    """An app registration, and the enterprise application that stands for it in its tenant."""

    tenant: Tenant
    client_id: str = field(default_factory=new_id)
    # "single": accounts of its own tenant; "multiple": of any organisation; "all": personal, too.
    audience: str = "all"
    # "Allow public client flows": device codes work without a secret.
    public_flows: bool = True
    # What it registered under "Web" instead of "Mobile and desktop applications": it must prove
    # itself when it redeems a code, where public clients must not try.
    confidential: bool = False
    redirect_uris: tuple = (
        "http://localhost",
        "https://login.microsoftonline.com/common/oauth2/nativeclient")
    # {secret: when it expires, or None}
    secrets: dict = field(default_factory=dict)
    # PEM files of certificates
    certificates: tuple = ()
    # Delegated permissions, and application permissions that an administrator consented to.
    permissions: set = field(default_factory=lambda: {IMAP_AS_USER})
    roles: set = field(default_factory=set)
    # Whether people, or an administrator for them, consented.
    consented: bool = True
    # Of the app registration, and of the enterprise application: New-ServicePrincipal wants the
    # second, and people give it the first.
    registration_id: str = field(default_factory=new_id)
    object_id: str = field(default_factory=new_id)

    def add_secret(self, secret, expires_in=None):
        """`expires_in`: a timedelta; negative, it has expired."""
        now = datetime.datetime.now(datetime.timezone.utc)
        self.secrets[secret] = None if expires_in is None else now + expires_in
        return secret


class Directory:
    def __init__(self):
        self.lock = threading.RLock()
        self.consumers = Tenant(CONSUMERS)
        self._aliases = {alias: Tenant(alias, alias=alias)
                         for alias in ("common", "organizations", "consumers")}
        self._tenants = [self.consumers]
        self._people = {}
        self._applications = {}

    def add_tenant(self, *domains):
        with self.lock:
            tenant = Tenant(new_id(), domains)
            self._tenants.append(tenant)
            return tenant

    def add_person(self, name, tenant=None):
        """Without `tenant`: in the one whose domain it is, else it is a personal account."""
        with self.lock:
            if tenant is None:
                tenant = self.find_tenant(name.rpartition("@")[2]) or self.consumers
            person = self._people.setdefault(name.lower(), Person(name, tenant))
            return person

    def add_application(self, tenant, **properties):
        with self.lock:
            application = Application(tenant, **properties)
            self._applications[application.client_id.lower()] = application
            return application

    def find_tenant(self, name):
        """By the path's word: an alias, an ID or a domain; None if there is none."""
        with self.lock:
            name = name.lower()
            if name in self._aliases:
                return self._aliases[name]
            return next((tenant for tenant in self._tenants
                         if name in (tenant.id, *(domain.lower() for domain in tenant.domains))),
                        None)

    def find_person(self, name):
        with self.lock:
            return self._people.get(name.lower())

    def find_application(self, client_id):
        with self.lock:
            return self._applications.get(client_id.lower())

    def people(self, tenant):
        """Who can sign in there, in the order they were added."""
        with self.lock:
            return [person for person in self._people.values() if tenant.holds(person)]

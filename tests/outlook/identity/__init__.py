# SPDX-License-Identifier: ISC
"""Microsoft's identity endpoints, as far as a mail program meets them, misbehaving on cue.

    directory = Directory()
    contoso = directory.add_tenant("contoso.example")
    app = directory.add_application(contoso)
    directory.add_person("ada@contoso.example")
    with Identity(directory, certificate=..., private_key=...) as identity:
        identity.authority                      # "https://127.0.0.1:PORT"
        identity.faults.cue(Trouble("token refresh_token", error=53003))
        identity.journal.entries("token refresh_token")

Under AUTHORITY/TENANT/oauth2/v2.0/ there are authorize (code and PKCE), token (all four grants) and
devicecode; TENANT is common, organizations, consumers, a tenant's ID or its domain. The page where
people sign in has one button for each person of the directory, and one for Cancel.

The modules: directory (tenants, people, applications), tokens (what was issued), grants (the token
endpoint), endpoints (the others), assertion (certificates), refusals (AADSTS numbers), pages, http,
trouble (faults), journal, server.
"""

from .directory import Application, Directory, Person, Tenant
from .server import Identity, Settings
from .trouble import Trouble

__all__ = ["Application", "Directory", "Identity", "Person", "Settings", "Tenant", "Trouble"]

# SPDX-License-Identifier: ISC
"""Which tokens open which mailbox: Exchange's side of OAuth.

A token that is no mail server's, or of an application that nobody introduced to Exchange, is
refused. One that is good as such is let in, and then opens nothing unless it may: AUTHENTICATE says
OK, and every command behind it `BAD User is authenticated but not connected.`
"""

from typing import NamedTuple, Optional


class Admission(NamedTuple):
    account: object            # None: refused
    connected: bool = False    # whether the mailbox opens
    token: Optional[object] = None


def admit(store, identity, user, text):
    """`user` as the client gave it, `text` the token."""
    token = identity.find_access(text) if identity is not None else None
    account = store.find_account(user)
    if token is None or account is None or not token.opens_mail:
        return Admission(None)
    if token.person is None:
        application = token.application
        if store.service_principals.get(application.client_id) != application.object_id:
            return Admission(None)
        allowed = application.client_id in account.applications
    else:
        own = token.person.name.lower() == account.user.lower()
        allowed = own or token.person.name.lower() in account.delegates
    return Admission(account, allowed and account.imap_enabled, token)

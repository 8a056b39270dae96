# SPDX-License-Identifier: ISC
"""The commands of IMAP4rev1 and its extensions, one function each, with Exchange's words.

Each takes the session and the command's arguments, sends its untagged responses, and returns the
text of the tagged one. TABLE says in which states a command is legal.
"""

import base64
import binascii
import re
from typing import Callable, NamedTuple, Optional

from . import fetch, permissions
from .placeholder import placeholder
from .store import SYSTEM_FLAGS, canonical_flag
from .syntax import (Atom, BadSyntax, decode_utf7, encode_astring, encode_utf7, in_sequence,
                     sequence, string)

NOT_AUTHENTICATED, AUTHENTICATED, SELECTED, LOGOUT = range(4)
_ANY = (NOT_AUTHENTICATED, AUTHENTICATED, SELECTED)
_LOGGED_IN = (AUTHENTICATED, SELECTED)

INVALID_STATE = "BAD Command received in Invalid state."
ARGUMENT = "BAD Command Argument Error. 11"
NOT_UNDERSTOOD = "BAD Command Argument Error. 12"
NOT_CONNECTED = "BAD User is authenticated but not connected."


# Any state.

def _capability(session, _):
    starttls = session.server.tls == "starttls" and not session.connection.encrypted
    listed = session.options.capabilities(session.state in _LOGGED_IN, starttls)
    session.say("* CAPABILITY " + " ".join(listed))
    return "OK CAPABILITY completed."


def _noop(_session, _):
    return "OK NOOP completed."


def _check(_session, _):
    return "OK CHECK completed."


def _logout(session, _):
    session.leave_mailbox()
    session.say("* BYE Microsoft Exchange Server IMAP4 server signing off.")
    session.state = LOGOUT
    return "OK LOGOUT completed."


def _id(session, _):
    session.say('* ID ("name" "Microsoft.Exchange.Imap4.Imap4Server" "version" "15.20")')
    return "OK ID completed"


# Not authenticated.

def _starttls(session, _):
    if session.server.tls != "starttls" or session.connection.encrypted:
        return NOT_UNDERSTOOD
    session.afterwards = lambda: session.connection.start_tls(session.server.context)
    return "OK Begin TLS negotiation now."


def _login(session, arguments):
    user, password = map(string, arguments)
    return _admit(session, user, password, "LOGIN")


def _authenticate(session, arguments):
    mechanism = arguments[0].upper()
    function = _MECHANISMS.get(mechanism)
    if function is None or not session.options.has(f"AUTH={mechanism}"):
        return "NO AUTHENTICATE failed."
    response = _sasl_response(session, arguments)
    if response is None:
        return "BAD AUTHENTICATE cancelled."
    return function(session, response)


def _plain(session, response):
    parts = response.split(b"\0")
    if len(parts) != 3:
        return "NO AUTHENTICATE failed."
    return _admit(session, parts[1], parts[2], "AUTHENTICATE")


def _xoauth2(session, response):
    match = re.fullmatch(rb"user=([^\x01]+)\x01auth=Bearer ([^\x01 ]+)\x01\x01", response)
    if match is None:
        return NOT_UNDERSTOOD
    return _admit_token(session, *match.groups(), b"")


def _oauthbearer(session, response):
    """RFC 7628 section 3.1; host and port may be there and say nothing here."""
    match = re.fullmatch(rb"n,a=([^,\x01]+),\x01(?:(?:host|port)=[^\x01]*\x01)*"
                         rb"auth=Bearer ([^\x01 ]+)\x01(?:(?:host|port)=[^\x01]*\x01)*\x01",
                         response)
    if match is None:
        return NOT_UNDERSTOOD
    return _admit_token(session, *match.groups(), b"\x01")


_MECHANISMS = {"PLAIN": _plain, "XOAUTH2": _xoauth2, "OAUTHBEARER": _oauthbearer}


def _sasl_response(session, arguments):
    """The decoded response, initial or asked for; None when the client cancels."""
    if len(arguments) > 1 and session.options.has("SASL-IR"):
        line = b"" if arguments[1] == "=" else string(arguments[1])
    else:
        session.say("+ ")
        session.connection.flush()
        line = session.connection.read_line(session.options.command_limit)
        if line == b"*":
            return None
    return _decoded(line)


def _decoded(line):
    try:
        return base64.b64decode(line, validate=True)
    except binascii.Error:
        raise BadSyntax("no base64") from None


def _admit(session, user, password, command):
    session.connection.pause(session.options.login_latency)
    account = session.server.store.log_in(user, password) if session.options.passwords else None
    if account is None:
        if session.options.password_bye:
            session.say_after = ("* BYE Microsoft Exchange Server IMAP4 server signing off.",)
            session.state = LOGOUT
        return session.options.password_refusal.format(command)
    session.log_in(account)
    return f"OK {command} completed."


def _admit_token(session, user, token, empty):
    """`empty`: how the mechanism says that it has read the challenge."""
    session.connection.pause(session.options.login_latency)
    admission = permissions.admit(session.server.store, session.server.identity,
                                  user.decode("utf-8"), token.decode("latin-1"))
    if admission.account is None:
        if session.options.token_challenge:
            _challenge(session, empty)
        return "NO AUTHENTICATE failed."
    session.log_in(admission.account, admission.connected, admission.token)
    return "OK AUTHENTICATE completed."


def _challenge(session, empty):
    """Explains, and reads the response, which says nothing; anything else is a client's mistake."""
    session.say("+ " + base64.b64encode(session.options.token_challenge.encode()).decode())
    session.connection.flush()
    if _decoded(session.connection.read_line(session.options.command_limit)) != empty:
        raise BadSyntax("something else than an empty response")


# Authenticated.

def _mailbox_name(word):
    return decode_utf7(string(word))


def _select(session, arguments, read_only=False):
    name = _mailbox_name(arguments[0])
    session.leave_mailbox()
    mailbox = session.account.find(name)
    verb = "EXAMINE" if read_only else "SELECT"
    if mailbox is None:
        return f"NO {name} doesn't exist."
    read_only = read_only or session.options.read_only
    session.enter_mailbox(mailbox, read_only)
    flags = " ".join(SYSTEM_FLAGS)
    lines = [("EXISTS", f"{len(session.view)} EXISTS"), ("RECENT", "0 RECENT"),
             ("FLAGS", f"FLAGS ({flags})"),
             ("PERMANENTFLAGS", f"OK [PERMANENTFLAGS ({'' if read_only else flags})]")]
    unseen = [number for number, message in enumerate(session.view, 1)
              if "\\Seen" not in message.flags]
    if unseen:
        lines.append(("UNSEEN", f"OK [UNSEEN {unseen[0]}] Is the first unseen message"))
    lines += [("UIDVALIDITY", f"OK [UIDVALIDITY {mailbox.uidvalidity}] UIDVALIDITY value"),
              ("UIDNEXT", f"OK [UIDNEXT {mailbox.uidnext}] The next unique identifier value")]
    for key, line in lines:
        if key not in session.options.select_drop:
            session.say("* " + line)
    return f"OK [{'READ-ONLY' if read_only else 'READ-WRITE'}] {verb} completed."


def _examine(session, arguments):
    return _select(session, arguments, read_only=True)


def _list(session, arguments):
    pattern = string(arguments[1]).decode("latin-1")
    wanted = re.compile("".join({"*": ".*", "%": "[^/]*"}.get(one, re.escape(one))
                                for one in pattern), re.IGNORECASE)
    if not pattern:
        session.say('* LIST (\\Noselect) "/" ""')
    with session.account.lock:
        mailboxes = list(session.account.mailboxes.values())
    for mailbox in mailboxes:
        name = encode_utf7(mailbox.name)
        if pattern and wanted.fullmatch(name.decode("ascii")):
            shown = list(mailbox.attributes) if session.options.special_use else []
            attributes = " ".join(["\\HasNoChildren", *shown])
            session.connection.send(b'* LIST (%s) "/" ' % attributes.encode() +
                                    encode_astring(name) + b"\r\n")
    return "OK LIST completed."


def _create(session, arguments):
    if session.account.create(_mailbox_name(arguments[0])) is None:
        return "NO Mailbox already exists."
    return "OK CREATE completed."


def _status(session, arguments):
    name = _mailbox_name(arguments[0])
    mailbox = session.account.find(name)
    if mailbox is None:
        return f"NO {name} doesn't exist."
    with mailbox.lock:
        values = {"MESSAGES": len(mailbox.messages), "RECENT": 0, "UIDNEXT": mailbox.uidnext,
                  "UIDVALIDITY": mailbox.uidvalidity,
                  "UNSEEN": sum("\\Seen" not in one.flags for one in mailbox.messages)}
    asked = [item.upper() for item in arguments[1]]
    if not asked or any(item not in values for item in asked):
        return ARGUMENT
    shown = " ".join(f"{item} {values[item]}" for item in asked)
    session.connection.send(b"* STATUS " + encode_astring(encode_utf7(mailbox.name)) +
                            f" ({shown})\r\n".encode())
    return "OK STATUS completed."


def _namespace(session, _):
    session.say('* NAMESPACE (("" "/")) NIL NIL')
    return "OK NAMESPACE completed."


# Selected. `is_uid`: the numbers are UIDs.

def _chosen(session, word, is_uid):
    """(sequence number, message) of the set's messages."""
    if is_uid:
        highest = session.view[-1].uid if session.view else 1
        ranges = sequence(word, highest)
        return [(number, message) for number, message in enumerate(session.view, 1)
                if in_sequence(message.uid, ranges)]
    ranges = sequence(word, max(1, len(session.view)))
    if any(high > len(session.view) for _, high in ranges):
        raise BadSyntax("no such sequence number")
    return [(number, message) for number, message in enumerate(session.view, 1)
            if in_sequence(number, ranges)]


def _fetch(session, arguments, is_uid=False):
    chosen = _chosen(session, arguments[0], is_uid)
    items = fetch.arrange(fetch.parse_items(arguments[1]), session.options.fetch_order, is_uid)
    form = session.fault.body if session.fault is not None else None
    if form == "absent":
        return "OK FETCH completed."
    for number, message in chosen:
        # What another session expunged cannot be read any more, not even before it is told.
        if session.mailbox.holds(message):
            _fetch_one(session, number, message, items, form or session.options.bodies)
    return "OK FETCH completed."


def _fetch_one(session, number, message, items, form):
    if any(item.name == "BODY" and not item.peek for item in items) and not session.read_only:
        session.mailbox.set_flags(message, message.flags | {"\\Seen"})
        session.told(message)
    send = session.connection.send
    source = placeholder(message) if form == "placeholder" else message
    send(b"* %d FETCH (" % number)
    for position, item in enumerate(items):
        if position > 0:
            send(b" ")
        if item.name == "BODY":
            body = fetch.section(source, item, session.options.ignore_partial)
            send(item.label.encode() + b" ")
            _send_body(session, body, form)
        else:
            send(f"{item.name} {_value(session, message, item.name)}".encode())
    send(b")\r\n")


def _value(session, message, name):
    if name == "UID":
        return message.uid
    if name == "FLAGS":
        return f"({' '.join(sorted(message.flags))})"
    if name == "RFC822.SIZE":
        return session.options.size_of(message)
    return fetch.internaldate(message.internaldate)


def _send_body(session, body, form):
    send = session.connection.send
    if form == "nil":
        send(b"NIL")
        return
    if form == "quoted" and fetch.can_be_quoted(body):
        octets = b"".join(body.pieces())
        send(b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"')
        return
    if form == "empty":
        body = body._replace(length=0)
    if form == "short":
        body = body._replace(length=body.length // 2)
    send(b"{%d}\r\n" % body.length)
    fault, sent = session.fault, 0
    for piece in body.pieces():
        stop = None
        if fault is not None:
            stop = fault.cut_literal if fault.cut_literal is not None else fault.hang_literal
        if stop is not None and sent + len(piece) > stop:
            send(piece[:stop - sent])
            session.connection.flush()
            if fault.cut_literal is not None:
                session.connection.cut(fault.reset)
            session.connection.hang()
        session.connection.send_slowly(piece)
        sent += len(piece)


def _store(session, arguments, is_uid=False):
    chosen = _chosen(session, arguments[0], is_uid)
    action = arguments[1].upper()
    listed = arguments[2] if isinstance(arguments[2], list) else arguments[2:]
    flags = {canonical_flag(flag) for flag in listed}
    match = re.fullmatch(r"([+-]?)FLAGS(\.SILENT)?", action)
    if match is None or session.read_only or not flags <= set(SYSTEM_FLAGS):
        return ARGUMENT
    for number, message in chosen:
        with session.mailbox.lock:
            wanted = {"+": message.flags | flags, "-": message.flags - flags,
                      "": flags}[match.group(1)]
            session.mailbox.set_flags(message, wanted)
            session.told(message)
        if not match.group(2):
            uid = f"UID {message.uid} " if is_uid else ""
            session.say(f"* {number} FETCH ({uid}FLAGS ({' '.join(sorted(wanted))}))")
    return "OK STORE completed."


def _copy(session, arguments, is_uid=False, move=False):
    chosen = [message for _, message in _chosen(session, arguments[0], is_uid)
              if session.mailbox.holds(message)]
    target = session.account.find(_mailbox_name(arguments[1]))
    verb = "MOVE" if move else "COPY"
    if move and session.read_only:
        return ARGUMENT
    if target is None:
        return "NO [TRYCREATE] The requested mailbox doesn't exist."
    made = [target.append(message.body, message.flags - {"\\Deleted"} if move else message.flags,
                          message.internaldate, message.size) for message in chosen]
    code = ""
    if made and session.options.has("UIDPLUS"):
        sources = _numbers([message.uid for message in chosen])
        code = f"[COPYUID {target.uidvalidity} {sources} {_numbers(made)}] "
    if not move:
        return f"OK {code}COPY completed."
    if code:
        session.say(f"* OK {code}COPYUID")
    session.mailbox.remove([message.uid for message in chosen])
    return "OK MOVE completed."


def _numbers(numbers):
    """A set with its ranges: 1:3,7"""
    made = []
    for number in numbers:
        if made and made[-1][1] == number - 1:
            made[-1][1] = number
        else:
            made.append([number, number])
    return ",".join(str(low) if low == high else f"{low}:{high}" for low, high in made)


def _move(session, arguments, is_uid=False):
    return _copy(session, arguments, is_uid, move=True)


def _search(session, arguments, is_uid=False):
    if arguments and arguments[0] == "CHARSET" and arguments[1].upper() != "US-ASCII":
        return "NO [BADCHARSET (US-ASCII)] The specified charset is not supported."
    numbered = list(enumerate(session.view, 1))
    words = list(arguments)
    while words:
        word = words.pop(0)
        key = word.upper() if isinstance(word, Atom) else ""
        if key == "ALL":
            continue
        if key == "UID":
            ranges = sequence(words.pop(0), session.view[-1].uid if session.view else 1)
            numbered = [(n, m) for n, m in numbered if in_sequence(m.uid, ranges)]
        elif key in ("DELETED", "SEEN", "FLAGGED", "ANSWERED", "DRAFT"):
            numbered = [(n, m) for n, m in numbered if "\\" + key.capitalize() in m.flags]
        elif key in ("UNDELETED", "UNSEEN", "UNFLAGGED", "UNANSWERED", "UNDRAFT"):
            numbered = [(n, m) for n, m in numbered if "\\" + key[2:].capitalize() not in m.flags]
        else:
            ranges = sequence(word, max(1, len(session.view)))
            numbered = [(n, m) for n, m in numbered if in_sequence(n, ranges)]
    found = [str(message.uid if is_uid else number) for number, message in numbered]
    session.say(" ".join(["* SEARCH", *found]))
    return "OK SEARCH completed."


def _expunge(session, arguments, is_uid=False):
    if session.read_only:
        return ARGUMENT
    chosen = [message for _, message in _chosen(session, arguments[0], True)] if is_uid \
        else list(session.view)
    session.mailbox.remove([message.uid for message in chosen if "\\Deleted" in message.flags])
    return "OK EXPUNGE completed."


def _close(session, _):
    if not session.read_only:
        session.mailbox.remove([message.uid for message in session.view
                                if "\\Deleted" in message.flags])
    session.leave_mailbox()
    return "OK CLOSE completed."


def _unselect(session, _):
    session.leave_mailbox()
    return "OK UNSELECT completed."


def _idle(session, _):
    def woken():
        session.tell_changes()
        session.connection.flush()

    session.say("+ IDLE accepted, awaiting DONE command.")
    woken()
    if session.connection.wait_for_line(woken).upper() != b"DONE":
        return NOT_UNDERSTOOD
    return "OK IDLE completed."


def _by_uid(function):
    return lambda session, arguments: function(session, arguments, is_uid=True)


class Row(NamedTuple):
    states: tuple
    function: Callable
    needs: Optional[str] = None      # the capability without which it is not understood
    connected: bool = False          # needs a token or password that opens this mailbox


_SELECTED = (SELECTED,)

TABLE = {
    "CAPABILITY": Row(_ANY, _capability),
    "NOOP": Row(_ANY, _noop),
    "LOGOUT": Row(_ANY, _logout),
    "ID": Row(_ANY, _id, needs="ID"),
    "STARTTLS": Row((NOT_AUTHENTICATED,), _starttls),
    "LOGIN": Row((NOT_AUTHENTICATED,), _login),
    "AUTHENTICATE": Row((NOT_AUTHENTICATED,), _authenticate),
    "SELECT": Row(_LOGGED_IN, _select, connected=True),
    "EXAMINE": Row(_LOGGED_IN, _examine, connected=True),
    "LIST": Row(_LOGGED_IN, _list, connected=True),
    "CREATE": Row(_LOGGED_IN, _create, connected=True),
    "STATUS": Row(_LOGGED_IN, _status, connected=True),
    "NAMESPACE": Row(_LOGGED_IN, _namespace, needs="NAMESPACE", connected=True),
    "IDLE": Row(_LOGGED_IN, _idle, needs="IDLE", connected=True),
    "CHECK": Row(_SELECTED, _check),
    "FETCH": Row(_SELECTED, _fetch),
    "STORE": Row(_SELECTED, _store),
    "COPY": Row(_SELECTED, _copy),
    "MOVE": Row(_SELECTED, _move, needs="MOVE"),
    "SEARCH": Row(_SELECTED, _search),
    "EXPUNGE": Row(_SELECTED, _expunge),
    "CLOSE": Row(_SELECTED, _close),
    "UNSELECT": Row(_SELECTED, _unselect, needs="UNSELECT"),
    "UID FETCH": Row(_SELECTED, _by_uid(_fetch)),
    "UID STORE": Row(_SELECTED, _by_uid(_store)),
    "UID COPY": Row(_SELECTED, _by_uid(_copy)),
    "UID MOVE": Row(_SELECTED, _by_uid(_move), needs="MOVE"),
    "UID SEARCH": Row(_SELECTED, _by_uid(_search)),
    "UID EXPUNGE": Row(_SELECTED, _by_uid(_expunge), needs="UIDPLUS"),
}

# SPDX-License-Identifier: ISC
"""Runs Debian's Dovecot (2.3) for a test: on free ports of the loopback, in a folder of its own.

    with ImapServer(folder, users={"ann": "secret"}) as imap:    # IMAPS, and IMAP with STARTTLS
        imap.deliver("ann", [b"Subject: hello\\r\\n\\r\\n"])
        with Pop3Front(other_folder, imap) as front:             # POP3 from that server, by imapc
            ...

Nothing of /etc/dovecot nor of a running service is used. Dovecot always runs without privileges:
as whoever runs the test or, when that is root, as nobody; so there is one way to set it up, and
mailboxes can be looked into by either. Started means: every port has greeted.
"""

import contextlib
import imaplib
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "certs"))
import make_certs  # noqa: E402

STARTS_WITHIN = 30  # seconds, as all of these; ceilings, not waits
STOPS_WITHIN = 10

# What any instance needs to run unprivileged: no user of its own for any service, no chroot, none
# of the limits that protect a public server.
COMMON = """
base_dir = {folder}/run
state_dir = {folder}/state
instance_name = {folder_name}
log_path = {folder}/dovecot.log
listen = 127.0.0.1
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
default_vsz_limit = 0
first_valid_uid = 1
first_valid_gid = 1
mail_uid = {user}
mail_gid = {group}
mail_max_userip_connections = 0
disable_plaintext_auth = no
auth_failure_delay = 0
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{private_key}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""

IMAP = """
protocols = imap
mail_location = maildir:{folder}/mail/%u
passdb {{
  driver = passwd-file
  args = {folder}/users
}}
userdb {{
  driver = static
  args = home={folder}/home/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {ports[0]}
  }}
  inet_listener imaps {{
    port = {ports[1]}
  }}
}}
"""

# Tokens in place of passwords: JWTs are verified with the provider's public key, opaque ones by
# asking it (RFC 7662).
TOKEN_IMAP = """
protocols = imap
mail_location = maildir:{folder}/mail/%u
auth_mechanisms = {mechanisms}
passdb {{
  driver = oauth2
  mechanisms = {mechanisms}
  args = {folder}/oauth2.conf
}}
userdb {{
  driver = static
  args = home={folder}/home/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {ports[0]}
  }}
  inet_listener imaps {{
    port = {ports[1]}
  }}
}}
"""

LOCAL_VALIDATION = """
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={folder}/keys/
issuers = {provider.issuer}
username_attribute = email
"""

INTROSPECTION = """
introspection_mode = post
introspection_url = {provider.issuer}/tenant/oauth2/introspect
client_id = dovecot
client_secret = dovecot-secret
tls_ca_cert_file = {provider.ca}
username_attribute = email
active_attribute = active
active_value = true
force_introspection = yes
"""

# imapc at its best: sizes and headers by their own commands, several in flight, TLS to the server.
POP3 = """
protocols = pop3
mail_location = imapc:{folder}/mail/%u
imapc_host = {upstream_host}
imapc_port = {upstream_port}
imapc_ssl = imaps
imapc_ssl_verify = yes
ssl_client_ca_file = {ca}
imapc_features = rfc822.size fetch-headers fetch-bodystructure
mail_prefetch_count = 100
pop3_uidl_format = %08Xu%08Xv
passdb {{
  driver = imap
  args = host={upstream_host} port={upstream_port} ssl=imaps ssl_ca_file={ca}
  default_fields = userdb_imapc_user=%u userdb_imapc_password=%w
}}
userdb {{
  driver = prefetch
}}
userdb {{
  driver = static
  args = home={folder}/mail/%u
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {ports[0]}
  }}
  inet_listener pop3s {{
    port = {ports[1]}
  }}
}}
"""


def unprivileged(command):
    """The command as run by nobody, when this is root; unchanged otherwise."""
    if os.geteuid() != 0:
        return list(command)
    return ["setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", *command]


def hand_over(path):
    """Gives a folder, and what is in it, to whom unprivileged() becomes."""
    if os.geteuid() != 0:
        return
    for folder, _, files in os.walk(path):
        for name in (folder, *(os.path.join(folder, file) for file in files)):
            shutil.chown(name, "nobody", "nogroup")


def installed():
    """What of Dovecot is missing, as text; None if nothing is."""
    for program in ("/usr/lib/dovecot/imap", "/usr/lib/dovecot/pop3"):
        if not os.path.exists(program):
            return program
    return None if executable() else "dovecot"


def executable():
    return shutil.which("dovecot", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def free_ports(count):
    """Ports that were free a moment ago; Dovecot cannot be told to choose."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in sockets]


def _names():
    if os.geteuid() == 0:
        return "nobody", "nogroup"
    import grp
    import pwd
    return pwd.getpwuid(os.geteuid()).pw_name, grp.getgrgid(os.getegid()).gr_name


class Dovecot:
    """One instance. `template` is the configuration beyond COMMON; `extra` is put after all."""

    template = ""

    def __init__(self, folder, extra="", **values):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.extra = extra
        self.values = values
        authority = make_certs.make_ca(str(self.folder))
        self.ca = authority.certificate   # the path of what clients are to trust
        self.certificate = make_certs.make_cert(authority, str(self.folder))
        self.ports = None
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def _configure(self):
        user, group = _names()
        text = (COMMON + self.template + self.extra).format(
            folder=self.folder, folder_name=self.folder.name, user=user, group=group,
            certificate=self.certificate.certificate, private_key=self.certificate.private_key,
            ports=self.ports, **self.values)
        path = self.folder / "dovecot.conf"
        path.write_text(text, encoding="utf-8")
        hand_over(self.folder)
        return str(path)

    def start(self):
        """On the ports it had, if it ran before. A port lost to somebody else: other ports."""
        again = self.ports is not None
        for _ in range(5):
            if not again:
                self.ports = free_ports(2)
            with open(self.folder / "stderr", "wb") as errors:
                self.process = subprocess.Popen(
                    unprivileged([executable(), "-F", "-c", self._configure()]),
                    stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors,
                    start_new_session=True)
            if self._greets():
                return
            self.stop()
            if "Address already in use" not in self.log():
                break
        raise RuntimeError(f"Dovecot does not start:\n{self.log()}")

    def _greets(self):
        deadline = time.monotonic() + STARTS_WITHIN
        context = self.client_context()
        for port, tls in ((self.ports[0], False), (self.ports[1], True)):
            while True:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    return False
                try:
                    with socket.create_connection(("127.0.0.1", port), 5) as sock:
                        if tls:
                            sock = context.wrap_socket(sock, server_hostname="127.0.0.1")
                        with sock:
                            if sock.recv(100)[:1] in (b"*", b"+"):
                                break
                except OSError:
                    pass
                time.sleep(0.02)
        return True

    def client_context(self):
        return ssl.create_default_context(cafile=self.ca)

    def log(self):
        parts = []
        for name in ("stderr", "dovecot.log"):
            with contextlib.suppress(OSError):
                parts.append((self.folder / name).read_text(errors="replace"))
        return "".join(parts)

    def signal(self, number):
        """To every process of this instance: the master's group is its own."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def stop(self):
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
        try:
            self.process.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            pass
        self.kill()

    def kill(self):
        """At once, mid-sentence if need be."""
        if self.process is not None:
            self.signal(signal.SIGKILL)
            self.process.wait()
            self.process = None


class ImapServer(Dovecot):
    """Mailboxes are Maildirs below folder/mail; they come into being when first used."""

    template = IMAP

    def __init__(self, folder, users, extra=""):
        super().__init__(folder, extra)
        self.users = dict(users)
        (self.folder / "users").write_text(
            "".join(f"{name}:{{PLAIN}}{password}::::::\n" for name, password in users.items()),
            encoding="utf-8")

    @property
    def port(self):
        """IMAP, with STARTTLS."""
        return self.ports[0]

    @property
    def tls_port(self):
        return self.ports[1]

    def deliver(self, user, messages):
        """Puts messages into a mailbox octet for octet, as a delivery agent does: by writing to
        the Maildir. Their order is that of their UIDs."""
        box = self.folder / "mail" / user
        for name in ("cur", "new", "tmp"):
            (box / name).mkdir(parents=True, exist_ok=True)
        taken = sum(1 for name in ("cur", "new") for _ in (box / name).iterdir())
        base = int(time.time()) - 1000000 + taken
        for number, message in enumerate(messages):
            # Dovecot gives UIDs in the order of the time that a name begins with.
            name = f"{base + number}.M{time.monotonic_ns() % 1000000}P{os.getpid()}.test"
            (box / "tmp" / name).write_bytes(message)
            (box / "tmp" / name).rename(box / "new" / name)
        hand_over(self.folder / "mail")

    @contextlib.contextmanager
    def session(self, user, readonly=False):
        """An imaplib session with INBOX selected."""
        client = imaplib.IMAP4_SSL("127.0.0.1", self.tls_port,
                                   ssl_context=self.client_context(), timeout=60)
        try:
            client.login(user, self.users[user])
            client.select(readonly=readonly)
            yield client
        finally:
            client.shutdown()

    def uids(self, user):
        with self.session(user, readonly=True) as client:
            return [int(uid) for uid in client.uid("SEARCH", "ALL")[1][0].split()]

    def served(self, user):
        """[(UID, flags, octets)] in the order of UIDs, as this server itself serves them."""
        with self.session(user, readonly=True) as client:
            _, data = client.uid("FETCH", "1:*", "(UID FLAGS BODY.PEEK[])")
        messages = []
        for item in data:
            if isinstance(item, tuple):
                line = item[0].decode()
                messages.append((int(line.split("UID ")[1].split()[0].rstrip(")")),
                                 set(line.split("FLAGS (")[1].split(")")[0].split()), item[1]))
        return sorted(messages)


class TokenImapServer(ImapServer):
    """Takes the tokens of a Provider (provider.py) and nothing else: XOAUTH2 and OAUTHBEARER, or
    the one that is asked for. `opaque`: it asks the provider about each of them."""

    template = TOKEN_IMAP

    def __init__(self, folder, provider, mechanisms="xoauth2 oauthbearer", opaque=False):
        super().__init__(folder, {})
        self.values["mechanisms"] = mechanisms
        text = (INTROSPECTION if opaque else LOCAL_VALIDATION).format(folder=self.folder,
                                                                      provider=provider)
        (self.folder / "oauth2.conf").write_text(text, encoding="utf-8")
        # Named by azp, algorithm and key, as Dovecot looks for it.
        keys = self.folder / "keys" / "default" / "RS256"
        keys.mkdir(parents=True, exist_ok=True)
        (keys / "op-1").write_bytes((provider.folder / "signing.pem.pub").read_bytes())

    def files(self, user):
        """The messages in a mailbox, octet for octet, without asking IMAP."""
        box = self.folder / "mail" / user
        return [path.read_bytes() for name in ("cur", "new") if (box / name).is_dir()
                for path in sorted((box / name).iterdir())]


class Pop3Front(Dovecot):
    """Dovecot doing what we do: POP3 out of an IMAP server, by its storage imapc, over TLS."""

    template = POP3

    def __init__(self, folder, upstream, host="127.0.0.1", port=None, extra=""):
        super().__init__(folder, extra, upstream_host=host,
                         upstream_port=port or upstream.tls_port, ca=upstream.ca)

    @property
    def port(self):
        """POP3, with STLS."""
        return self.ports[0]

    @property
    def tls_port(self):
        return self.ports[1]

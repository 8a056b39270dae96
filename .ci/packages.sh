# shellcheck shell=bash
# SPDX-License-Identifier: ISC
# What building and testing need: one list, for ./quickstart and ./check alike. To be sourced.
#
# Each line: the Debian package, and how to see that what it brings is there:
#   command NAME     pkg-config NAME     perl MODULE     file PATH

BUILD_NEEDS='
pkg-config             command pkg-config
meson                  command meson
ninja-build            command ninja
python3                command python3
openssl                command openssl
libevent-dev           pkg-config libevent_extra
libssl-dev             pkg-config openssl
libconfig-dev          pkg-config libconfig
libsqlite3-dev         pkg-config sqlite3
libcurl4-openssl-dev   pkg-config libcurl
libjansson-dev         pkg-config jansson
'

DEMONSTRATION_NEEDS='
curl                   command curl
util-linux             command setpriv
'

CHECK_NEEDS='
gcc                    command gcc
clang                  command clang
libclang-rt-14-dev     file /usr/lib/llvm-14/lib/clang/14*/lib/linux/libclang_rt.asan-*.a
llvm                   command llvm-symbolizer
libcmocka-dev          pkg-config cmocka
clang-format-14        command clang-format-14
mandoc                 command mandoc
systemd                command systemd-analyze
procps                 file /bin/kill
ca-certificates        file /etc/ssl/certs/ca-certificates.crt
dovecot-core           file /usr/sbin/dovecot
dovecot-imapd          file /usr/lib/dovecot/imap
dovecot-pop3d          file /usr/lib/dovecot/pop3
fetchmail              command fetchmail
mpop                   command mpop
getmail6               command getmail
libio-socket-ssl-perl  perl IO::Socket::SSL
libnet-ssleay-perl     perl Net::SSLeay
perl                   perl Net::POP3
chromium               command chromium
chromium-driver        command chromedriver
nodejs                 command node
npm                    command npm
'

# From npm, into build-node/: the identity provider that tests/real signs in at; and a Node.js of its
# own where the system's is older than it wants.
NODE_PACKAGES='oidc-provider@9.13.3'
NODE_NEEDED=20
NODE_OWN='node@22'


_is_there() {
	case $1 in
	command) command -v "$2" >/dev/null ;;
	pkg-config) pkg-config --exists "$2" 2>/dev/null ;;
	perl) perl -M"$2" -e 1 2>/dev/null ;;
	file) compgen -G "$2" >/dev/null ;;
	esac
}

# missing_packages NEEDS...: the packages that have to be installed, on one line.
missing_packages() {
	local package how what
	while read -r package how what; do
		[ -z "$package" ] || _is_there "$how" "$what" || printf '%s ' "$package"
	done <<<"$*"
}

# install_packages NEEDS...: installs what is missing, quietly. Returns 1, having said what to do,
# when that cannot be done here.
install_packages() {
	local missing become=() log
	missing=$(missing_packages "$@")
	[ -n "$missing" ] || return 0
	if ! command -v apt-get >/dev/null; then
		echo "These are missing (by their Debian names): $missing" >&2
		echo "Install them with the package manager of this system, then try again." >&2
		return 1
	fi
	if [ "$(id -u)" -ne 0 ]; then
		if ! command -v sudo >/dev/null || { [ ! -t 0 ] && ! sudo -n true 2>/dev/null; }; then
			echo "Packages are missing, and installing them needs root. Please run:" >&2
			echo "  apt-get install $missing" >&2
			return 1
		fi
		become=(sudo)
	fi
	echo "Installing: $missing"
	log=$(mktemp)
	# What comes with services (dovecot) must not start them here.
	# shellcheck disable=SC2086
	if ! { "${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q &&
		"${become[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
			apt-get install -q -y --no-install-recommends $missing; } \
		>"$log" 2>&1 </dev/null; then
		tail -n 20 "$log" >&2
		echo "Installing packages failed: $missing" >&2
		rm -f "$log"
		return 1
	fi
	rm -f "$log"
	missing=$(missing_packages "$@")
	[ -z "$missing" ] || { echo "Still missing after installation: $missing" >&2; return 1; }
}

# install_node_packages FOLDER: installs what is missing below FOLDER, quietly. Returns 1, having
# said why, when that cannot be done.
install_node_packages() {
	local folder=$1 wanted=$NODE_PACKAGES log status=0
	[ "$(node -p 'process.versions.node.split(".")[0]')" -ge $NODE_NEEDED ] ||
		wanted="$wanted $NODE_OWN"
	[ "$(cat "$folder/installed" 2>/dev/null)" != "$wanted" ] || return 0
	echo "Installing from npm: $wanted"
	log=$(mktemp)
	mkdir -p "$folder"
	# A file of its own makes FOLDER the place, whatever stands above it.
	echo '{"private": true}' >"$folder/package.json"
	# shellcheck disable=SC2086
	if (cd "$folder" && npm install --no-package-lock --no-audit --no-fund $wanted) \
		>"$log" 2>&1 </dev/null; then
		echo "$wanted" >"$folder/installed"
	else
		tail -n 20 "$log" >&2
		echo "Installing from npm failed: $wanted" >&2
		status=1
	fi
	rm -f "$log"
	return $status
}

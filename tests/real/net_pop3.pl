#!/usr/bin/perl
# SPDX-License-Identifier: ISC
# Retrieves a maildrop with Perl's Net::POP3: each message into FOLDER/0001 and so on.
#
#   net_pop3.pl HOST PORT plain|stls|tls CA-FILE USER PASSWORD keep|delete FOLDER
use strict;
use warnings;
use Net::POP3;

my ($host, $port, $tls, $ca, $user, $password, $fate, $folder) = @ARGV;
my @ssl = (SSL_ca_file => $ca, SSL_verify_mode => 1, SSL_verifycn_name => $host);
my $pop = Net::POP3->new($host, Port => $port, Timeout => 60, $tls eq 'tls' ? (SSL => 1, @ssl) : ())
	or die "cannot connect: $@\n";
$pop->starttls(@ssl) or die 'STLS: ', $pop->message if $tls eq 'stls';
defined $pop->login($user, $password) or die 'login: ', $pop->message;
my $sizes = $pop->list or die 'LIST: ', $pop->message;
my $unique_ids = $pop->uidl or die 'UIDL: ', $pop->message;
for my $number (sort { $a <=> $b } keys %$sizes) {
	exists $unique_ids->{$number} or die "no unique-id for $number\n";
	open my $file, '>:raw', sprintf('%s/%04d', $folder, $number) or die "$folder: $!\n";
	my $lines = $pop->get($number) or die "RETR $number: ", $pop->message;
	# Over TLS it leaves line ends as they are, otherwise it makes LF of them.
	if ($tls ne 'plain') { s/\r\n\z/\n/ for @$lines }
	print $file @$lines;
	close $file or die "$folder: $!\n";
	$pop->delete($number) or die "DELE $number: ", $pop->message if $fate eq 'delete';
}
$pop->quit or die 'QUIT: ', $pop->message;

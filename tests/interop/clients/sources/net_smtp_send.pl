# Sends the order's file as it is with Net::SMTP.
use strict;
use warnings;
use Authen::SASL qw(Perl);
use Net::SMTP;

open(my $file, '<:raw', $ENV{ORDER_FILE}) or die $!;
my $content = do { local $/; <$file> };
my %tls = (SSL_ca_file => $ENV{ORDER_CA});
my $smtp = Net::SMTP->new(
    '127.0.0.1', Port => $ENV{ORDER_PORT}, Hello => 'device.test',
    $ENV{ORDER_TLS} eq 'implicit' ? (SSL => 1, %tls) : (),
) or die "connect: $@";
$smtp->starttls(%tls) or die 'starttls: ' . $smtp->message if $ENV{ORDER_TLS} eq 'starttls';
if ($ENV{ORDER_MECHANISM}) {
    my $sasl = Authen::SASL->new(
        mechanism => $ENV{ORDER_MECHANISM},
        callback  => { user => $ENV{ORDER_USER}, pass => $ENV{ORDER_PASSWORD}, authname => '' },
    );
    $smtp->auth($sasl) or die 'auth: ' . $smtp->message;
}
$smtp->mail($ENV{ORDER_FROM}) or die $smtp->message;
$smtp->to($ENV{ORDER_TO}) or die $smtp->message;
$smtp->data($content) or die $smtp->message;
$smtp->quit or die $smtp->message;

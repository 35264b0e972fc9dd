# Sends the order's file as a message with Email::Sender.
use strict;
use warnings;
use Email::Sender::Simple qw(sendmail);
use Email::Sender::Transport::SMTP;
use Email::Simple;

open(my $file, '<:raw', $ENV{ORDER_FILE}) or die $!;
my $content = do { local $/; <$file> };
my %ssl = (starttls => 'starttls', implicit => 'ssl');
my $transport = Email::Sender::Transport::SMTP->new(
    hosts => ['127.0.0.1'], port => $ENV{ORDER_PORT}, helo => 'device.test',
    ssl => $ssl{$ENV{ORDER_TLS}} // 0, ssl_options => { SSL_ca_file => $ENV{ORDER_CA} },
    $ENV{ORDER_MECHANISM} ? (sasl_username => $ENV{ORDER_USER}, sasl_password => $ENV{ORDER_PASSWORD}) : (),
);
sendmail(Email::Simple->new($content), { transport => $transport, from => $ENV{ORDER_FROM}, to => [$ENV{ORDER_TO}] });

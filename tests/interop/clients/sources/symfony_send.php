<?php
// Makes a message of the order's parts and sends it with Symfony Mailer.
require '/usr/share/php/Symfony/Component/Mailer/autoload.php';

use Symfony\Component\Mailer\Mailer;
use Symfony\Component\Mailer\Transport\Smtp\Auth\LoginAuthenticator;
use Symfony\Component\Mailer\Transport\Smtp\Auth\PlainAuthenticator;
use Symfony\Component\Mailer\Transport\Smtp\EsmtpTransport;
use Symfony\Component\Mime\Email;

$mechanism = getenv('ORDER_MECHANISM');
$authenticator = $mechanism === 'LOGIN' ? new LoginAuthenticator() : new PlainAuthenticator();
$transport = new EsmtpTransport('127.0.0.1', (int) getenv('ORDER_PORT'), getenv('ORDER_TLS') === 'implicit', null, null, null, [$authenticator]);
$transport->getStream()->setStreamOptions(['ssl' => ['cafile' => getenv('ORDER_CA')]]);
$transport->setLocalDomain('device.test');
if ($mechanism) {
    $transport->setUsername(getenv('ORDER_USER'));
    $transport->setPassword(getenv('ORDER_PASSWORD'));
}
$email = (new Email())
    ->from(getenv('ORDER_FROM'))
    ->to(getenv('ORDER_TO'))
    ->subject(getenv('ORDER_SUBJECT'))
    ->text(getenv('ORDER_TEXT'))
    ->attachFromPath(getenv('ORDER_ATTACHMENT'), 'scan.pdf', 'application/octet-stream');
(new Mailer($transport))->send($email);

<?php
// Makes a message of the order's parts and sends it with PHPMailer.
require '/usr/share/php/libphp-phpmailer/autoload.php';

use PHPMailer\PHPMailer\PHPMailer;

$tls = getenv('ORDER_TLS');
$mailer = new PHPMailer(true);
$mailer->isSMTP();
$mailer->Host = '127.0.0.1';
$mailer->Port = (int) getenv('ORDER_PORT');
$mailer->Helo = 'device.test';
$mailer->SMTPSecure = ['' => '', 'starttls' => PHPMailer::ENCRYPTION_STARTTLS, 'implicit' => PHPMailer::ENCRYPTION_SMTPS][$tls];
$mailer->SMTPAutoTLS = false;
$mailer->SMTPOptions = ['ssl' => ['cafile' => getenv('ORDER_CA')]];
if (getenv('ORDER_MECHANISM')) {
    $mailer->SMTPAuth = true;
    $mailer->AuthType = getenv('ORDER_MECHANISM');
    $mailer->Username = getenv('ORDER_USER');
    $mailer->Password = getenv('ORDER_PASSWORD');
}
$mailer->CharSet = PHPMailer::CHARSET_UTF8;
$mailer->setFrom(getenv('ORDER_FROM'));
$mailer->addAddress(getenv('ORDER_TO'));
$mailer->Subject = getenv('ORDER_SUBJECT');
$mailer->Body = getenv('ORDER_TEXT');
$mailer->addAttachment(getenv('ORDER_ATTACHMENT'), 'scan.pdf');
$mailer->send();

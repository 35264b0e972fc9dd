// Makes a message of the order's parts and sends it with emailjs.
import { readFileSync } from "node:fs";
import { SMTPClient } from "emailjs";

const order = process.env;
const tls = order.ORDER_TLS ? { ca: readFileSync(order.ORDER_CA) } : false;
const client = new SMTPClient({
  host: "127.0.0.1",
  port: Number(order.ORDER_PORT),
  domain: "device.test",
  ssl: order.ORDER_TLS === "implicit" ? tls : false,
  tls: order.ORDER_TLS === "starttls" ? tls : false,
  user: order.ORDER_MECHANISM ? order.ORDER_USER : undefined,
  password: order.ORDER_MECHANISM ? order.ORDER_PASSWORD : undefined,
  authentication: order.ORDER_MECHANISM ? [order.ORDER_MECHANISM] : undefined,
});
try {
  await client.sendAsync({
    from: order.ORDER_FROM,
    to: order.ORDER_TO,
    subject: order.ORDER_SUBJECT,
    text: order.ORDER_TEXT,
    attachment: [{ path: order.ORDER_ATTACHMENT, type: "application/octet-stream", name: "scan.pdf" }],
  });
} catch (error) {
  console.error(error);
  process.exitCode = 1;
}

// Sends the order's file as it is with nodemailer.
const nodemailer = require("nodemailer");
const { readFileSync } = require("node:fs");

const order = process.env;
const transport = nodemailer.createTransport({
  host: "127.0.0.1",
  port: Number(order.ORDER_PORT),
  name: "device.test",
  secure: order.ORDER_TLS === "implicit",
  requireTLS: order.ORDER_TLS === "starttls",
  ignoreTLS: !order.ORDER_TLS,
  tls: order.ORDER_TLS ? { ca: readFileSync(order.ORDER_CA) } : undefined,
  auth: order.ORDER_MECHANISM ? { user: order.ORDER_USER, pass: order.ORDER_PASSWORD } : undefined,
  authMethod: order.ORDER_MECHANISM || undefined,
});
transport
  .sendMail({ envelope: { from: order.ORDER_FROM, to: [order.ORDER_TO] }, raw: readFileSync(order.ORDER_FILE) })
  .then((info) => console.log(info.response))
  .catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });

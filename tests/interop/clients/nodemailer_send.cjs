// Sends one raw message with nodemailer. Standard input: {"transport": {...}, "envelope": {...}, "raw": "<base64>"}.
const nodemailer = require("nodemailer");
const { readFileSync } = require("node:fs");

const order = JSON.parse(readFileSync(0, "utf8"));
if (order.ca) order.transport.tls = { ...order.transport.tls, ca: readFileSync(order.ca) };
const transport = nodemailer.createTransport(order.transport);
transport
  .sendMail({ envelope: order.envelope, raw: Buffer.from(order.raw, "base64") })
  .then((info) => console.log(info.response))
  .catch((error) => {
    console.error(error.message);
    process.exitCode = 1;
  });

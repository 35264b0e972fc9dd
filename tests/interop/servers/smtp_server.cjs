// A next hop made of the npm package smtp-server. Environment: SERVER_OPTIONS (JSON, given to the package as it is),
// SERVER_KEY and SERVER_CERTIFICATE (files), SERVER_LOGIN and SERVER_PASSWORD, SERVER_SIGNER (the certificate that
// access tokens must be signed with), SERVER_REFUSE (JSON: address -> [code, text]), SERVER_ONE_EACH (close after each
// message). Standard output: {"port":...}, then one line for each message.
const { createPublicKey, verify } = require("node:crypto");
const { readFileSync } = require("node:fs");
const { SMTPServer } = require("smtp-server");

const order = process.env;
const refuse = JSON.parse(order.SERVER_REFUSE || "{}");
let connections = 0;

const say = (what) => process.stdout.write(JSON.stringify(what) + "\n");

function refusal([code, text]) {
  return Object.assign(new Error(text), { responseCode: code });
}

function isSigned(token) {
  const [head, claims, signature] = token.split(".");
  const key = createPublicKey(readFileSync(order.SERVER_SIGNER));
  const until = JSON.parse(Buffer.from(claims, "base64url")).exp;
  const octets = Buffer.from(`${head}.${claims}`);
  return verify("RSA-SHA256", octets, key, Buffer.from(signature, "base64url")) && until > Date.now() / 1000;
}

const server = new SMTPServer({
  disableReverseLookup: true,
  authOptional: true,
  key: order.SERVER_KEY && readFileSync(order.SERVER_KEY),
  cert: order.SERVER_CERTIFICATE && readFileSync(order.SERVER_CERTIFICATE),
  ...JSON.parse(order.SERVER_OPTIONS || "{}"),
  onConnect(session, callback) {
    connections += 1;
    callback();
  },
  onAuth(auth, session, callback) {
    const good = auth.accessToken
      ? isSigned(auth.accessToken)
      : auth.username === order.SERVER_LOGIN && auth.password === order.SERVER_PASSWORD;
    if (good) callback(null, { user: `${auth.method} ${auth.username}` });
    else callback(refusal([535, "5.7.8 no"]));
  },
  onRcptTo(address, session, callback) {
    callback(refuse[address.address] && refusal(refuse[address.address]));
  },
  onData(stream, session, callback) {
    const blocks = [];
    stream.on("data", (block) => blocks.push(block));
    stream.on("end", () => {
      say({
        from: session.envelope.mailFrom.address,
        to: session.envelope.rcptTo.map((one) => one.address),
        content: Buffer.concat(blocks).toString("base64"),
        user: session.user || "",
        secure: session.secure,
        connections,
      });
      callback();
      if (order.SERVER_ONE_EACH) setImmediate(() => {
        server.connections.forEach((one) => one.id === session.id && one.close());
      });
    });
  },
});
process.stdin.on("end", () => process.exit()).resume(); // whoever started us is gone
server.on("error", (error) => console.error(error.message));
server.listen(0, "127.0.0.1", () => say({ port: server.server.address().port }));

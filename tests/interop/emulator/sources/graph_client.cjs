// Microsoft's own Graph client: JSON and MIME mail, a large attachment by its upload task, a list by its page iterator.
// Reads {"graph", "token", "user", "to", "octets"} from standard input, and writes one line of JSON of what it saw.
const { Client, LargeFileUploadTask, FileUpload, PageIterator } = require("@microsoft/microsoft-graph-client");

async function main(order) {
  const client = Client.init({
    baseUrl: order.graph,
    customHosts: new Set(["localhost"]),
    authProvider: (done) => done(null, order.token),
  });
  const mailbox = `/users/${order.user}`;
  const toRecipients = [{ emailAddress: { address: order.to } }];
  const message = { subject: "by the client", body: { contentType: "Text", content: "hello" }, toRecipients };
  await client.api(`${mailbox}/sendMail`).post({ message, saveToSentItems: false });
  const mime = Buffer.from(`To: ${order.to}\r\nSubject: as MIME\r\n\r\nhello\r\n`).toString("base64");
  await client.api(`${mailbox}/sendMail`).header("Content-Type", "text/plain").post(mime);

  const draft = await client.api(`${mailbox}/messages`).post({ ...message, subject: "large" });
  const octets = new Uint8Array(order.octets).fill(65);
  const session = await LargeFileUploadTask.createUploadSession(
    client,
    `${order.graph}/v1.0${mailbox}/messages/${draft.id}/attachments/createUploadSession`,
    { AttachmentItem: { attachmentType: "file", name: "large.txt", size: octets.length } },
  );
  const task = new LargeFileUploadTask(client, new FileUpload(octets, "large.txt", octets.length), session, {
    rangeSize: 1024 * 1024,
  });
  const uploaded = await task.upload();
  await client.api(`${mailbox}/messages/${draft.id}/send`).post({});

  const seen = [];
  const page = await client.api(`${mailbox}/mailFolders/sentitems/messages`).top(1).select("subject").get();
  await new PageIterator(client, page, (one) => seen.push(one.subject) > 0).iterate();
  let refused = "";
  try {
    await client.api(`${mailbox}/sendMail`).post({ message: { subject: "nobody" } });
  } catch (error) {
    refused = `${error.statusCode} ${error.code}`;
  }
  return { location: uploaded.location, seen, refused };
}

let text = "";
process.stdin.on("data", (block) => (text += block));
process.stdin.on("end", async () => console.log(JSON.stringify(await main(JSON.parse(text)))));

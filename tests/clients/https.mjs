// A REST API that is spoken to over TLS.
//
//   node https.mjs PORT HOST KEY CERTIFICATE
//
// Answers every request with the Host that it was sent, as a record.
import { readFileSync } from "node:fs";
import { createServer } from "node:https";

const [port, host, key, cert] = process.argv.slice(2);
const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) });
server.on("request", (request, response) => {
  request.resume().on("end", () => {
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ id: 7, host: request.headers.host }));
  });
});
server.listen(Number(port), host);

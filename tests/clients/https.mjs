// A REST API that is spoken to over TLS.
//
//   node https.mjs PORT HOST KEY CERTIFICATE
//
// Answers every request with the Host that it was sent, as a record. Where a tunnel is asked for it
// opens one, and says back what is said in it.
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
server.on("upgrade", (request, socket) => {
  socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
  socket.pipe(socket);
});
server.listen(Number(port), host);

// What RestDB's own clients do with a stream, for a page: an EventSource with the key in its query,
// three events of writes and those of publishes, and a loss declared where no ping is newer than 25 s.
const LOST_MS = 25_000;
let pinged = null;
let pings = 0;
const source = new EventSource("/realtime?apikey=all-key");
source.onopen = () => tell("connect");
source.addEventListener("ping", (event) => {
  const at = Date.parse(event.data);
  const late = Number.isNaN(at) || Math.abs(Date.now() - at) > LOST_MS || (pinged !== null && at - pinged > LOST_MS);
  if (late) tell(["lost", event.data]);
  pinged = at;
  pings += 1;
  if (pings === 2) tell("alive");
});
for (const name of ["post", "put", "delete"]) {
  source.addEventListener(name, (event) => tell([name, JSON.parse(event.data)]));
}
source.addEventListener("publish", (event) => {
  const told = JSON.parse(event.data);
  if (told.event === "GOAL") tell(["GOAL", told]);
});
const publish = async (key) => {
  const response = await fetch("/realtime", {
    method: "POST",
    headers: { "Content-Type": "application/json", "x-apikey": key },
    body: JSON.stringify({ event: "GOAL", data: 1 }),
  });
  return JSON.parse(await response.text());
};
globalThis.publishTwice = async () => [await publish("all-key"), await publish("wrong")];

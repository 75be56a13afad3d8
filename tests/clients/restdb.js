// What RestDB's own clients do with a stream, for a page: an EventSource with the key in its query,
// four events, the custom ones told apart by the name in their data, and a watch on the pings.
const WATCH_MS = 20_000;
const LOST_MS = 25_000;

globalThis.listen = (url, custom) => {
  let pinged = NaN;
  let source;
  const open = () => {
    source = new EventSource(url);
    source.onopen = () => tell(["connect"]);
    source.addEventListener("ping", (event) => {
      pinged = Date.parse(event.data);
      tell(["ping", event.data]);
    });
    for (const name of ["post", "put", "delete"]) {
      source.addEventListener(name, (event) => tell([name, JSON.parse(event.data)]));
    }
    source.addEventListener("publish", (event) => {
      const told = JSON.parse(event.data);
      if (told.event === custom) tell([custom, told]);
    });
  };
  setInterval(() => {
    // By the clock of the page, whatever that says; and no ping at all is none in time.
    const alive = Date.now() - pinged <= LOST_MS;
    tell([alive ? "kept" : "lost"]);
    if (alive) return;
    source.close();
    open();
  }, WATCH_MS);
  open();
};

// An answer that is no JSON is as good as none to them, and they try again, for ever. This one stops
// at the third try, so that a test comes to an end.
globalThis.publish = async (url, headers, body) => {
  for (let tries = 1; ; tries += 1) {
    try {
      const response = await fetch(url, { method: "POST", headers, body });
      return { tries, status: response.status, answer: JSON.parse(await response.text()) };
    } catch (error) {
      if (tries === 3) return { tries, error: String(error) };
    }
  }
};

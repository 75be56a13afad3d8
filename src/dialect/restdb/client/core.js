// The client of Tidings, for pages, workers and Node 20 or newer. README, "In a page", says how it
// is used; client.d.ts says what everything takes and gives.
//
// This text is served twice: as an ES module, and as a classic script. What stands around it names
//   SOURCE    the URL that this script came from, or undefined
//   SCRIPT    the path at which this text is served
//   REALTIME  the path of the stream
//
// It reads the stream by fetch, not by EventSource: a key and a cursor go in header fields and so
// into no URL, a refusal can be told from a loss, and it decides itself when to come back.

// A stream that was silent for so long is lost: pings come every 20 s at the latest.
const SILENCE_MS = 25_000;
// Before the server has said when to come back; at least; and at most, unless it asks for more.
const RETRY_MS = 2_000;
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 30_000;
const RETRY_TOLD_MAX_MS = 3_600_000;
// A publish that took longer has failed; whether it was told is not known.
const PUBLISH_MS = 30_000;
// So many events are remembered, in order to know one that comes again.
const REMEMBERED = 1024;

const WRITES = new Set(["POST", "PUT", "PATCH", "DELETE"]);
const OF_COLLECTIONS = new Set([...WRITES, "GAP", "UNCERTAIN"]);
const STATES = new Set(["CONNECT", "DISCONNECT", "RECONNECT"]);

class restdb {
  constructor(credential, options = {}) {
    const link = new Link(credential, options ?? {});
    this.on = (event, callback) => link.on(event, undefined, callback);
    this.off = (event, callback) => link.off(event, undefined, callback);
    this.publish = (event, data, callback) => link.publish(event, data, callback);
    this.close = () => link.close();
    this.collection = (name) => ({
      on: (event, callback) => link.on(event, String(name), callback),
      off: (event, callback) => link.off(event, String(name), callback),
    });
    // Any other name is a collection's.
    return new Proxy(this, {
      get: (own, name) =>
        typeof name === "symbol" || name in own ? Reflect.get(own, name) : own.collection(name),
    });
  }
}

// One credential at one server: who listens, and the stream they hear.
class Link {
  #url;
  // A key, a token, or what gives one whenever it is asked; and what was presented, and refused, last.
  #credential;
  #credentials;
  #presented;
  #refused;
  // {event, collection, callback, end}
  #listeners = new Set();
  // Why nothing more will come; null: nothing is wrong, it was closed.
  #over;

  #lastId = "";
  #remembered = new Set();
  // What the page says, and what the server said.
  #retryAsked;
  #retryTold = RETRY_MS;

  // The attempt or the stream under way, and when something came last, by two clocks.
  #attempt;
  #heard = 0;
  #heardWall = 0;
  #watch;
  // Attempts in a row that came to nothing.
  #failures = 0;
  // Ends the pause before the next attempt; and whether the next pause is to be left out.
  #wake;
  #hurry = false;
  #everOpen = false;
  #open = false;
  #unplug = () => {};

  constructor(credential, options) {
    this.#url = streamUrl(options.url);
    if (Number.isFinite(options.retry)) this.#retryAsked = options.retry;
    this.#credential = credential;
    // Whether the browser sends cookies to a server of another origin.
    this.#credentials = options.credentials ?? "same-origin";
    if (!options.realtime) {
      this.#over = new Error("nothing is heard without {realtime: true}");
      return;
    }
    try {
      if (typeof credential !== "function") new Headers(headersOf(credential));
    } catch {
      // No header field can hold it, so it is no key of the server's.
      this.#over = new Error("this is no key and no token");
      return;
    }
    this.#unplug = this.#plug();
    this.#run();
  }

  // --- who listens ---

  on(event, collection, callback) {
    const name = eventName(event, collection);
    if (callback === undefined) return this.#iterate(name, collection);
    if (typeof callback !== "function") throw new TypeError("the callback is no function");
    this.#listen({ event: name, collection, callback, end() {} });
    return undefined;
  }

  #listen(listener) {
    this.#listeners.add(listener);
    if (this.#over === undefined) return;
    const over = this.#over;
    queueMicrotask(() => {
      if (over && this.#listeners.has(listener)) call(listener.callback, over, null);
      listener.end();
    });
  }

  off(event, collection, callback) {
    const name = eventName(event, collection);
    for (const listener of this.#listeners) {
      const same = listener.event === name && listener.collection === collection;
      if (!same || (callback !== undefined && listener.callback !== callback)) continue;
      this.#listeners.delete(listener);
      listener.end();
    }
  }

  // What was not taken yet is kept, so that nothing is lost between two turns of a loop.
  #iterate(event, collection) {
    const ready = [];
    const waiting = [];
    let ended = false;
    const settle = ({ resolve, reject }, { error, value }) =>
      error ? reject(error) : resolve({ value, done: false });
    const listener = {
      event,
      collection,
      callback(error, value) {
        if (waiting.length > 0) settle(waiting.shift(), { error, value });
        else ready.push({ error, value });
      },
      end() {
        ended = true;
        for (const { resolve } of waiting.splice(0)) resolve({ value: undefined, done: true });
      },
    };
    this.#listen(listener);
    return {
      next: () =>
        new Promise((resolve, reject) => {
          if (ready.length > 0) settle({ resolve, reject }, ready.shift());
          else if (ended) resolve({ value: undefined, done: true });
          else waiting.push({ resolve, reject });
        }),
      return: async (value) => {
        this.#listeners.delete(listener);
        ready.length = 0;
        listener.end();
        return { value, done: true };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  #tell(event, eventdata) {
    for (const listener of [...this.#listeners]) {
      // An earlier callback may have taken it off, or closed everything.
      if (!this.#listeners.has(listener) || listener.event !== event) continue;
      if (concerns(listener.collection, event, eventdata)) call(listener.callback, null, eventdata);
    }
  }

  // --- what is asked of the server ---

  publish(event, data, callback) {
    if (callback === undefined) return this.#post({ event, data });
    if (typeof callback !== "function") throw new TypeError("the callback is no function");
    this.#post({ event, data }).then(
      (result) => call(callback, null, result),
      (error) => call(callback, error, null),
    );
    return undefined;
  }

  async #post(body) {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(new Error("no answer came in time")), PUBLISH_MS);
    try {
      const response = await fetch(this.#url, {
        method: "POST",
        headers: { ...(await this.#present()), "Content-Type": "application/json" },
        credentials: this.#credentials,
        body: JSON.stringify(body),
        signal: limit.signal,
      });
      if (!response.ok) throw await refusal(response);
      return await response.json();
    } finally {
      clearTimeout(timer);
    }
  }

  async #present() {
    const given = this.#credential;
    return headersOf(typeof given === "function" ? await given() : given);
  }

  close() {
    this.#end(null);
  }

  // Nothing more comes, because of `why`.
  #end(why) {
    if (this.#over !== undefined) return;
    this.#over = why;
    this.#unplug();
    clearTimeout(this.#watch);
    this.#attempt?.abort();
    this.#wake?.();
    for (const listener of [...this.#listeners]) {
      if (why && this.#listeners.has(listener)) call(listener.callback, why, null);
      listener.end();
    }
    if (!why) this.#listeners.clear();
  }

  // --- the stream ---

  async #run() {
    // Who made this has still to say what is to be heard.
    await undefined;
    while (this.#over === undefined) {
      const attempt = new AbortController();
      this.#attempt = attempt;
      this.#hurry = false;
      this.#hears();
      this.#watchSilence();
      try {
        await this.#hear(attempt.signal);
      } catch (error) {
        if ((error?.status === 401 || error?.status === 403) && !this.#mayHaveAnother()) this.#end(error);
      }
      // Whatever is left of it.
      attempt.abort();
      clearTimeout(this.#watch);
      if (this.#open) {
        this.#open = false;
        if (this.#over === undefined) this.#tell("DISCONNECT", { event: "disconnect" });
      }
      if (this.#over === undefined) await this.#pause();
    }
  }

  // Hears one stream to its end, or throws.
  async #hear(signal) {
    const own = await this.#present();
    this.#presented = JSON.stringify(own);
    const headers = { ...own, Accept: "text/event-stream" };
    if (this.#lastId !== "") headers["Last-Event-ID"] = this.#lastId;
    // A PATCH is heard as such: `put` is for clients that know no other name.
    const credentials = this.#credentials;
    const request = { headers, signal, credentials, cache: "no-store" };
    const response = await fetch(`${this.#url}?patch=patch`, request);
    if (!response.ok) throw await refusal(response);
    const type = response.headers.get("Content-Type") ?? "";
    if (!/^text\/event-stream[ \t]*(;|$)/i.test(type)) throw new Error(`no event stream: ${type}`);
    const reader = response.body.getReader();
    const decoder = new TextDecoder();
    const parser = new Parser((milliseconds) => {
      this.#retryTold = Math.min(milliseconds, RETRY_TOLD_MAX_MS);
    }, this.#lastId);
    for (;;) {
      const { done, value } = await reader.read();
      if (done || signal.aborted) return;
      this.#hears();
      for (const message of parser.take(decoder.decode(value, { stream: true }))) {
        if (message.data !== undefined && !this.#open) this.#opened();
        if (signal.aborted) return;
        this.#lastId = message.id;
        if (message.data !== undefined) this.#dispatch(message);
        if (signal.aborted) return;
      }
    }
  }

  // Whether what was refused may be another the next time: a function may give one, and one that
  // gives the same again has none.
  #mayHaveAnother() {
    const again = this.#refused === this.#presented;
    this.#refused = this.#presented;
    return typeof this.#credential === "function" && !again;
  }

  // With its first message: a server that has no room answers with a stream that has none.
  #opened() {
    this.#open = true;
    this.#failures = 0;
    this.#refused = undefined;
    const event = this.#everOpen ? "reconnect" : "connect";
    this.#everOpen = true;
    this.#tell(event.toUpperCase(), { event });
  }

  #dispatch({ type, data, id, hasId }) {
    const name = type.toUpperCase();
    if (name !== "PUBLISH" && !OF_COLLECTIONS.has(name)) return;
    let eventdata;
    try {
      eventdata = JSON.parse(data);
    } catch {
      return;
    }
    // A gap has the place where it ends, and what comes after it may have ids that were there before.
    if (name === "GAP") this.#remembered.clear();
    else if (hasId && !this.#isNew(id)) return;
    if (name !== "PUBLISH") return this.#tell(name, eventdata);
    const custom = String(eventdata?.event).toUpperCase();
    if (!OF_COLLECTIONS.has(custom) && !STATES.has(custom)) this.#tell(custom, eventdata);
  }

  #isNew(id) {
    if (this.#remembered.has(id)) return false;
    this.#remembered.add(id);
    if (this.#remembered.size > REMEMBERED) {
      const [oldest] = this.#remembered;
      this.#remembered.delete(oldest);
    }
    return true;
  }

  // Longer each time, and spread: everybody comes back after a restart.
  #pause() {
    if (this.#hurry) return undefined;
    const first = Math.max(this.#retryAsked ?? this.#retryTold, RETRY_MIN_MS);
    const longer = Math.min(first * 2 ** this.#failures, Math.max(first, RETRY_MAX_MS));
    this.#failures += 1;
    return new Promise((wake) => {
      const timer = setTimeout(wake, longer * (1 + Math.random() / 2));
      this.#wake = () => {
        clearTimeout(timer);
        wake();
      };
    });
  }

  // --- silence and sleep ---

  #hears() {
    this.#heard = performance.now();
    this.#heardWall = Date.now();
  }

  #watchSilence() {
    clearTimeout(this.#watch);
    const left = this.#heard + SILENCE_MS - performance.now();
    if (left <= 0) this.#attempt.abort();
    else this.#watch = setTimeout(() => this.#watchSilence(), left);
  }

  // The machine or the page may have slept. The steady clock may have slept too, so here the time
  // of day counts as well: where it was only set anew, a stream is opened again for nothing.
  #check() {
    const silent = Math.max(performance.now() - this.#heard, Date.now() - this.#heardWall);
    if (silent >= SILENCE_MS) this.#comeBack();
    else this.#wake?.();
  }

  // Gives up what it has, and tries again at once.
  #comeBack() {
    this.#failures = 0;
    this.#hurry = true;
    this.#attempt?.abort();
    this.#wake?.();
  }

  // Listens to what a page is told of its own life; the answer undoes it.
  #plug() {
    const check = () => this.#check();
    // What it had was over another network, and may be dead without knowing.
    const online = () => this.#comeBack();
    const shown = () => globalThis.document.visibilityState === "visible" && check();
    // A page with a request under way is not kept for the way back.
    const hidden = (event) => event.persisted && this.#attempt?.abort();
    const back = (event) => (event.persisted ? this.#comeBack() : check());
    const plugs = [
      [globalThis, "online", online],
      [globalThis, "pageshow", back],
      [globalThis, "pagehide", hidden],
      [globalThis.document, "visibilitychange", shown],
      [globalThis.document, "resume", check],
    ].filter(([target]) => typeof target?.addEventListener === "function");
    for (const [target, name, listener] of plugs) target.addEventListener(name, listener);
    return () => {
      for (const [target, name, listener] of plugs) target.removeEventListener(name, listener);
    };
  }
}

// Where the stream is: below `base`, or below where this script came from.
function streamUrl(base) {
  if (base !== undefined && base !== null) {
    const url = new URL(base, globalThis.location?.href);
    if (!/^https?:$/.test(url.protocol)) throw new TypeError(`${base} is no URL of a server`);
    return url.origin + url.pathname.replace(/\/+$/, "") + REALTIME;
  }
  const source = /^https?:/.test(SOURCE ?? "") ? new URL(SOURCE) : undefined;
  // A copy that lies elsewhere must not send a key to there.
  if (!source?.pathname.endsWith(SCRIPT)) {
    throw new TypeError("the server is not known: new restdb(KEY, {url: URL})");
  }
  return source.origin + source.pathname.slice(0, -SCRIPT.length) + REALTIME;
}

// How a credential is presented: a token, or what has a scheme before it, in `Authorization`.
function headersOf(credential) {
  if (credential === undefined || credential === null || credential === "") return {};
  if (isJwt(credential)) return { Authorization: `Bearer ${credential}` };
  return String(credential).includes(" ") ? { Authorization: credential } : { "x-apikey": credential };
}

// Three parts in base64url, the first of which is JSON with an `alg` (RFC 7519).
function isJwt(credential) {
  if (!/^[\w-]+\.[\w-]+\.[\w-]*$/.test(credential)) return false;
  try {
    const head = atob(credential.split(".")[0].replaceAll("-", "+").replaceAll("_", "/"));
    return typeof JSON.parse(head).alg === "string";
  } catch {
    return false;
  }
}

// Names count in any case.
function eventName(event, collection) {
  if (typeof event !== "string" || event === "") throw new TypeError("the event has no name");
  const name = event.toUpperCase();
  if (collection !== undefined && !OF_COLLECTIONS.has(name) && !STATES.has(name)) {
    throw new TypeError(`${event} is an event of no collection`);
  }
  return name;
}

function concerns(collection, event, eventdata) {
  if (collection === undefined || STATES.has(event)) return true;
  if (event !== "GAP") return eventdata?.collection === collection;
  return eventdata?.collections?.some((name) => name === "*" || name === collection);
}

// What the server said when it refused, as an Error with its `status`.
async function refusal(response) {
  let message = `the server answered ${response.status}`;
  try {
    const body = await response.json();
    if (typeof body.message === "string") message = body.message;
  } catch {
    // It is not the server itself that answers.
  }
  return Object.assign(new Error(message), { status: response.status });
}

// What a callback throws is told like any error that nobody has caught, and stops nobody else.
function call(callback, ...values) {
  try {
    callback(...values);
  } catch (error) {
    setTimeout(() => {
      throw error;
    });
  }
}

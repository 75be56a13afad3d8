// What /realtime/client.mjs exports, and what /realtime/client.js assigns on `globalThis`, under
// the names `restdb` and `db`. For the latter:
//
//   declare var restdb: typeof import("./client.mjs").restdb;

/** Options of `new restdb(...)`. */
export interface Options {
  /** Whether a stream is opened. Without it nothing is heard, and publishing is all there is. */
  realtime?: boolean;
  /**
   * Where the server is, with the prefix behind which it stands, if any: `https://api.example`.
   * Left out, it is where the script came from; where the script is a copy, it is needed.
   */
  url?: string | URL;
  /**
   * Milliseconds before the first attempt to come back after a loss; left out, what the server
   * asks for. Every further attempt waits twice as long, 30 s at most, and up to half as long again.
   */
  retry?: number;
  /**
   * Whether cookies go along, as `fetch` has it: `"include"` sends them to a server of another
   * origin too, which has to name the page's. Left out, `"same-origin"`.
   */
  credentials?: "omit" | "same-origin" | "include";
}

/**
 * An API key, a JWT, or what has a scheme before it, as `"Token 5f3a"`: that goes in `Authorization`
 * as it is.
 */
export type Credential = string | null | undefined;

/** Why something failed. */
export interface RestdbError extends Error {
  /** The status of the server's answer; undefined where there was none. */
  status?: number;
}

/** A record was made. */
export interface PostEvent<Data = any> {
  event: "post";
  collection: string;
  data: Data;
}

/** A record was replaced. */
export interface PutEvent {
  event: "put";
  collection: string;
  /** Its id. */
  data: string;
}

/** A record was changed. */
export interface PatchEvent {
  event: "patch";
  collection: string;
  /** Its id. */
  data: string;
}

/** Records were removed. */
export interface DeleteEvent {
  event: "delete";
  collection: string;
  /** Their ids. */
  data: string[];
}

/** Whether a write happened is not known: read again. */
export interface UncertainEvent {
  event: "uncertain";
  collection: string;
  method: "POST" | "PUT" | "PATCH" | "DELETE";
  /** The record's id, where it is known. */
  data: string | null;
}

/** A part of the past is gone: read these collections again. */
export interface GapEvent {
  event: "gap";
  reason: string;
  /** Their names; `*` is every collection. */
  collections: string[];
}

/** The stream was opened, lost, or opened again after a loss. */
export interface StateEvent<Name extends string> {
  event: Name;
}

/** Somebody published an event. */
export interface CustomEventData<Data = any> {
  event: string;
  data: Data;
}

/** What a collection's handle hears. Names count in any case. */
export interface CollectionEvents {
  POST: PostEvent;
  PUT: PutEvent;
  PATCH: PatchEvent;
  DELETE: DeleteEvent;
  UNCERTAIN: UncertainEvent;
  GAP: GapEvent;
  CONNECT: StateEvent<"connect">;
  DISCONNECT: StateEvent<"disconnect">;
  RECONNECT: StateEvent<"reconnect">;
}

/** What the sidecar answers a publish. */
export interface Published {
  message: string;
}

/**
 * Called with null and what happened; or once, with an error and null, when nothing more will
 * come because the server refuses the credential (401, 403).
 */
export type Callback<Value> = (
  ...args: [error: null, value: Value] | [error: RestdbError, value: null]
) => void;

/** A {@link Callback} that does not look at the event. */
export type ErrorCallback = (error: RestdbError | null) => void;

/** What `on` returns without a callback. It keeps what was not taken yet; leaving it ends it. */
export interface Events<Value> extends AsyncIterableIterator<Value> {
  return(value?: any): Promise<IteratorResult<Value>>;
}

/** The event that a name names, in any case; any other name is a custom event's. */
export type EventOf<Name extends string> = Uppercase<Name> extends keyof CollectionEvents
  ? CollectionEvents[Uppercase<Name>]
  : CustomEventData;

/** The events of one collection: `db.company`, or `db.collection("company")`. */
export interface Collection {
  /** Calls back for each such event of the collection, and for each gap that concerns it. */
  on<Name extends string>(
    event: Uppercase<Name> extends keyof CollectionEvents ? Name : never,
    callback: Callback<EventOf<Name>>,
  ): void;
  /** The same for a callback that only asks whether there is an error. */
  on<Name extends string>(
    event: Uppercase<Name> extends keyof CollectionEvents ? Name : never,
    callback: ErrorCallback,
  ): void;
  /** The same as an async iterator. */
  on<Name extends string>(
    event: Uppercase<Name> extends keyof CollectionEvents ? Name : never,
  ): Events<EventOf<Name>>;
  /** Ends what `on` began for this event; with a callback, for this one alone. */
  off(event: string, callback?: (...args: any[]) => void): void;
}

/** What is no collection's name. */
export interface Api {
  /** Calls back for each event of that name, of every collection. */
  on<Name extends string>(event: Name, callback: Callback<EventOf<Name>>): void;
  /** The same for a callback that only asks whether there is an error. */
  on(event: string, callback: ErrorCallback): void;
  /** The same as an async iterator, which throws where a callback is called with an error. */
  on<Name extends string>(event: Name): Events<EventOf<Name>>;
  /** Ends what `on` began for this event; with a callback, for this one alone. */
  off(event: string, callback?: (...args: any[]) => void): void;
  /** Publishes a custom event, once: after a failure without a `status` it may have been told. */
  publish(event: string, data: unknown, callback: Callback<Published>): void;
  /** The same for a callback that only asks whether there is an error. */
  publish(event: string, data: unknown, callback: ErrorCallback): void;
  /** The same as a promise. */
  publish(event: string, data?: unknown): Promise<Published>;
  /** Ends the stream for good, in silence. */
  close(): void;
  /** The handle of any collection, `on` or `close` too. */
  collection(name: string): Collection;
}

/** Every other name is the handle of a collection. */
export type Restdb = Api & { readonly [collection: string]: Collection };

export interface RestdbConstructor {
  /**
   * Opens a stream with a credential, and keeps it open. A function is asked for one whenever one is
   * needed: after a loss, after one has expired, and once more after one was refused.
   *
   * @throws TypeError where no server is known.
   */
  new (
    credential?: Credential | (() => Credential | Promise<Credential>),
    options?: Options | null,
  ): Restdb;
}

export declare const restdb: RestdbConstructor;
export default restdb;

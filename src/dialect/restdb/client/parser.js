// An event stream's text to its messages, as the HTML standard has it ("Server-sent events",
// "Interpreting an event stream"). The decoder has taken the byte order mark.
class Parser {
  #onRetry;
  #line = "";
  #afterCr = false;
  #type = "";
  #data = [];
  #id;
  #hasId = false;

  constructor(onRetry, lastId) {
    this.#onRetry = onRetry;
    this.#id = lastId;
  }

  // The messages that `text` completes.
  *take(text) {
    let from = this.#afterCr && text.startsWith("\n") ? 1 : 0;
    if (text !== "") this.#afterCr = text.endsWith("\r");
    const ends = /\r\n?|\n/g;
    ends.lastIndex = from;
    for (let end = ends.exec(text); end !== null; end = ends.exec(text)) {
      const line = this.#line + text.slice(from, end.index);
      this.#line = "";
      from = ends.lastIndex;
      if (line !== "") {
        this.#field(line);
        continue;
      }
      // Without data it is no message, but its id counts all the same.
      const data = this.#data.length > 0 ? this.#data.join("\n") : undefined;
      const message = { type: this.#type, data, id: this.#id, hasId: this.#hasId };
      this.#type = "";
      this.#data = [];
      this.#hasId = false;
      yield message;
    }
    this.#line += text.slice(from);
  }

  #field(line) {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + (line[colon + 1] === " " ? 2 : 1));
    if (name === "event") this.#type = value;
    else if (name === "data") this.#data.push(value);
    else if (name === "id" && !value.includes("\0")) {
      this.#id = value;
      this.#hasId = value !== "";
    } else if (name === "retry" && /^[0-9]+$/.test(value)) this.#onRetry(Number(value));
  }
}

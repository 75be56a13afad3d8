// How the client is used, for the compiler: what is wrong on purpose says so.
import byDefault, { restdb, type PostEvent, type PutEvent, type Restdb, type RestdbError } from "./client.mjs";

const db: Restdb = new restdb("key", { realtime: true, url: "https://api.example", retry: 500 });
new byDefault("key");
new restdb(null, { realtime: true });
new restdb("Token 5f3a", { realtime: true, credentials: "include" });
new restdb(() => "key");
new restdb(async () => null, {});
// @ts-expect-error A number is no key, whoever gives it.
new restdb(() => 7);
// @ts-expect-error A number is no key.
new restdb(7);

db.on("POST", (error, eventdata) => {
  if (error) {
    const status: number | undefined = error.status;
    return void status;
  }
  const collection: string = eventdata.collection;
  const post: PostEvent = eventdata;
  void [collection, post];
});
db.on("delete", (error, eventdata) => {
  if (error === null) eventdata.data.map((id: string) => id.length);
});
db.on("Gap", (error, eventdata) => void (error ?? eventdata.collections.includes("*")));
db.on("DISCONNECT", () => {});
db.on("GOAL", (error, eventdata) => void (error ?? eventdata.data.value));
// @ts-expect-error A put has an id and no record.
db.on("PUT", (error, eventdata) => void (error ?? eventdata.data._id));

const put = (error: RestdbError | null, eventdata: PutEvent | null) => void [error, eventdata];
db.on("PUT", (error) => void error?.status);
db.company.on("PUT", put);
db.company.off("PUT", put);
db.collection("on").on("UNCERTAIN", (error, eventdata) => void (error ?? eventdata.method));
// @ts-expect-error A custom event is of no collection.
db.company.on("GOAL", () => {});
db.off("POST");

for await (const event of db.on("PATCH")) {
  const id: string = event.data;
  void id;
  break;
}
for await (const event of db.company.on("POST")) void event.data.name;

db.publish("GOAL", { value: "3-0" }, (error, result) => void (error ?? result.message));
const published: { message: string } = await db.publish("GOAL");
void published;
db.publish("GOAL", 1, (error) => void error?.message);
db.company.on("PUT", (error) => void error?.message);
db.close();

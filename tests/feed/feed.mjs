// Reads GTFS-realtime feeds with the official bindings and prints what they hold as JSON:
//   node feed.mjs URL [URL…]
import bindings from "gtfs-realtime-bindings";

const { FeedMessage } = bindings.transit_realtime;
const feeds = [];
for (const url of process.argv.slice(2)) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  const message = FeedMessage.decode(bytes);
  const fault = FeedMessage.verify(message);
  if (fault) throw new Error(`${url}: ${fault}`);
  feeds.push(FeedMessage.toObject(message, { enums: String, longs: Number, defaults: false }));
}
console.log(JSON.stringify(feeds));

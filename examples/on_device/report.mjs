// What a device may tell of its person once a month, in a browser. The same as report.py, which says why it is private.
//
//     node examples/on_device/report.mjs export i035 i188
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { md5 } from "./assign.mjs";

const PARTS = 2 ** 32;
const MOST_EPSILON = 4;

// A whole number from 0 to n - 1, each equally likely, from the system's cryptographic source: what would favour some is
// drawn again.
export function below(n) {
  const end = PARTS - (PARTS % n);
  for (;;) {
    const [drawn] = crypto.getRandomValues(new Uint32Array(1));
    if (drawn < end) return drawn % n;
  }
}

export const bucketOf = (protocol, period, seed, item) =>
  parseInt(md5([period, seed, item].join("|")).slice(0, 8), 16) % protocol.n_buckets;

export function keptParts({ epsilon, n_buckets }, parts = PARTS) {
  const odds = Math.exp(epsilon);
  return Math.floor((parts * (1 - 1e-12) * odds) / (odds + n_buckets - 1));
}

// [seed, bucket]: what is sent of a person who likes these items.
export function randomise(protocol, period, liked, draw = below, parts = PARTS) {
  const seed = draw(protocol.n_seeds);
  const item = liked.length ? liked[draw(liked.length)] : "";
  const own = bucketOf(protocol, period, seed, item);
  if (draw(parts) < keptParts(protocol, parts)) return [seed, own];
  const other = draw(protocol.n_buckets - 1);
  return [seed, other >= own ? other + 1 : other];
}

// The row to send now, null where this month has had one; the app keeps its period as the next lastPeriod. secret: drawn
// once on the device, which never sends it.
export function report(protocol, liked, secret, { lastPeriod = null, now = new Date(), mostEpsilon = MOST_EPSILON } = {}) {
  const { epsilon, n_buckets, n_seeds } = protocol;
  if (!(epsilon > 0 && epsilon <= mostEpsilon))
    throw new Error(`the export asks for reports with epsilon ${epsilon}, and this device allows ${mostEpsilon}`);
  if (!(Number.isInteger(n_buckets) && Number.isInteger(n_seeds) && n_buckets >= 2 && n_seeds >= 1))
    throw new Error("n_buckets and n_seeds of reports.json are whole numbers, of at least 2 and 1");
  const period = now.toISOString().slice(0, 7);
  if (lastPeriod !== null && period <= lastPeriod) return null;
  const [seed, bucket] = randomise(protocol, period, [...liked]);
  return { sender_id: md5(`${secret}|${period}`).slice(0, 16), period, seed, bucket, epsilon };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [folder, ...liked] = process.argv.slice(2);
  const secret = [...crypto.getRandomValues(new Uint32Array(4))].map((word) => word.toString(16)).join("");
  console.log(JSON.stringify(report(JSON.parse(readFileSync(`${folder}/reports.json`, "utf8")), liked, secret)));
}

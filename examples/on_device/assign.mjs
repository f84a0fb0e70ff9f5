// Which arm of which experiment a unit is in, in a browser, from one file and without a server:
//
//     make export
//     node examples/on_device/assign.mjs export u0042 i007
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

// MD5 (RFC 1321) of a text in UTF-8: browsers have none of their own.
const SHIFTS = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
const SINES = Array.from({ length: 64 }, (_, step) => Math.floor(Math.abs(Math.sin(step + 1)) * 2 ** 32) | 0);

export function md5(text) {
  const bytes = new TextEncoder().encode(text);
  const words = new Int32Array((((bytes.length + 8) >> 6) + 1) * 16);
  bytes.forEach((byte, place) => (words[place >> 2] |= byte << (8 * (place % 4))));
  words[bytes.length >> 2] |= 0x80 << (8 * (bytes.length % 4));
  words[words.length - 2] = bytes.length * 8;
  let state = [0x67452301, 0xefcdab89 | 0, 0x98badcfe | 0, 0x10325476];
  for (let start = 0; start < words.length; start += 16) {
    let [a, b, c, d] = state;
    for (let step = 0; step < 64; step++) {
      const round = step >> 4;
      const mixed = [(b & c) | (~b & d), (d & b) | (~d & c), b ^ c ^ d, c ^ (b | ~d)][round];
      const word = [step, 5 * step + 1, 3 * step + 5, 7 * step][round] % 16;
      const sum = (a + mixed + SINES[step] + words[start + word]) | 0;
      const shift = SHIFTS[round][step % 4];
      [a, b, c, d] = [d, (b + ((sum << shift) | (sum >>> (32 - shift)))) | 0, b, c];
    }
    state = [a, b, c, d].map((value, place) => (value + state[place]) | 0);
  }
  const bytesOf = (word) => [0, 8, 16, 24].map((shift) => (word >>> shift) & 255);
  return state.flatMap(bytesOf).map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

const keyOf = (...parts) => md5(parts.join("|")).slice(0, 8);
const has = (from, key, to) => from <= key && key < to;

// The arms of one experiment and context as an item has them; none where it may not be in two.
const ofItem = (arms, entries) =>
  entries.flatMap(([id, context, name, value, price, share, from_key, to_key]) =>
    arms
      .filter((arm) => arm.experiment_id === id && arm.context === context && arm.arm === name)
      .map((arm) => ({ ...arm, value, price, share, from_key, to_key })));

// {experiment_id: the arm} of the experiments that a person, an item or the two are in; ids as the release has them.
// arms: rows of `arms` in the release. itemArms: {item_id: its entry of `item_arms`}, for prices, creatives and offers of an
// item. context: "segment=DE|activity=hot", as the app knows its person. The same as Store.assign.
export function assign(arms, userId, { itemId = null, itemArms = {}, context = "", now = new Date() } = {}) {
  const time = now.toISOString().slice(0, 19).replace("T", " ");
  const units = { user: userId, item: itemId, user_item: userId && itemId ? `${userId}|${itemId}` : null };
  const runs = arms.filter((arm) => units[arm.unit] && arm.starts_at <= time && !(arm.ends_at && arm.ends_at <= time));
  const assigned = {};
  const ids = [...new Set(runs.map((arm) => arm.experiment_id))].sort();
  for (const isHoldout of [true, false])
    for (const id of ids) {
      const own = runs.filter((arm) => arm.experiment_id === id && (arm.kind === "holdout") === isHoldout);
      if (!own.length) continue;
      const { unit: kind, layer, layer_from_key: from, layer_to_key: to, salt, is_by_item: isByItem } = own[0];
      const unit = units[kind];
      if (!(from === "00000000" && to === "g") && !has(from, keyOf("layer", layer, unit), to)) continue;
      const key = keyOf(isHoldout ? "holdout" : id, salt, unit);
      // In a context that it doesn't know, the shares for everybody count.
      const shares = isHoldout || !own.some((arm) => arm.context === context) ? "" : context;
      const inContext = own.filter((one) => one.context === shares);
      const possible = isByItem && itemId ? ofItem(inContext, itemArms[itemId] ?? []) : inContext;
      const arm = possible.find((one) => has(one.from_key, key, one.to_key));
      if (!arm) continue;
      assigned[id] = { price: null, ...arm, key };
      // Who is held out is in nothing after that.
      if (isHoldout && arm.is_control) return assigned;
    }
  return assigned;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [folder, userId, itemId = null] = process.argv.slice(2);
  const read = (name) => JSON.parse(readFileSync(`${folder}/${name}.json`, "utf8"))[name];
  console.log(JSON.stringify(assign(read("arms"), userId, { itemId, itemArms: read("item_arms") })));
}

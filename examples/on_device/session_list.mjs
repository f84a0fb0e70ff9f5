// The list of a session in a browser, from one file and without a server:
//
//     make export
//     node examples/on_device/session_list.mjs export/session.json i035 i188
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

// What ids of equal score are sorted by, as on the server. On the ids themselves `<` compares UTF-16 units, which puts an
// emoji before a ligature, and localeCompare depends on the language.
const byCodePoints = (id) => Array.from(id, (character) => character.codePointAt().toString(16).padStart(6, "0")).join("");

// session: item ids, oldest first; ownList: the person's published list, best first. The same as on_device.py.
export function sessionList(model, session, { n = 20, ownList = [], excluded = [] } = {}) {
  const { n_steps, decay, session_share, list_share } = model.settings;
  const newestFirst = [...new Set([...session].reverse())];
  const votes = new Map();
  newestFirst.slice(0, n_steps).forEach((item, step) => {
    for (const [neighbor, score] of Object.entries(model.neighbors[item] ?? {}))
      if (!newestFirst.includes(neighbor)) votes.set(neighbor, (votes.get(neighbor) ?? 0) + decay ** step * score);
  });
  const highest = [...votes.values()].reduce((a, b) => Math.max(a, b), 0) || 1;
  const scores = new Map([...votes].map(([item, vote]) => [item, (session_share * vote) / highest]));
  ownList.forEach((item, place) =>
    scores.set(item, (scores.get(item) ?? 0) + list_share * (1 - place / ownList.length)));
  const rounded = [...scores].map(([item, score]) => [item, Math.round(score * 1e9)]);
  const inOrder = (a, b) => b[1] - a[1] || (byCodePoints(a[0]) < byCodePoints(b[0]) ? -1 : 1);
  const best = rounded.sort(inOrder).map(([item]) => item);
  const barred = new Set([...newestFirst, ...excluded]);
  const filled = new Set([...(session.length ? best : ownList), ...model.fallback, ...model.popular]);
  return [...filled].filter((item) => !barred.has(item)).slice(0, n);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [file, ...session] = process.argv.slice(2);
  console.log(JSON.stringify(sessionList(JSON.parse(readFileSync(file, "utf8")), session)));
}

// A person's own vector and list in a browser, from one file and without a server. The same as on_device.py.
//
//     node examples/on_device/vector.mjs export/vector.json i035 i188
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const DAY = 24 * 60 * 60 * 1000;

// {weights: {item_id: weight}, excluded: [item_id, ...]} of a person's events [event_type, item_id, value or null, Date].
export function historyOf(model, events) {
  const types = new Map(model.event_types.map((type) => [type.event_type, type]));
  const learnsUntil = Date.parse(`${model.learns_until.replace(" ", "T")}Z`);
  const weights = new Map(), counts = new Map(), excluded = new Set();
  for (const [eventType, item, value, occurredAt] of events) {
    const type = types.get(eventType);
    if (!type) continue;
    let weight = type.weight;
    if (value !== null && type.neutral_value !== null && value < type.neutral_value) weight = -weight;
    if (type.half_life_days !== null) weight *= 0.5 ** (Math.max(learnsUntil - occurredAt, 0) / DAY / type.half_life_days);
    weights.set(item, (weights.get(item) ?? 0) + weight);
    counts.set(item, (counts.get(item) ?? 0) + 1);
    if (type.excludes_item) excluded.add(item);
  }
  const most = model.max_events_per_person;
  for (const [item, n] of counts)
    if (n > most) weights.set(item, (weights.get(item) * (most + Math.log(1 + n - most))) / n);
  return { weights: Object.fromEntries(weights), excluded: [...excluded] };
}

const product = (a, b) => a.reduce((sum, value, place) => sum + value * b[place], 0);

// What a symmetric matrix of positive eigenvalues has to be multiplied with to give `right`, by Cholesky's method.
function solve(matrix, right) {
  const n = right.length, lower = matrix.map(() => new Float64Array(n)), found = Float64Array.from(right);
  for (let row = 0; row < n; row++)
    for (let column = 0; column <= row; column++) {
      let rest = matrix[row][column];
      for (let k = 0; k < column; k++) rest -= lower[row][k] * lower[column][k];
      lower[row][column] = row === column ? Math.sqrt(rest) : rest / lower[column][column];
    }
  for (let row = 0; row < n; row++) {
    for (let k = 0; k < row; k++) found[row] -= lower[row][k] * found[k];
    found[row] /= lower[row][row];
  }
  for (let row = n - 1; row >= 0; row--) {
    for (let k = row + 1; k < n; k++) found[row] -= lower[k][row] * found[k];
    found[row] /= lower[row][row];
  }
  return [...found];
}

// Adds `share` times the products of a vector's entries to a matrix.
function addProducts(matrix, vector, share) {
  for (let row = 0; row < vector.length; row++)
    for (let column = 0; column < vector.length; column++) matrix[row][column] += share * vector[row] * vector[column];
}

// Y'Y + regularization I over the items that somebody touched: the part of the equations that all people share.
export function gramOf(model) {
  const n = model.items[0].factors.length;
  const gram = Array.from({ length: n }, (_, place) => Float64Array.from({ length: n }, (_, k) => (k === place ? model.regularization : 0)));
  for (const item of model.items) if (item.is_learned) addProducts(gram, item.factors, 1);
  return gram;
}

// The person's factors, one exact half-step of ALS; null where nothing of positive weight is known to the export.
export function personVector(model, weights, gram = gramOf(model)) {
  const met = model.items.filter((item) => item.is_learned && Object.hasOwn(weights, item.item_id) && weights[item.item_id]);
  if (!met.some((item) => weights[item.item_id] > 0)) return null;
  const left = gram.map((row) => Float64Array.from(row)), right = new Float64Array(gram.length);
  for (const item of met) {
    const weight = weights[item.item_id], confidence = 1 + model.alpha * Math.abs(weight);
    addProducts(left, item.factors, confidence - 1);
    if (weight > 0) item.factors.forEach((value, place) => (right[place] += confidence * value));
  }
  return solve(left, right);
}

// The n items nearest to a person's vector: [[item_id, score], ...].
export function vectorList(model, vector, { n = 20, excluded = [] } = {}) {
  const barred = new Set(excluded);
  return model.items
    .filter((item) => item.is_recommendable && !barred.has(item.item_id))
    .map((item) => [item.item_id, product(item.factors, vector)])
    .sort((a, b) => b[1] - a[1]) // items of equal score stay in the file's order
    .slice(0, n);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [file, ...session] = process.argv.slice(2);
  const model = JSON.parse(readFileSync(file, "utf8"));
  const { weights, excluded } = historyOf(model, session.map((item) => ["view", item, null, new Date()]));
  const vector = personVector(model, weights);
  console.log(JSON.stringify(vector && vectorList(model, vector, { n: 10, excluded }).map(([item]) => item)));
}

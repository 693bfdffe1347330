// Ask the search of the built site, and print the pages of each query, the best first, as JSON:
// node query.js SITE QUERY...
const fs = require("fs");
const path = require("path");
const vm = require("vm");

const SETUP = 0;
const QUERY = 2;

const [site, ...queries] = process.argv.slice(2);
const folder = path.join(site, "assets/javascripts/workers");
const worker = fs.readdirSync(folder).find((name) => /^search\..*\.js$/.test(name));

// The search runs in a web worker, which receives and posts messages.
let receive;
let answered;
globalThis.self = globalThis;
globalThis.addEventListener = (kind, listener) => {
  if (kind === "message") receive = listener;
};
globalThis.postMessage = (message) => answered(message);
vm.runInThisContext(fs.readFileSync(path.join(folder, worker), "utf8"));

function ask(type, data) {
  return new Promise((done) => {
    answered = done;
    receive({ data: { type, data } });
  });
}

(async () => {
  const index = JSON.parse(fs.readFileSync(path.join(site, "search/search_index.json"), "utf8"));
  await ask(SETUP, { ...index, options: { suggest: true } });
  const found = {};
  for (const query of queries) {
    const { data } = await ask(QUERY, query);
    found[query] = data.items.map((sections) => sections[0].location.split("#")[0]);
  }
  console.log(JSON.stringify(found));
})();

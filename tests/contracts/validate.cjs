// Reads {asyncapi, schemas: {name: schema}, examples: {name: document}, broken: {...}} on standard input; prints the
// faults that the official AsyncAPI parser and an independent JSON Schema validator find.
const { Parser } = require("@asyncapi/parser");
const Ajv = require("ajv/dist/2020").default;
const formats = require("ajv-formats").default;

async function main() {
  const input = JSON.parse(require("fs").readFileSync(0, "utf8"));
  const faults = { asyncapi: [], examples: {} };
  const { diagnostics } = await new Parser().parse(JSON.stringify(input.asyncapi));
  faults.asyncapi = diagnostics.filter((d) => d.severity === 0).map((d) => `${d.path.join("/")}: ${d.message}`);
  const ajv = new Ajv({ strict: true, allErrors: true, keywords: ["x-topic", "x-keyed-by", "x-ordered-by"] });
  formats(ajv);
  for (const [name, documents] of Object.entries(input.examples)) {
    const fits = ajv.compile(input.schemas[name]);
    faults.examples[name] = documents.map((d) => (fits(d) ? "" : ajv.errorsText(fits.errors)));
  }
  console.log(JSON.stringify(faults));
}

main();

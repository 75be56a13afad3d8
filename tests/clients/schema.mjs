// npm `ajv`, a validator of JSON Schema, on documents and the schema that the program prints.
//
//   node schema.mjs FILE
//
// The file has {"schema": SCHEMA, "documents": [DOCUMENT...]}. Prints a line for each document:
// what is wrong with it, which is nothing for one that is sound.
import { readFileSync } from "node:fs";
import { load, tell } from "./tools.mjs";

const { default: Ajv } = load("ajv/dist/2020");
const { schema, documents } = JSON.parse(readFileSync(process.argv[2], "utf8"));
// Strict: a schema with a word that means nothing is refused itself.
const validate = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true }).compile(schema);
for (const document of documents) {
  validate(document);
  const wrong = (validate.errors ?? []).map(({ instancePath, message, params }) => ({
    at: instancePath,
    message,
    params,
  }));
  tell({ wrong });
}

// Receipts read with JSON.parse and checked by ajv, compiled.
//     node beside_schema.mjs MODULES SCHEMA NDJSON SECONDS     documents a second, after a warm-up of as long
//     node beside_schema.mjs MODULES SCHEMA NDJSON print       how many are refused
import { createRequire } from 'node:module';
import fs from 'node:fs';

const [modules, schemaFile, file, how] = process.argv.slice(2);
const Ajv = createRequire(modules + '/x.js')('ajv/dist/2020').default;
const fits = new Ajv({ allErrors: false }).compile(JSON.parse(fs.readFileSync(schemaFile, 'utf8')));
const documents = fs.readFileSync(file, 'utf8').split('\n').filter(Boolean);

let refused = 0;
function rate(seconds) {
    const begin = performance.now();
    let done = 0;
    while (performance.now() - begin < seconds * 1000) {
        for (let i = 0; i < 100; i++) {
            refused += !fits(JSON.parse(documents[done++ % documents.length]));
        }
    }
    return (done / (performance.now() - begin)) * 1000;
}

if (how === 'print') {
    console.log(documents.filter((text) => !fits(JSON.parse(text))).length);
} else {
    rate(Number(how));
    console.log(Math.round(rate(Number(how))));
}

// Random JSON Schemas and documents with the answers of ajv 8 (draft 2020-12), as files of the official
// suite's form. node cases.mjs FOLDER_OF_NODE_MODULES OUT_DIR [SEED [SCHEMAS]]
import { createRequire } from 'node:module';
import fs from 'node:fs';

const [modules, out, seedText = '20261123', schemasText = '700'] = process.argv.slice(2);
const Ajv = createRequire(modules + '/x.js')('ajv/dist/2020').default;

let state = BigInt(seedText) | 1n;
function below(n) {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
    return Number((state >> 33n) % BigInt(n));
}
const pick = (list) => list[below(list.length)];
const names = ['a', 'b', 'ab', 'x-1', 'é'];

const types = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'];
const patterns = ['^a', 'b$', '^[a-c]{1,2}$', '^x-[0-9]?$', 'é', '^a(b|c)*$', '^[^a]+$', '^(?:ab)?c?$'];
const sub = (d) => (below(12) === 0 ? below(2) === 0 : schema(d - 1));
const map = (d, keys) => Object.fromEntries(keys.filter(() => below(2)).map((k) => [k, sub(d)]));
const list = (d) => Array.from({ length: 1 + below(3) }, () => sub(d));

// Divisors are exact in binary, so that ajv's arithmetic is right.
const keywords = {
    type: () => (below(2) ? pick(types) : [...new Set([pick(types), pick(types)])]),
    enum: () => [...new Map([value(1), value(1), value(2)].map((v) => [JSON.stringify(v), v])).values()],
    const: () => value(2),
    minimum: () => pick([0, 1, 1.5, -1]),
    maximum: () => pick([0, 1, 2.5, 3]),
    exclusiveMinimum: () => pick([0, 1]),
    exclusiveMaximum: () => pick([1, 2]),
    multipleOf: () => pick([0.5, 2, 3, 0.25]),
    minLength: () => below(3),
    maxLength: () => below(3),
    pattern: () => pick(patterns),
    required: () => names.filter(() => below(4) === 0),
    minProperties: () => below(3),
    maxProperties: () => below(4),
    dependentRequired: () => ({ [pick(names)]: [pick(names)] }),
    minItems: () => below(3),
    maxItems: () => below(4),
    uniqueItems: () => below(3) > 0,
};
let refs = []; // those that lead on and never back
const applicators = {
    properties: (d) => map(d, names),
    patternProperties: (d) => map(d, patterns),
    additionalProperties: sub,
    propertyNames: sub,
    dependentSchemas: (d) => ({ [pick(names)]: sub(d) }),
    prefixItems: list,
    items: sub,
    contains: sub,
    allOf: list,
    anyOf: list,
    oneOf: list,
    not: sub,
    if: sub,
    then: sub,
    else: sub,
    unevaluatedProperties: sub,
    unevaluatedItems: sub,
    $ref: () => pick(refs),
};

function schema(depth) {
    const s = {};
    for (let i = below(4); i >= 0; i--) {
        const useApplicator = depth > 0 && below(5) < 3;
        const key = pick(Object.keys(useApplicator ? applicators : keywords));
        if (key === '$ref' && !refs.length) {
            continue;
        }
        s[key] = useApplicator ? applicators[key](depth) : keywords[key]();
        if (key === 'contains' && below(2)) {
            s.minContains = below(3);
            s.maxContains = 1 + below(3);
        }
    }
    return s;
}

// Leaves out what ajv 8 is known to answer against the draft: `contains` beside prefixItems lets an empty
// array pass, contained items count as unevaluated, and an `if` alone evaluates nothing.
function withoutKnownFaults(s, noContains) {
    if (Array.isArray(s)) {
        return s.map((x) => withoutKnownFaults(x, noContains));
    }
    if (typeof s !== 'object' || s === null) {
        return s;
    }
    const kept = { ...s };
    if (noContains || 'prefixItems' in kept) {
        ['contains', 'minContains', 'maxContains'].forEach((k) => delete kept[k]);
    }
    if (!('if' in kept && 'then' in kept && 'else' in kept)) {
        ['if', 'then', 'else'].forEach((k) => delete kept[k]);
    }
    for (const [k, v] of Object.entries(kept)) {
        kept[k] = ['enum', 'const'].includes(k) ? v : withoutKnownFaults(v, noContains);
    }
    return kept;
}

function value(depth) {
    const kind = below(depth > 0 ? 10 : 6);
    if (kind < 6) {
        return pick([null, true, false, 0, 1, 2, 3, -1, 0.5, 1.25, '', 'a', 'ab', 'abc', 'é', 'x-1', '😀']);
    }
    if (kind < 8) {
        return Array.from({ length: below(4) }, () => value(depth - 1));
    }
    return Object.fromEntries(names.filter(() => below(2)).map((k) => [k, value(depth - 1)]));
}

function documents() {
    return Array.from({ length: 30 }, () => value(3));
}

let group = 0;
let tests = 0;
let file = [];
const wanted = Number(schemasText);
while (group < wanted) {
    refs = [];
    const b = schema(1);
    refs = ['#/$defs/b'];
    const a = schema(1);
    refs = ['#/$defs/a', '#/$defs/b'];
    let s = { $schema: 'https://json-schema.org/draft/2020-12/schema', ...schema(3), $defs: { a, b } };
    s = withoutKnownFaults(s, JSON.stringify(s).includes('unevaluatedItems'));
    let cases;
    try {
        const validate = new Ajv({ strict: false, validateFormats: false, logger: false }).compile(s);
        cases = documents().map((data, i) => ({ description: `${i}`, data, valid: validate(data) }));
    } catch {
        continue; // What ajv does not allow, such as an empty enum, or stumbles over.
    }
    file.push({ description: `seed ${seedText}, schema ${group}`, schema: s, tests: cases });
    tests += cases.length;
    if (++group % 500 === 0 || group === wanted) {
        fs.writeFileSync(`${out}/random-${group}.json`, JSON.stringify(file));
        file = [];
    }
}
console.log(`${group} schemas, ${tests} documents`);

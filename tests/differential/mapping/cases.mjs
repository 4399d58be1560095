// JSONata expressions with the answers of the jsonata package, as files of its suite's form: every
// function with arguments of every type, and random expressions over random documents.
//     node cases.mjs FOLDER_OF_NODE_MODULES OUT_DIR [SEED [EXPRESSIONS]]
import { createRequire } from 'node:module';
import fs from 'node:fs';

const [modules, out, seedText = '3', wantedText = '4000'] = process.argv.slice(2);
const jsonata = createRequire(modules + '/x.js')('jsonata');

let state = BigInt(seedText) | 1n;
function below(n) {
    state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
    return Number((state >> 33n) % BigInt(n));
}
const pick = (list) => list[below(list.length)];

// --- every function with arguments of every type ---

const values = [
    'missing', 'null', 'true', 'false', '0', '1', '-2', '3.5', '12345', '""', '"a"', '"b,a c"', '"12"', '"0x1F"',
    '"#,##0.00"', '"w"', '"2026-11-17"', '"[Y]-[M01]"', '[]', '[1]', '[3,1,2]', '["b","a"]', '[1,"a"]', '[[1],[2]]',
    '{}', '{"a":1}', '{"b":[1,2],"a":"x"}', '[{"a":1},{"a":2,"b":3}]', 'function($x){$x}', 'function($a,$b){$a>$b}',
    'function(){1}', '$uppercase', '/a/', '/[a-c]/i', 'list', 'list.n', 'one', 'name',
];
// The reference's own words differ from run to run, or are ours, or draw random numbers.
const functions = {
    string: 2, length: 1, substring: 3, substringBefore: 2, substringAfter: 2, lowercase: 1, uppercase: 1, trim: 1,
    pad: 3, join: 2, contains: 2, split: 3, replace: 4, match: 3, base64encode: 1, base64decode: 1, encodeUrl: 1,
    encodeUrlComponent: 1, decodeUrl: 1, decodeUrlComponent: 1, number: 1, abs: 1, floor: 1, ceil: 1, round: 2,
    power: 2, sqrt: 1, formatNumber: 3, formatBase: 2, formatInteger: 2, parseInteger: 2, sum: 1, max: 1, min: 1,
    average: 1, count: 1, append: 2, sort: 2, reverse: 1, distinct: 1, zip: 3, map: 2, filter: 2, single: 2,
    reduce: 3, sift: 2, each: 2, keys: 1, lookup: 2, spread: 1, merge: 1, type: 1, exists: 1, boolean: 1, not: 1,
    assert: 2, error: 1, eval: 2, fromMillis: 3, toMillis: 2,
};
const document = {
    name: 'Anna',
    one: { n: 7, s: 'x' },
    list: [{ n: 1, s: 'b', k: [1, 2] }, { n: 2, s: 'a' }, { n: 1, s: 'c', k: [3] }],
    words: ['b', 'a', 'b'],
    nested: [[1, 2], [3, [4]]],
    empty: {}, none: [], nil: null, yes: true,
};

function* calls() {
    for (const [name, most] of Object.entries(functions)) {
        yield `$${name}()`;
        for (const a of values) {
            yield `$${name}(${a})`;
            yield `${a}.$${name}()`;
            yield `${a} ~> $${name}`;
            for (const b of values) {
                if (most > 1) {
                    yield `$${name}(${a}, ${b})`;
                    if (most > 2 || below(8) === 0) {
                        yield `$${name}(${a}, ${b}, ${pick(values)})`;
                    }
                    if (below(4) === 0) {
                        yield `${a}.$${name}(${b})`;
                        yield `${a} ~> $${name}(${b})`;
                    }
                } else if (below(10) === 0) {
                    yield `$${name}(${a}, ${b})`;
                }
            }
        }
    }
}

// --- random expressions ---

const leaves = ['n', 's', 'k', 'list', 'name', 'one', 'words', 'nested', 'none', 'nil', 'yes', 'missing', '*', '$', '$$',
    '1', '2', '"a"', '"b"', 'true', 'null', '[]', '$v', '%', '**'];
const operators = ['+', '-', '*', '/', '%', '&', '=', '!=', '<', '<=', '>', '>=', 'and', 'or', 'in', '..', '??', '?:'];
const singles = ['string', 'length', 'count', 'sum', 'max', 'keys', 'distinct', 'reverse', 'sort', 'exists', 'boolean',
    'not', 'type', 'spread', 'merge', 'number', 'uppercase', 'average', 'string', 'zip', 'append'];

function expression(d) {
    if (d <= 0) {
        return pick(leaves);
    }
    const e = () => expression(d - 1 - below(2));
    switch (below(24)) {
        case 0: case 1: case 2: case 3: return `${e()}.${e()}`;
        case 4: case 5: return `${e()}[${e()}]`;
        case 6: return `${e()}[${below(3) - 1}]`;
        case 7: case 8: return `(${e()} ${pick(operators)} ${e()})`;
        case 9: return `[${Array.from({ length: below(3) }, e).join(', ')}]`;
        case 10: return `{"x": ${e()}, "y": ${e()}}`;
        case 11: return `${e()}{${pick(['s', '"k"', '$string(n)', 's & "z"'])}: ${e()}}`;
        case 12: return `$${pick(singles)}(${e()})`;
        case 13: return `(${e()} ? ${e()} : ${e()})`;
        case 14: return `($v := ${e()}; ${e()})`;
        case 15: return `$map(${e()}, function($v${pick(['', ', $i', ', $i, $a'])}) {${e()}})`;
        case 16: return `$filter(${e()}, function($v) {${e()}})`;
        case 17: return `${e()}^(${pick(['', '<', '>'])}${e()}${below(3) ? '' : ', ' + e()})`;
        case 18: return `${e()}@$v.${e()}`;
        case 19: return `${e()}#$v.${e()}`;
        case 20: return `${e()}[]`;
        case 21: return `${e()} ~> $${pick(singles)}`;
        case 22: return `$reduce(${e()}, function($v, $w) {${e()}})`;
        default: return `(${e()}) ~> |${e()}|{"n": ${e()}}|`;
    }
}

// --- pictures and regular expressions ---

const some = (list, most) => Array.from({ length: 1 + below(most) }, () => pick(list)).join('');
const instants = [0, 1, -1, 951782400000, 1510067557121, 1521801216617, -62135596800000, 253402300799999, 1704067199999,
    1230768000000, 1609459200000, 4102444800000, 1511957106000];
const parts = ['Y', 'Y0001', 'Y,2', 'Y01', 'Y,*-4', 'YI', 'Yw', 'M', 'M01', 'M#1', 'MNn', 'MN', 'Mn', 'MNn,3-3', 'MI', 'MA', 'D', 'D01', 'D1o', 'Dw',
    'Dwo', 'DWwo', 'd', 'd001', 'F', 'FNn', 'FN,3-3', 'F0', 'F1', 'W', 'W01', 'w', 'H', 'H01', 'H1', 'h', 'h#1', 'm', 'm01', 'm1', 's', 's01', 'f',
    'f001', 'f1', 'P', 'PN', 'Pn', 'Z', 'Z0', 'Z01:01', 'Z0101', 'Z0101t', 'z', 'z0', 'C', 'E', 'EN', 'X', 'X0001', 'x', 'xNn'];
const glue = ['-', '/', ' ', ':', 'T', ', ', '', '', '[[', ']]', 'of '];
const instantPicture = () => Array.from({ length: 1 + below(5) }, () => `[${pick(parts)}]${pick(glue)}`).join('');
const numbers = ['0', '1', '-1', '0.5', '1.5', '2.5', '-0.005', '12', '99.995', '123.456', '1234567.891', '-98765.4321', '0.000123', '1e10',
    '0.1', '10', '100000', '1e-7'];
const integers = ['0', '1', '4', '9', '12', '13', '21', '40', '99', '100', '101', '111', '999', '1000', '1001', '1999', '2026', '10000', '123456',
    '1000000', '1234567', '1e9', '1e12', '-7', '-1234', '3.7', '-3.2'];
// Well-formed ones: the reference lets some others pass, and stumbles over an exponent behind other text.
function numberPicture() {
    const whole = pick(['', '#', '##', '#,##', '#,']) + pick(['0', '00', '0', '0,000', '']);
    const fraction = pick(['', '0', '00', '000']) + pick(['', '#', '##']);
    const digits = (/0/.test(whole) ? whole : whole + '0').replace(/,$/, '') + (fraction && '.' + fraction);
    return digits.includes('0') && below(4) === 0 ? digits + pick(['e0', 'e00'])
        : pick(['', '', '$', 'EUR ', '(', '+']) + digits + pick(['', '', '%', '\u2030', ' kg', ')']);
}
const integerPictures = ['0', '00', '#0', '0000', '#,##0', '#,##,00', '0,000', '1', 'I', 'i', 'A', 'a', 'W', 'w', 'Ww', 'w;o', 'Ww;o', '0;o', '#,##0;o',
    'I;o', '\u0661', '#.##0', "#'##0", '###,###,##0', '\u0966\u0966', '0_0', '#', 'x'];
const texts = ['', 'a', 'abc', 'abcabc', 'ABC', 'a.b.c', 'aaa', 'foo bar  baz', '2026-11-17', 'a1b22c333', 'x=1;y=2', '(a)', 'Ωmega', '😀 smile',
    'line1\\nline2', 'tab\\there', '$1', 'mississippi', ' pad '];
const atoms = ['a', 'b', '.', '[a-c]', '[^a]', '\\d', '\\w', '\\s', '\\b', '(a|b)', '(\\d)', '(?:ab)', '^', '$', 'i', 's', '\\.', '\\(', '(b)?', '[0-9]', '(?=b)', '(?!c)', '\\S'];
const regex = () => `/${Array.from({ length: 1 + below(3) }, () => pick(atoms) + pick(['', '', '', '+', '*', '?', '{2}', '{1,2}', '+?'])).join('').replace(/(\^|\$|\\b)([+*?]\??|\{[0-9,]+\})/g, '$1')}/${pick(['', '', 'i', 'm', 'im'])}`;
const replacement = () => JSON.stringify(some(['$0', '$1', '$2', '$$', '$', 'x', '-', '$12', '$a'], 3));

function written() {
    switch (below(9)) {
        case 0: case 1: return `$fromMillis(${pick(instants)}, ${JSON.stringify(instantPicture())}${below(3) ? '' : ', "' + pick(['+0100', '-0500', '+0530', '0000', '+1200']) + '"'})`;
        case 2: { const p = JSON.stringify(instantPicture()); return `$toMillis($fromMillis(${pick(instants)}, ${p}), ${p})`; }
        case 3: return `$toMillis(${JSON.stringify(pick(['2026', '2026-11', '2026-11-17', '2026-11-17T10:00', '2026-11-17T10:00:00Z', '2026-11-17T10:00:00.5+01:00', '20261117', '2026-13-01', '2026-02-30', '2026-W10', '10:00', 'x', '-0001-01-01', '2026-11-17T10:00:00.123456Z']))})`;
        case 4: return `$formatNumber(${pick(numbers)}, ${JSON.stringify(numberPicture() + (below(6) ? '' : ';' + numberPicture()))}${below(6) ? '' : ', ' + pick(['{"zero-digit":"\u0661"}', '{"minus-sign":"~"}', '{"percent":"pc"}', '{"digit":"?"}'])})`;
        case 5: return `$formatInteger(${pick(integers)}, ${JSON.stringify(pick(integerPictures))})`;
        case 6: return `$match(${JSON.stringify(pick(texts))}, ${regex()}${below(4) ? '' : ', ' + below(3)})`;
        case 7: return `$replace(${JSON.stringify(pick(texts))}, ${regex()}, ${below(4) ? replacement() : 'function($m){$uppercase($m.match) & $m.index & $count($m.groups)}'}${below(4) ? '' : ', ' + below(3)})`;
        default: return pick([`$split(${JSON.stringify(pick(texts))}, ${regex()}${below(3) ? '' : ', ' + below(4)})`, `$contains(${JSON.stringify(pick(texts))}, ${regex()})`,
            `$${pick(['uppercase', 'lowercase', 'trim', 'length', 'base64encode', 'encodeUrl', 'encodeUrlComponent', 'number', 'string'])}(${JSON.stringify(pick(texts))})`,
            `$substring(${JSON.stringify(pick(texts))}, ${below(9) - 4}${below(2) ? '' : ', ' + (below(6) - 1)})`, `$pad(${JSON.stringify(pick(texts))}, ${below(20) - 10}, ${JSON.stringify(pick(['', '#', 'ab', '😀']))})`,
            `$${pick(['round', 'formatBase', 'power'])}(${pick(numbers)}, ${pick(['0', '1', '2', '-1', '3', '16', '36', '0.5'])})`]);
    }
}

// --- answers ---

// Where we answer otherwise on purpose (docs/mapping.md, "Deliberate differences").
const deliberate = [
    // Where a division is read as the begin of a regular expression: behind ], the ) of ^() and the | of a transform.
    /[\])|] \//,
    // An array written as the first step: grouped, or with a variable bound to its items, or filtered.
    /^(\[\]|\["a"\])\{/, /\](\[\])?[@#]\$v/, /\[-?\d\]\.\(/,
    // Regular expressions as callbacks get the index as the place to start at.
    /\$(map|filter|single|sift|each|reduce|sort)\((.*, )?\/|~> \$(map|filter|single|sift|each|reduce|sort)\(\//,
    // Texts that do not fit are guessed at, and days that no month has are counted on.
    /\$parseInteger/, /\$toMillis\("2026-02-30"\)/,
    // Pictures of integers whose digits end too early; Roman numerals of hundreds of letters.
    /\$formatInteger\(.*"(0x1F|#,##0\.00|\[Y\]-\[M01\])"/, /\$formatInteger\(1e9|\$formatInteger\(\d{6,}, "[iI]/,
    // Pictures of numbers: powers of ten as mantissa 10, a separator before the first digit, 0.1 for #e0.
    /\$formatNumber\(.*"[^"]*#[^0"]*e0/, /\$formatNumber\((1e10|100000|10|0\.1|1e-7), "[^"]*e0/, /\$formatNumber\(.*"[^"]*#,0,0/,
    // Time zones that are none give NaN; half hours west of Greenwich; the weeks of year 1; short fractions.
    /\$fromMillis\([^"]*,.*,/, /\$fromMillis\("[^[]*,.*,/, /\[[zZ][^\]]*\].*"-0530"/, /-62135596800000.*\[[xX]/, /\[f1?\]/,
    // A function's source as replacement, or "undefined"; matchers that are never called.
    /\$replace\(.*, (function\(\)|function\(\$x|function\(\$a|\/|\$upper|missing)/, /\$contains\("", (function|\$)/, /^"" ~> \$contains/,
    // Positions and bytes of characters beyond U+FFFF, of which the reference sees two halves.
    /(match|replace|base64encode|substring|pad|split|contains).*😀/,
    // A ] without its [ never ends a regular expression there.
    /\/[^[/]*\][^/]*\//,
    // Binary fractions.
    /\$power\(.*(16|36)\)/,
    // Groups of nothing behind a bound variable or a filter: {} or the group of nothing.
    /([@#]\$v|\[).*\{(s|"k"|\$string\(n\)|s & "z"): /, /\{(s|"k"|\$string\(n\)|s & "z"): .*([@#]\$v|\[)/,
    // Members whose names are numbers come first there.
    /\{\$string\(n\): .*\$keys|\$keys.*\{\$string\(n\): /,
    // Characters that are no bytes, and digits of a picture that its options make plain text.
    /base64encode.*Ω/, /\$formatNumber\(.*"digit":/,
];

const plain = (v) => v === null || ['boolean', 'string'].includes(typeof v) || (typeof v === 'number' && Number.isFinite(v)) ||
    (Array.isArray(v) ? v.every(plain) : typeof v === 'object' && Object.values(v).every(plain));

async function answered(expr) {
    let done = false;
    try {
        const map = jsonata(expr);
        const late = new Promise((_, no) => setTimeout(() => no({ late: true }), 500).unref());
        const result = await Promise.race([map.evaluate(structuredClone(document)), late]);
        done = true;
        if (result === undefined) {
            return { expr, data: document, bindings: {}, undefinedResult: true };
        }
        return plain(result) ? { expr, data: document, bindings: {}, result: JSON.parse(JSON.stringify(result)) } : null;
    } catch (e) {
        // Without a code it stumbled over itself.
        return !done && e && e.code ? { expr, data: document, bindings: {}, code: e.code } : null;
    }
}

async function write(group, expressions) {
    const folder = `${out}/groups/${group}`;
    fs.mkdirSync(folder, { recursive: true });
    let cases = [];
    let count = 0;
    const flush = () => {
        if (cases.length) {
            fs.writeFileSync(`${folder}/case${String(count).padStart(6, '0')}.json`, JSON.stringify(cases, null, 1));
        }
        cases = [];
    };
    for (const expr of expressions) {
        if (deliberate.some((pattern) => pattern.test(expr))) {
            continue;
        }
        const found = await answered(expr);
        // The reference evaluates items and members side by side, and filters of nothing as well: which fault
        // of several comes first is chance, so random expressions only count with a value or a syntax error.
        if (found && !(group === 'random' && found.code && found.code[0] !== 'S')) {
            cases.push(found);
            if (++count % 500 === 0) {
                flush();
            }
        }
    }
    flush();
    console.log(`${group}: ${count} expressions`);
}

fs.mkdirSync(`${out}/datasets`, { recursive: true });
await write('calls', [...new Set(calls())]);
await write('written', [...new Set(Array.from({ length: Number(wantedText) }, written))]);
await write('random', Array.from({ length: Number(wantedText) }, () => expression(1 + below(4))));

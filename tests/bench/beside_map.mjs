// Receipts as text in, goods movements as text out, by the jsonata package or by a plain function.
//     node beside_map.mjs MODULES jsonata|plain MAP NDJSON SECONDS     documents a second, after a warm-up of as long
//     node beside_map.mjs MODULES jsonata|plain MAP NDJSON print       what is made of each document
import { createRequire } from 'node:module';
import fs from 'node:fs';

const [modules, kind, mapFile, file, how] = process.argv.slice(2);
const documents = fs.readFileSync(file, 'utf8').split('\n').filter(Boolean);

const thousandths = (text) => Math.round(Number(text) * 1000);
const digits = (n) => (n / 1000).toFixed(3);

function plain(text) {
    const { id, data } = JSON.parse(text);
    return JSON.stringify({
        document: 'GOODS_MOVEMENT',
        id,
        reference: data.receipt_no,
        po: data.purchase_order,
        plant: data.site,
        vendor: data.supplier,
        posting_date: data.received_at.slice(0, 10),
        header_text: data.carrier + ' ' + data.packing_slip,
        items: data.lines.map((l) => ({
            item: l.line,
            po_item: l.po_line,
            material: l.item,
            unit: l.uom,
            movement: thousandths(l.damaged) > 0 ? '103' : '101',
            unrestricted: digits(thousandths(l.quantity) - thousandths(l.damaged)),
            blocked: digits(thousandths(l.damaged)),
            batches: l.lots.map((b) => ({ batch: b.lot, quantity: b.quantity, expiry: b.expires })),
        })),
    });
}

let one = plain;
if (kind === 'jsonata') {
    const map = createRequire(modules + '/x.js')('jsonata')(fs.readFileSync(mapFile, 'utf8'));
    one = async (text) => JSON.stringify(await map.evaluate(JSON.parse(text)));
}

let bytes = 0;
async function rate(seconds) {
    const begin = performance.now();
    let done = 0;
    while (performance.now() - begin < seconds * 1000) {
        for (let i = 0; i < 50; i++) {
            // Waiting for what is there already would cost the plain function its speed.
            const text = documents[done++ % documents.length];
            bytes += (kind === 'plain' ? one(text) : await one(text)).length;
        }
    }
    return (done / (performance.now() - begin)) * 1000;
}

if (how === 'print') {
    for (const text of documents) {
        console.log(await one(text));
    }
} else {
    await rate(Number(how));
    console.log(Math.round(await rate(Number(how))));
}

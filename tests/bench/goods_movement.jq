# Goods receipt to goods movement, as the map of bench_map makes it.
def thousandths: tonumber * 1000 | round;
def digits: "\(. / 1000 | floor).\(. % 1000 + 1000 | tostring[1:])";
{
  document: "GOODS_MOVEMENT", id, reference: .data.receipt_no, po: .data.purchase_order,
  plant: .data.site, vendor: .data.supplier, posting_date: .data.received_at[0:10],
  header_text: (.data.carrier + " " + .data.packing_slip),
  items: [.data.lines[]
    | (.quantity | thousandths) as $quantity
    | (.damaged | thousandths) as $damaged
    | {
        item: .line, po_item: .po_line, material: .item, unit: .uom,
        movement: (if $damaged > 0 then "103" else "101" end),
        unrestricted: ($quantity - $damaged | digits), blocked: ($damaged | digits),
        batches: [.lots[] | {batch: .lot, quantity, expiry: .expires}]
      }]
}

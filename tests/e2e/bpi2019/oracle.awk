# The right answers of p2p-controls, computed from the log alone and by other means than the hub:
#     gzip -dc LOG.csv.gz | awk -f oracle.awk
# Rows are taken in order of the file.

# Splits a record into f[1..]; commas inside quotes become \001.
function split_record(record,    parts, i, n, joined) {
    while (gsub(/"/, "\"", record) % 2 == 1) {
        if ((getline more) <= 0) {
            break
        }
        record = record " " more
    }
    n = split(record, parts, "\"")
    joined = parts[1]
    for (i = 2; i <= n; i++) {
        if (i % 2 == 0) {
            gsub(/,/, "\001", parts[i])
        }
        joined = joined parts[i]
    }
    return split(joined, f, ",")
}

function truth(value) {
    return value ? "true" : "false"
}

{
    sub(/\r$/, "")
    width = split_record($0)
}

NR == 1 {
    for (i = 1; i <= width; i++) {
        if (f[i] == "case concept:name") { case_column = i }
        if (f[i] == "concept:name") { activity_column = i }
    }
    next
}

{
    c = f[case_column]
    activity = f[activity_column]
    seen[c] = 1
    if (activity == "Record Goods Receipt") {
        if (invoices[c] > receipts[c]) { receipt_after_invoice[c] = 1 }
        if (clearings[c] > receipts[c]) { receipt_after_clearing[c] = 1 }
        receipts[c]++
    } else if (activity == "Cancel Goods Receipt") {
        receipts_cancelled[c]++
    } else if (activity == "Record Invoice Receipt") {
        if (clearings[c] > invoices[c]) { invoice_after_clearing[c] = 1 }
        invoices[c]++
        if (invoices[c] - invoices_cancelled[c] > receipts[c] - receipts_cancelled[c]) { held[c] = 1 }
    } else if (activity == "Cancel Invoice Receipt") {
        invoices_cancelled[c]++
    } else if (activity == "Clear Invoice") {
        clearings[c]++
    } else if (activity == "Remove Payment Block") {
        unblocked[c]++
    }
}

END {
    print "case_id,receipts,receipts_cancelled,invoices,invoices_cancelled,clearings,invoice_held_ever,receipt_after_excess_invoice,receipt_after_excess_clearing,invoice_after_excess_clearing,open_grni,payment_blocks_removed"
    fflush()
    for (c in seen) {
        open = receipts[c] - receipts_cancelled[c] - invoices[c] + invoices_cancelled[c]
        print c "," receipts[c] + 0 "," receipts_cancelled[c] + 0 "," invoices[c] + 0 "," \
            invoices_cancelled[c] + 0 "," clearings[c] + 0 "," truth(held[c]) "," \
            truth(receipt_after_invoice[c]) "," truth(receipt_after_clearing[c]) "," \
            truth(invoice_after_clearing[c]) "," (open > 0 ? open : 0) "," unblocked[c] + 0 | \
            "LC_ALL=C sort"
    }
}

/* Lists of invoice lines on an order line. See list.h. Pure. */
#include "flow/list.h"

#include <assert.h>

static int link_of(xd_bill_list list)
{
    return list == XD_BILL_MATCHES ? 1 : list == XD_BILL_PENDING ? 2 : 0;
}

xd_status xd_bill_load(xd_flow *f, xd_str key, xd_invoice_line **ret)
{
    XD_TRY(xd_flow_load(f, &xd_invoice_line_type, key, ret));
    assert((*ret)->doc.exists);
    return XD_OK;
}

static xd_status load_or_null(xd_flow *f, xd_str key, xd_invoice_line **ret)
{
    *ret = NULL;
    return key.len ? xd_bill_load(f, key, ret) : XD_OK;
}

xd_status xd_list_append(xd_flow *f, xd_order_line *line, xd_bill_list list, xd_invoice_line *bill)
{
    int link = link_of(list);
    xd_invoice_line *last = NULL;
    XD_TRY(load_or_null(f, line->list_last[list], &last));
    bill->link_previous[link] = line->list_last[list];
    bill->link_next[link] = XD_STR_NULL;
    if (last) {
        last->link_next[link] = bill->doc.key;
        xd_doc_change(&last->doc);
    } else {
        line->list_first[list] = bill->doc.key;
    }
    line->list_last[list] = bill->doc.key;
    xd_doc_change(&bill->doc);
    xd_doc_change(&line->doc);
    return XD_OK;
}

xd_status xd_list_prepend(xd_flow *f, xd_order_line *line, xd_bill_list list, xd_invoice_line *bill)
{
    int link = link_of(list);
    xd_invoice_line *first = NULL;
    XD_TRY(load_or_null(f, line->list_first[list], &first));
    bill->link_previous[link] = XD_STR_NULL;
    bill->link_next[link] = line->list_first[list];
    if (first) {
        first->link_previous[link] = bill->doc.key;
        xd_doc_change(&first->doc);
    } else {
        line->list_last[list] = bill->doc.key;
    }
    line->list_first[list] = bill->doc.key;
    xd_doc_change(&bill->doc);
    xd_doc_change(&line->doc);
    return XD_OK;
}

xd_status xd_list_remove(xd_flow *f, xd_order_line *line, xd_bill_list list, xd_invoice_line *bill)
{
    int link = link_of(list);
    xd_invoice_line *previous = NULL, *next = NULL;
    XD_TRY(load_or_null(f, bill->link_previous[link], &previous));
    XD_TRY(load_or_null(f, bill->link_next[link], &next));
    if (previous) {
        previous->link_next[link] = bill->link_next[link];
        xd_doc_change(&previous->doc);
    } else {
        line->list_first[list] = bill->link_next[link];
    }
    if (next) {
        next->link_previous[link] = bill->link_previous[link];
        xd_doc_change(&next->doc);
    } else {
        line->list_last[list] = bill->link_previous[link];
    }
    bill->link_previous[link] = XD_STR_NULL;
    bill->link_next[link] = XD_STR_NULL;
    xd_doc_change(&bill->doc);
    xd_doc_change(&line->doc);
    return XD_OK;
}

xd_status xd_list_first(xd_flow *f, xd_order_line *line, xd_bill_list list, xd_invoice_line **ret)
{
    return load_or_null(f, line->list_first[list], ret);
}

xd_status xd_list_last(xd_flow *f, xd_order_line *line, xd_bill_list list, xd_invoice_line **ret)
{
    return load_or_null(f, line->list_last[list], ret);
}

xd_status xd_list_next(xd_flow *f, xd_bill_list list, const xd_invoice_line *bill,
                       xd_invoice_line **ret)
{
    return load_or_null(f, bill->link_next[link_of(list)], ret);
}

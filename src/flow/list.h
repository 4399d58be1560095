/* The doubly linked lists of invoice lines that an order line keeps (xd_bill_list): constant work
 * to add, to remove and to find the ends, whatever their length. Private to src/flow. Pure. */
#ifndef XD_FLOW_LIST_H
#define XD_FLOW_LIST_H

#include "flow/flow_int.h"

/* The invoice line of key; it must exist. */
XD_CHECKED xd_status xd_bill_load(xd_flow *f, xd_str key, xd_invoice_line **ret);
XD_CHECKED xd_status xd_list_append(xd_flow *f, xd_order_line *line, xd_bill_list list,
                                    xd_invoice_line *bill);
XD_CHECKED xd_status xd_list_prepend(xd_flow *f, xd_order_line *line, xd_bill_list list,
                                     xd_invoice_line *bill);
XD_CHECKED xd_status xd_list_remove(xd_flow *f, xd_order_line *line, xd_bill_list list,
                                    xd_invoice_line *bill);
/* First or last invoice line of a list; NULL when it is empty. */
XD_CHECKED xd_status xd_list_first(xd_flow *f, xd_order_line *line, xd_bill_list list,
                                   xd_invoice_line **ret);
XD_CHECKED xd_status xd_list_last(xd_flow *f, xd_order_line *line, xd_bill_list list,
                                  xd_invoice_line **ret);
/* Neighbour towards the end; NULL at the end. */
XD_CHECKED xd_status xd_list_next(xd_flow *f, xd_bill_list list, const xd_invoice_line *bill,
                                  xd_invoice_line **ret);

#endif

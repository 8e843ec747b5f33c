"""Compare two logs as spec/examples/README.md says."""
import json, sys
from collections import Counter

def load(p):
    return [json.loads(l) for l in open(p, encoding='utf-8') if l.strip()]

def bag(rows):
    sent, no = Counter(), Counter()
    for r in rows:
        key = json.dumps(r['key'], sort_keys=True, ensure_ascii=False)
        call = r['channel'] == 'call'
        step = '' if call else r['step']
        if r['status'] == 'sent':
            sent[(r['handed_over_at'], r['customer_id'], r['journey'], key, step, r['template'], r['channel'])] += 1
        elif r['status'] in ('suppressed', 'skipped'):
            no[(r['customer_id'], r['journey'], key, step or '', r['channel'] or '', r['status'] + ':' + r['reason'])] += 1
    return sent, no

def diff(a, b):
    out = []
    A, B = bag(a), bag(b)
    for name, x, y in (('sent', A[0], B[0]), ('not sent', A[1], B[1])):
        for k in sorted(set(x) | set(y), key=str):
            if x[k] != y[k]:
                out.append('%s A=%d B=%d  %s' % (name, x[k], y[k], '  '.join(str(v) for v in k)))
    return out

"""A slow, direct reading of B1 and settled.md. One customer at a time; nothing is indexed."""
import hashlib, json, os, sys
from datetime import date
from tests.oracle import cal
from tests.oracle.cal import DAY, HOUR
from tests.oracle.ref import J

LINES = {'critical_illness', 'life', 'annuity', 'health', 'accident', 'motor', 'credit_card', 'deposit'}   # Q5
ENTITY = {'payment.due_scheduled': 'installment', 'payment.failed': 'installment', 'policy.lapsed': 'policy', 'claim.filed': 'claim',
          'policy.issued': 'policy', 'silence.detected': 'customer', 'churn.risk_scored': 'customer', 'complaint.opened': 'complaint',
          'policy.maturing': 'policy', 'kyc.document_expiring': 'document', 'claim.paid': 'claim',
          'recommendation.generated': 'customer', 'customer.tier_changed': 'customer'}
VALID = {'mandatory': 10, 'service': 2, 'care': 2, 'marketing': 3}   # N6
CHANNEL_ORDER = {'sms': 0, 'email': 1, 'call': 2, None: 3}
STOP_WORDS = {'R', 'T', 'TD', 'N', 'STOP', '退订', '拒收'}
OPT = {k: v for k, v in (kv.split('=') for kv in os.environ.get('ORACLE', '').split(',') if kv)}


def bucket(text):
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) % 100


class X:
    """what a condition sees"""
    def __init__(self, e, f, c, today):
        self.e, self.f, self.c, self.today = e, f, c, today


class Event:
    def __init__(self, raw):
        self.id, self.type, self.raw = raw['event_id'], raw['type'], raw
        self.p = raw.get('payload') or {}
        self.occurred = cal.parse(raw['occurred_at'])
        self.arrival = cal.parse(raw['arrives_at']) if raw.get('arrives_at') else self.occurred
        ent = raw.get('entity') or {}
        self.entity = (ent['type'], ent['id']) if ent else None
        self.seq = ent.get('seq')
        self.source = raw.get('source')
        self.customer = raw['customer_id']


class Run:
    def __init__(self, j, key, start, event):
        self.j, self.key, self.start, self.event = j, key, start, event
        self.ended = None
        self.end_reason = None
        self.facts = {}
        self.events = []
        self.copies = []
        self.sends = []
        self.touches = {}
        self.decided = set()
        self.anchor = None
        self.expire = None
        self.deadlines = {}
        self.applied = {}
        self.sent = False
        self.control = False


class Copy:
    def __init__(self, run, steps, begin, event, final=False, deadline=None, react=None, send_key=None):
        self.run, self.begin, self.event, self.final, self.deadline, self.react = run, begin, event, final, deadline, react
        self.frames = [[steps, 0, None]]
        self.consumed = set()
        self.wait = None        # (step or None, due)
        self.group = None
        self.done = False


class Group:
    """one execution of a send step"""
    def __init__(self):
        self.sends, self.copy, self.counted, self.touch, self.anchor = [], None, False, None, None


class Send:
    pass


class Customer:
    def __init__(self, cid, journeys, out):
        self.cid, self.journeys, self.out = cid, [J[n] for n in journeys], out
        self.profile = None
        self.base = {'timezone': None, 'tier': 'basic', 'mobile': None, 'email': None, 'birth_date': None, 'risk_level': None,
                     'risk_valid_until': None, 'do_not_contact': False, 'personalisation_opt_out': False}
        self.consent = {}
        self.deceased = False
        self.invalid = {'sms': False, 'email': False}
        self.open_complaints, self.open_claims, self.policies = set(), set(), {}
        self.pause_until = None
        self.hi = {}
        self.runs, self.queue, self.calendar = [], [], {}
        self.touch_dates = []
        self.seen = {j['id']: [] for j in self.journeys}
        self.memory, self.early = [], []
        self.enquiries, self.issues = [], []
        self.now = None
        self.finished_groups = []

    # ---- values -------------------------------------------------------------------------------------------------
    @property
    def zone(self):
        return (self.profile or self.base)['timezone'] or 'Asia/Shanghai'

    def v(self, name):
        return (self.profile or self.base)[name]

    @property
    def today(self):
        return cal.local_date(self.now, self.zone)

    def granted(self, purpose, ch):
        r = self.consent.get((purpose, ch))
        return bool(r and r[1])

    def set_consent(self, purpose, ch, occurred, granted):
        old = self.consent.get((purpose, ch))
        if old is None or occurred > old[0] or (occurred == old[0] and not granted):      # Q20
            self.consent[purpose, ch] = (occurred, granted)

    def paused(self):
        return bool(self.open_complaints) or (self.pause_until is not None and self.now < self.pause_until)      # Q22

    def in_free_look(self):
        for p in self.policies.values():
            if p['last'] is not None:
                if self.today <= p['last']:
                    return True
            elif self.today <= p['issued'] + cal.timedelta(days=60):
                return True
        return False

    def view(self):
        b = self.v('birth_date')
        age = None
        if b:
            b = date.fromisoformat(b)
            age = self.today.year - b.year - (self.today < cal.anniversary(b, self.today.year))
        return {'tier': self.v('tier'), 'risk_level': self.v('risk_level'), 'risk_valid_until': self.v('risk_valid_until'), 'age': age,
                'open_claims': self.open_claims, 'open_complaints': self.open_complaints, 'in_free_look': self.in_free_look()}

    def x(self, payload, facts):
        return X(payload, facts, self.view(), self.today.isoformat())

    # ---- log ----------------------------------------------------------------------------------------------------
    def row(self, run, step, template, channel, status, reason, due, event, key=None, j=None, **more):
        r = {'customer_id': self.cid, 'journey': (j or run.j)['id'], 'key': key if key is not None else run.key, 'step': step,
             'template': template, 'channel': channel, 'status': status, 'reason': reason, 'due_at': cal.iso(due),
             'decided_at': cal.iso(self.now), 'event_id': event}
        if status == 'sent':
            r['handed_over_at'] = cal.iso(self.now)
        r.update(more)
        self.out.append(r)

    # ---- the clock ----------------------------------------------------------------------------------------------
    def next_due(self):
        t = []
        for r in self.runs:
            for s in r.sends:
                if s.state in ('held', 'deferred'):
                    t.append(s.next_at)
            if r.ended is not None:
                continue
            if r.expire is not None:
                t.append(r.expire)
            t += [x['due'] for x in r.touches.values()]
            t += [d['due'] for d in r.deadlines.values() if d['due'] is not None]
            t += [c.wait[1] for c in r.copies if c.wait and not c.done]
        t += [o['due'] for o in self.calendar.values() if o]
        return min(t) if t else None

    def instant(self, t, events):
        self.now = t
        for e in events:
            self.arrive(e)
        guard = 0
        while True:
            guard += 1
            assert guard < 1000
            busy = self.timers()
            if not self.queue and not busy:
                break
            batch, self.queue = self.queue, []
            batch = [s for s in batch if s.state == 'queued']
            batch.sort(key=lambda s: (-s.run.j['prio'], s.due, s.run.start, s.run.j['id'],
                                      json.dumps(s.run.key, sort_keys=True, separators=(',', ':'), ensure_ascii=False),
                                      s.step['id'], CHANNEL_ORDER[s.channel]))
            self.finished_groups = []
            for s in batch:
                if s.state == 'queued':
                    self.judge(s)
            done, self.finished_groups = self.finished_groups, []
            for g in done:
                self.group_done(g)

    def timers(self):
        t, fired = self.now, False
        for r in list(self.runs):
            for s in r.sends:
                if s.state in ('held', 'deferred') and s.next_at <= t:
                    s.state = 'queued'
                    self.queue.append(s)
                    fired = True
        for r in list(self.runs):
            if r.ended is not None:
                continue
            for tid in [x['id'] for x in r.j['schedule']]:
                if r.ended is None and tid in r.touches and r.touches[tid]['due'] <= t:
                    self.fire_touch(r, tid)
                    fired = True
            for d in r.deadlines.values():
                if r.ended is None and d['due'] is not None and d['due'] <= t:
                    self.fire_deadline(r, d)
                    fired = True
            for c in list(r.copies):
                if r.ended is None and not c.done and c.wait and c.wait[1] <= t:
                    step = c.wait[0]
                    c.wait = None
                    if step is not None:
                        c.frames.append([step['otherwise'], 0, step])
                    self.advance(c)
                    fired = True
        for r in list(self.runs):
            if r.ended is None and r.expire is not None and r.expire <= t:
                self.end(r, 'expired', 'journey_ended')
                fired = True
        for k in sorted(self.calendar, key=str):
            o = self.calendar[k]
            if o and o['due'] <= t:
                self.fire_calendar(k, o)
                fired = True
        return fired

    # ---- events -------------------------------------------------------------------------------------------------
    def arrive(self, e):
        before_zone, before_birth, known = self.zone, self.v('birth_date'), self.profile is not None
        self.project(e)
        if self.profile is not None:
            if not known:
                self.became_known(before_zone)
            else:
                if self.zone != before_zone:
                    self.zone_moved()
                if self.v('birth_date') != before_birth:
                    self.arm_birthday(self.now)
        if e.type == 'enquiry.made':
            self.enquiries.append((min(e.occurred, e.arrival), e.p['product_line'], (e.entity, e.seq) if e.seq is not None else e.id))
        if e.type == 'policy.issued':
            self.issues.append((min(e.occurred, e.arrival), e.p['product_line']))
        found = set()
        for r in list(self.runs):
            if r.ended is None and self.addressed(r.j, r.key, e):
                found.add(r.j['id'])
                self.deliver(r, e)
        self.check_withdrawn()
        for j in self.journeys:
            started = False
            if self.is_start(j, e):
                started = self.start_by_event(j, e)
            self.remember(j, e, j['id'] in found, started)

    def carried(self, j, e):
        """the key fields that the event carries (N11, Q31)"""
        return {k: e.p[k] for k in j['key'] if e.p.get(k) is not None}

    def addressed(self, j, key, e):
        if e.p.get('instance_id') is not None:
            return False                       # run ids are derived by the engine; no timeline here knows one
        if e.p.get('journey_id') is not None and e.p['journey_id'] != j['id']:
            return False
        return all(key.get(k) == v for k, v in self.carried(j, e).items())

    def matches(self, spec, e, facts=None):
        if spec['type'] != e.type:
            return False
        return spec['cond'] is None or spec['cond'](self.x(e.p, facts or {})) is True

    def ends_by(self, j, e, facts=None):
        for spec in ([j['goal']] if j['goal'] else []) + j['exit']:
            if self.matches(spec, e, facts):
                return spec
        return None

    def deliver(self, r, e):
        """Q9: goal, exit, set, react, waits, deadlines"""
        j = r.j
        spec = self.ends_by(j, e, r.facts)
        if spec:
            self.end(r, 'goal' if spec is j['goal'] else 'exit', 'journey_ended')
            if spec.get('do'):
                c = Copy(r, spec['do'], len(r.events), e, final=True)
                r.copies.append(c)
                self.advance(c)
            return
        mark = (e.type, e.entity, e.source)
        stale = e.seq is not None and r.applied.get(mark, 0) >= e.seq        # Q29
        index = len(r.events)
        r.events.append(e)
        applied = False
        old_copies = list(r.copies)
        if not stale:
            hits = [h for h in j['react'] if h['type'] == e.type and (h['cond'] is None or h['cond'](self.x(e.p, r.facts)) is True)]
            moved = False
            for h in hits:
                applied = True
                for fact, field in h['set'].items():
                    if r.facts.get(fact) != e.p[field]:
                        r.facts[fact] = e.p[field]
                        moved = moved or fact == j['anchor']
            if moved:
                self.arm(r)
            for h in hits:
                if r.ended is not None:
                    break
                if h['do']:
                    waits = any(s['k'] == 'wait_for' for s in h['do'])
                    if waits:                                                     # Q33
                        for c in r.copies:
                            if c.react is h and not c.done:
                                c.done, c.wait = True, None
                                for s in r.sends:
                                    if s.group.copy is c and s.state in ('queued', 'held', 'deferred'):
                                        self.close(s, 'superseded')
                    c = Copy(r, h['do'], index + 1, e, react=h)
                    r.copies.append(c)
                    self.advance(c)
        for c in old_copies:                                                      # waits, Q35, Q24a
            if r.ended is not None:
                break
            if c.done:
                continue
            if c.wait and c.wait[0] and self.wait_matches(r, c.wait[0], e):
                step = c.wait[0]
                c.consumed.add(index)
                c.wait, c.event = None, e
                c.frames.append([step['then'], 0, None])
                applied = True
                self.advance(c)
            elif c.group:
                tags = [f[2] for f in c.frames if f[2] is not None]
                if any(self.wait_matches(r, w, e) for w in tags):
                    g = c.group
                    hit = [s for s in g.sends if s.state in ('held', 'deferred')]
                    for s in hit:
                        self.close(s, 'superseded')
                    if hit and all(s.state == 'closed' for s in g.sends):
                        self.group_done(g)
        if not stale and r.ended is None:
            for spec in j['deadlines']:
                if self.feed_deadline(r, spec, e):
                    applied = True
        if applied and e.seq is not None:
            r.applied[mark] = max(r.applied.get(mark, 0), e.seq)
        self.maybe_finished(r)

    def wait_matches(self, r, step, e):
        return step['type'] == e.type and (step['cond'] is None or step['cond'](self.x(e.p, r.facts)) is True)

    def feed_deadline(self, r, spec, e):
        d = r.deadlines[spec['id']]
        if e.type in spec['stop']:
            if not d['stopped']:
                d['stopped'], d['due'] = True, None
            hit = [s for s in r.sends if s.group.copy.deadline == spec['id'] and s.state in ('held', 'deferred')]
            for s in hit:
                self.close(s, 'superseded')
            for g in {id(s.group): s.group for s in hit}.values():
                if all(s.state == 'closed' for s in g.sends):
                    self.group_done(g)
            return True
        if d['stopped'] or d['fired'] >= spec['max']:
            return False
        for type, cond in spec['since']:
            if type == e.type and (cond is None or cond(self.x(e.p, r.facts)) is True):
                if spec['rest']:
                    begin, over, complete = spec['rest']
                    if e.type == begin:
                        d['resting'], d['due'] = True, None
                        return True
                    if d['resting']:
                        if e.type == over and complete(self.x(e.p, r.facts)):
                            d['resting'] = False
                        else:
                            return False
                d['due'] = self.after(spec['after'])
                return True
        return False

    def after(self, dur):
        kind, n = dur
        if kind == 'hours':
            return self.now + n * HOUR
        if kind == 'business_days':
            return max(self.now, cal.business_days(self.now, n))
        return max(self.now, cal.add_days(self.now, n, self.zone))

    # ---- projections --------------------------------------------------------------------------------------------
    def fresh(self, proj, e):                                                     # Q22a
        h = self.hi.get((proj, e.entity or ('customer', self.cid), e.source))
        if h is None:
            return True
        if e.seq is not None:
            return h[0] is None or e.seq > h[0]
        return e.occurred >= h[1]

    def raise_(self, proj, e):
        k = (proj, e.entity or ('customer', self.cid), e.source)
        h = self.hi.get(k)
        if h is None:
            self.hi[k] = (e.seq, e.occurred)
        else:
            self.hi[k] = (e.seq if e.seq is not None else h[0], max(h[1], e.occurred))

    def project(self, e):
        p, t = e.p, e.type
        if t == 'customer.updated':
            if self.fresh('profile', e):
                self.raise_('profile', e)
                self.merge_profile(p['profile'], e.occurred)
        elif t == 'customer.tier_changed':
            if self.fresh('tier', e):
                self.raise_('tier', e)
                (self.profile or self.base)['tier'] = p['to_tier']
        elif t == 'risk_assessment.completed':
            if self.fresh('risk', e):
                self.raise_('risk', e)
                (self.profile or self.base).update(risk_level=p['risk_level'], risk_valid_until=p['valid_until'])
        elif t == 'customer.deceased':
            if self.fresh('deceased', e):
                self.raise_('deceased', e)
                self.deceased = not p.get('revoked')
        elif t == 'consent.changed':
            for purpose in (['marketing', 'care'] if p['purpose'] == 'all' else [p['purpose']]):
                for ch in (['sms', 'email'] if p['channel'] == 'all' else [p['channel']]):
                    self.set_consent(purpose, ch, e.occurred, p['granted'])
        elif t == 'message.status':
            if p['status'] in ('failed', 'bounced') and p['channel'] in self.invalid:
                if self.v('mobile' if p['channel'] == 'sms' else 'email') is not None:
                    self.invalid[p['channel']] = True
            if p['status'] == 'replied' and (p.get('reply_text') or '').strip().upper() in STOP_WORDS:
                for purpose in ('marketing', 'care'):
                    self.set_consent(purpose, 'sms', e.occurred, False)
        elif t in ('complaint.opened', 'complaint.status_changed', 'complaint.resolved'):
            cid = p['complaint_id']
            if self.fresh('complaints', e):
                if t == 'complaint.opened' or (t == 'complaint.status_changed' and p['status'] == 'reopened'):
                    self.raise_('complaints', e)
                    self.open_complaints.add(cid)
                elif t == 'complaint.resolved':
                    self.raise_('complaints', e)
                    self.open_complaints.discard(cid)
                    self.pause_until = cal.add_days(self.now, 14, self.zone)
        elif t in ('claim.filed', 'claim.paid', 'claim.decided', 'claim.status_changed'):
            cid = p['claim_id']
            if self.fresh('claims', e):
                if t == 'claim.filed':
                    self.raise_('claims', e)
                    self.open_claims.add(cid)
                elif (t == 'claim.paid' or (t == 'claim.decided' and p['outcome'] == 'declined')
                      or (t == 'claim.status_changed' and p['node'] == 'withdrawn')):
                    self.raise_('claims', e)
                    self.open_claims.discard(cid)
        elif t in ('policy.issued', 'policy.receipt_signed', 'policy.cancelled'):
            pid = p['policy_id']
            if self.fresh('free_look', e):
                if t == 'policy.issued':
                    self.raise_('free_look', e)
                    self.policies[pid] = {'issued': cal.local_date(self.now, self.zone), 'days': p['free_look_days'], 'last': None}
                elif t == 'policy.cancelled':
                    self.raise_('free_look', e)
                    self.policies.pop(pid, None)
                elif pid in self.policies:
                    self.raise_('free_look', e)
                    q = self.policies[pid]
                    q['last'] = date.fromisoformat(p['receipt_date']) + cal.timedelta(days=q['days'])

    def merge_profile(self, part, occurred):
        if self.profile is None:
            self.profile = dict(self.base)
        for ch, f in (('sms', 'mobile'), ('email', 'email')):
            if f in part and part[f] != self.profile[f]:
                self.invalid[ch] = False
        for k, v in part.items():
            if k in self.profile:
                if v is None and k in ('tier', 'do_not_contact', 'personalisation_opt_out'):
                    continue
                self.profile[k] = v
        for purpose, m in (part.get('consent') or {}).items():
            for ch, val in m.items():
                at = occurred
                if isinstance(val, dict):
                    at = cal.parse(val['at']) if val.get('at') else occurred
                    val = val['granted']
                self.set_consent(purpose, ch, at, val)

    def became_known(self, before_zone):
        for r in self.runs:
            for s in r.sends:
                if s.state == 'held' and s.no_profile:
                    s.state = 'queued'
                    self.queue.append(s)
        if self.zone != before_zone:
            self.zone_moved()
        self.arm_birthday(self.now)
        for f in cal.FESTIVALS:
            self.arm_festival(f, self.now)

    def zone_moved(self):                                                         # Q40
        for r in self.runs:
            if r.ended is not None:
                continue
            for tid, x in r.touches.items():
                new = cal.at(x['date'], x['touch']['time'], self.zone)
                x['due'] = new if new > self.now else self.now
        for o in self.calendar.values():
            if o:
                new = cal.at(o['date'], o['hour'], self.zone)
                o['due'] = new if new > self.now else self.now

    # ---- calendar starts ----------------------------------------------------------------------------------------
    def arm_birthday(self, since, year=None):
        self.calendar['birthday'] = None
        if not self.v('birth_date') or 'birthday_care' not in [j['id'] for j in self.journeys]:
            return
        b = date.fromisoformat(self.v('birth_date'))
        y = year or cal.local_date(since, self.zone).year
        while True:
            d = cal.anniversary(b, y)
            due = cal.at(d, 9, self.zone)
            if due >= since:
                break
            y += 1
        self.calendar['birthday'] = {'date': d, 'hour': 9, 'due': due, 'key': {'year': y}, 'j': J['birthday_care']}

    def arm_festival(self, f, since, after=None):
        self.calendar[f] = None
        if 'festival_care' not in [j['id'] for j in self.journeys]:
            return
        for text in cal.FESTIVALS[f]:
            d = date.fromisoformat(text)
            due = cal.at(d, 10, self.zone)
            if due >= since and (after is None or d > after):
                self.calendar[f] = {'date': d, 'hour': 10, 'due': due, 'key': {'festival_id': f, 'year': d.year}, 'j': J['festival_care']}
                return

    def fire_calendar(self, k, o):
        if k == 'birthday':
            self.arm_birthday(self.now, o['key']['year'] + 1)
        else:
            self.arm_festival(k, self.now, o['date'])
        self.enter(o['j'], o['key'], None, o['due'])

    # ---- starts -------------------------------------------------------------------------------------------------
    def is_start(self, j, e):
        s = j['start']
        if s.get('pattern'):
            if e.type != 'enquiry.made':
                return False
            hi = min(e.occurred, e.arrival)
            lo, line = hi - 7 * DAY, e.p['product_line']
            n = {k for (o, l, k) in self.enquiries if l == line and lo <= o <= hi}
            bought = [o for (o, l) in self.issues if l == line and lo <= o <= hi]
            return len(n) >= 3 and not bought
        return s.get('type') == e.type and (s['cond'] is None or s['cond'](self.x(e.p, {})) is True)

    def stale_start(self, j, e):                                                  # Q7
        if j['start'].get('pattern') or e.seq is None:
            return False
        carried = self.carried(j, e)
        for o, kind in self.seen[j['id']]:
            if o is e or o.seq is None or o.entity != e.entity or self.now - o.arrival > 30 * DAY:
                continue
            if any(carried.get(k, v) != v for k, v in self.carried(j, o).items()):
                continue
            if o.source == e.source:
                if e.seq <= o.seq:
                    return True
            elif e.occurred <= o.occurred:
                return True
        return False

    def start_by_event(self, j, e):
        key = self.carried(j, e)
        if len(key) < len(j['key']):
            return False
        if self.stale_start(j, e):
            return False
        return self.enter(j, key, e, self.now)

    def blocked(self, j, key):
        kind = j['again'][0]
        scope_customer = kind == 'cooldown' and j['again'][2] == 'customer'
        mine = [r for r in self.runs if r.j is j and (scope_customer or r.key == key)]
        if any(r.ended is None for r in mine):
            return True
        if kind == 'never':
            if mine:
                return True
            return any(m[0] == j['id'] and m[1] == key and self.now - m[2] <= 30 * DAY for m in self.memory)
        if kind == 'cooldown':
            return any(r.sent and self.now < cal.add_days(r.ended, j['again'][1], self.zone) for r in mine)
        return False

    def refusal(self, j):
        if j['cls'] in ('marketing', 'care'):
            if self.v('do_not_contact'):
                return 'do_not_contact'
        if j['personalised'] and self.v('personalisation_opt_out'):
            return 'personalisation_opt_out'
        if j['cls'] in ('marketing', 'care'):
            if not any(self.granted(j['cls'], ch) for ch in self.channels(j)):
                return 'no_consent'
        return None

    def channels(self, j):
        found = set()
        def walk(steps):
            for s in steps:
                if s['k'] == 'send':
                    found.update(s['by'])
                elif s['k'] == 'wait_for':
                    walk(s['then'])
                    walk(s['otherwise'])
                elif s['k'] == 'choose':
                    for _, b in s['branches']:
                        walk(b)
                elif s['k'] == 'experiment':
                    for _, b in s['arms']:
                        walk(b)
        walk(j['flow'])
        return found

    def enter(self, j, key, e, due):
        if self.blocked(j, key) or self.deceased:
            return False
        why = self.refusal(j)
        if why:
            self.row(None, None, None, None, 'skipped', 'not_entered', due, e and e.id, key=key, j=j, detail={'cause': why})
            return False
        r = Run(j, key, self.now, e)
        self.runs.append(r)
        r.due = due
        if j['control']:
            r.control = bucket('control:%s:%s' % (j['control'][0], self.cid)) < j['control'][1]
        for f, field in j['facts'].items():
            r.facts[f] = e.p[field]
        r.facts.update(key)
        if j['expire'] and j['expire'][0] == 'start':
            r.expire = cal.add_days(self.now, j['expire'][2], self.zone)
        if e and e.seq is not None:
            r.applied[(e.type, e.entity, e.source)] = e.seq
        for spec in j['deadlines']:
            r.deadlines[spec['id']] = {'spec': spec, 'fired': 0, 'stopped': False, 'resting': False,
                                       'due': self.after(spec['after']) if spec['at_start'] else None}
        if j['anchor'] and r.facts.get(j['anchor']):
            self.arm(r)
        if r.ended is None and j['flow']:
            c = Copy(r, j['flow'], 0, e)
            r.copies.append(c)
            self.advance(c)
        self.maybe_finished(r)
        if e:
            mine = [m for m in self.early if m[0] == j['id'] and m[1] == key]
            self.early = [m for m in self.early if m not in mine]
            for m in sorted(mine, key=lambda m: m[2].seq):
                if r.ended is None and self.now - m[2].arrival <= 72 * HOUR:       # Q30
                    self.deliver(r, m[2])
        return True

    def named(self, j):
        found = {h['type'] for h in j['react']}
        for d in j['deadlines']:
            found.update(t for t, _ in d['since'])
            found.update(d['stop'])
        def walk(steps):
            for s in steps:
                if s['k'] == 'wait_for':
                    found.add(s['type'])
                    walk(s['then'])
                    walk(s['otherwise'])
                elif s['k'] == 'choose':
                    for _, b in s['branches']:
                        walk(b)
        walk(j['flow'])
        for h in j['react']:
            walk(h['do'])
        return found

    def remember(self, j, e, found, started):
        ends = self.ends_by(j, e) is not None
        if ends or j['start'].get('type') == e.type:
            self.seen[j['id']].append((e, 'end' if ends else 'start'))
        if found or started:
            return
        key = self.carried(j, e)
        full = len(key) == len(j['key'])
        if ends:
            if j['again'][0] == 'never' and full:                                  # N9
                self.memory.append((j['id'], key, e.arrival))
            return
        if (e.type in self.named(j) and full and e.seq is not None and e.entity
                and e.entity[0] == ENTITY.get(j['start'].get('type'))
                and e.p.get('journey_id') in (None, j['id'])):
            self.early.append((j['id'], key, e))

    # ---- touches ------------------------------------------------------------------------------------------------
    def arm(self, r):
        """N5, N15, Q37, Q38"""
        j = r.j
        d = date.fromisoformat(r.facts[j['anchor']])
        if r.anchor is not None:
            for s in r.sends:
                if s.group.anchor is not None and s.group.anchor != d and s.state in ('queued', 'held', 'deferred'):
                    s.group.moved = True
                    self.close(s, 'superseded')
        r.anchor = d
        r.touches = {}
        if j['expire'] and j['expire'][0] == 'anchor':
            r.expire = cal.end_of_day(cal.shift(d, j['expire'][1], j['expire'][2]), self.zone)
        finished = False
        for t in j['schedule']:
            if (t['id'], d) in r.decided:
                continue
            day = cal.shift(d, *t['offset'])
            due = cal.at(day, t['time'], self.zone)
            if due < self.now and self.now - due > t['catch_up']:
                r.decided.add((t['id'], d))
                step = t['step']
                if step['k'] == 'send' and (t['cond'] is None or t['cond'](self.x(r.event.p, r.facts)) is True):
                    for ch in step['by']:
                        self.row(r, step['id'], step['template'], ch, 'skipped', 'skipped_past', due, r.event.id)
                if t['id'] == j['finish']:
                    finished = True
                continue
            r.touches[t['id']] = {'touch': t, 'date': day, 'anchor': d, 'due': max(due, self.now)}
        if finished:
            self.end(r, 'finished', 'journey_ended')

    def fire_touch(self, r, tid):
        x = r.touches.pop(tid)
        t, step = x['touch'], x['touch']['step']
        r.decided.add((tid, x['anchor']))
        if t['cond'] is not None:
            ok = t['cond'](self.x(r.event.p, r.facts))
            if not ok:
                assert ok is False
                return
        c = Copy(r, [step], len(r.events), r.event)
        c.touch, c.anchor, c.due = tid, x['anchor'], x['due']
        r.copies.append(c)
        self.advance(c)

    def fire_deadline(self, r, d):
        spec = d['spec']
        d['fired'] += 1
        d['due'] = self.after(spec['after']) if d['fired'] < spec['max'] else None
        c = Copy(r, spec['do'], len(r.events), None, deadline=spec['id'])
        r.copies.append(c)
        self.advance(c)

    # ---- flow ---------------------------------------------------------------------------------------------------
    def advance(self, c):
        r = c.run
        while True:
            if (r.ended is not None and not c.final) or c.done:
                return
            while c.frames and c.frames[-1][1] >= len(c.frames[-1][0]):
                c.frames.pop()
            if not c.frames:
                c.done = True
                self.maybe_finished(r)
                return
            f = c.frames[-1]
            step = f[0][f[1]]
            f[1] += 1
            k = step['k']
            payload = c.event.p if c.event else {}
            if k == 'send':
                self.queue_send(c, step)
                return
            if k == 'call':
                self.do_call(c, step)
            elif k == 'wait':
                if 'later' in step:
                    n, hour = step['later']
                    due = cal.at(cal.local_date(self.now, self.zone) + cal.timedelta(days=n), hour, self.zone)
                else:
                    due = self.after(step['dur'])
                c.wait = (None, max(due, self.now))
                return
            elif k == 'wait_for':
                hit = None
                for i in range(c.begin, len(r.events)):
                    if i not in c.consumed and self.wait_matches(r, step, r.events[i]):
                        hit = i
                        break
                if hit is None:
                    c.wait = (step, self.after(step['within']))
                    return
                e = r.events[hit]
                c.consumed.add(hit)
                c.event = e
                if e.seq is not None:
                    m = (e.type, e.entity, e.source)
                    r.applied[m] = max(r.applied.get(m, 0), e.seq)
                c.frames.append([step['then'], 0, None])
            elif k == 'choose':
                x = self.x(payload, r.facts)
                for cond, body in step['branches']:
                    ok = cond(x)
                    if ok is None:
                        self.row(r, step['id'], None, None, 'suppressed', 'condition_unknown', self.now, r.event and r.event.id)
                        self.end(r, 'condition_unknown', 'journey_ended')
                        return
                    if ok:
                        c.frames.append([body, 0, None])
                        break
            elif k == 'experiment':
                b, total = bucket('%s:%s' % (step['name'], self.cid)), 0
                for pct, body in step['arms']:
                    total += pct
                    if b < total:
                        c.frames.append([body, 0, None])
                        break
            elif k == 'end':
                self.end(r, step['reason'], 'journey_ended')
                return

    def maybe_finished(self, r):                                                  # Q39
        j = r.j
        if r.ended is not None or j['react'] or j['deadlines'] or (j['goal'] and j['expire']) or j['finish']:
            return
        if all(c.done for c in r.copies) and not r.touches:
            self.end(r, 'finished', 'journey_ended')

    def end(self, r, how, reason):
        if r.ended is not None:
            return
        r.ended, r.end_reason = self.now, how
        for s in r.sends:
            if s.state in ('queued', 'held', 'deferred') and not s.final:
                self.close(s, reason)

    def check_withdrawn(self):                                                    # N12, Q20
        for r in self.runs:
            if r.ended is None and r.j['cls'] in ('marketing', 'care'):
                if self.v('do_not_contact') or not any(self.granted(r.j['cls'], ch) for ch in ('sms', 'email')):
                    self.end(r, 'consent_withdrawn', 'no_consent')

    # ---- calls --------------------------------------------------------------------------------------------------
    def do_call(self, c, step):
        r = c.run
        due = getattr(c, 'due', self.now)
        eid = c.event and c.event.id
        if not step['touch']:
            if not r.control:
                self.row(r, step['id'], step['template'], 'call', 'sent', None, due, eid)
            return
        why = self.state_guards(r.j, r.j['cls'], r.control, None, r.facts)
        if why:
            self.row(r, step['id'], step['template'], 'call', 'suppressed', why, due, eid)
        else:
            self.row(r, step['id'], step['template'], 'call', 'sent', None, due, eid)

    def state_guards(self, j, cls, control, step, facts):
        """Q15 from deceased to pause"""
        if self.deceased and cls != 'mandatory':
            return 'deceased'
        if self.v('do_not_contact') and cls != 'mandatory':
            return 'do_not_contact'
        if control:
            return 'control_group'
        if j['personalised'] and self.v('personalisation_opt_out') and cls != 'mandatory':
            return 'personalisation_opt_out'
        if cls != 'mandatory':
            x = self.x({}, facts)
            if j['not_while'] and j['not_while'](x):
                return 'not_while'
            if step and step.get('not_while') and step['not_while'](x):
                return 'not_while'
        if cls in ('marketing', 'care') and self.paused():
            return 'paused_complaint'
        return None

    # ---- sends --------------------------------------------------------------------------------------------------
    def queue_send(self, c, step):
        r = c.run
        g = Group()
        g.copy, g.moved = c, False
        g.touch, g.anchor = getattr(c, 'touch', None), getattr(c, 'anchor', None)
        c.group = g
        cls = step['cls'] or r.j['cls']
        due = getattr(c, 'due', self.now)
        if not c.frames[0][2] and r.event is None and len(r.copies) == 1:
            due = r.due
        if r.j['same_day']:
            valid = cal.end_of_day(cal.local_date(due, self.zone), self.zone) - 1
        else:
            valid = cal.add_days(due, VALID[cls], self.zone)
        for by in ([step['by']] if step['first_of'] else [[ch] for ch in step['by']]):
            s = Send()
            s.run, s.step, s.group, s.cls, s.due, s.valid, s.by, s.final = r, step, g, cls, due, valid, by, c.final
            s.channel, s.state, s.next_at, s.no_profile = by[0], 'queued', None, False
            s.eid = c.event and c.event.id
            g.sends.append(s)
            r.sends.append(s)
            self.queue.append(s)

    def close(self, s, reason):
        """a terminal row; the flow goes on only by group_done"""
        s.state = 'closed'
        self.row(s.run, s.step['id'], s.step['template'], s.channel, 'suppressed' if reason else 'sent', reason, s.due, s.eid)

    def group_done(self, g):
        r, c = g.run if hasattr(g, 'run') else g.copy.run, g.copy
        if c.group is g:
            c.group = None
        if r.ended is None and g.touch is not None and g.touch == r.j['finish'] and not g.moved:
            self.end(r, 'finished', 'journey_ended')
        self.advance(c)

    def address(self, s, ch):
        """None when the channel is usable, else the reason"""
        a = self.v('mobile' if ch == 'sms' else 'email')
        if not a:
            return 'no_address'
        if self.invalid[ch]:
            return 'invalid_address'
        if s.cls in ('marketing', 'care') and not self.granted(s.cls, ch):
            return 'no_consent'
        return None

    def choose_channel(self, s):
        first = None
        for ch in s.by:
            why = self.address(s, ch)
            if why is None:
                return ch, None
            first = first or why
        return s.by[0], first

    def judge(self, s):
        r, now = s.run, self.now
        def finish(reason):
            self.close(s, reason)
            if all(x.state == 'closed' for x in s.group.sends):
                self.finished_groups.append(s.group)
        def keep(state, until):
            s.state, s.next_at = state, until
        s.no_profile = False
        if r.ended is not None and not s.final:
            return finish('journey_ended')
        if now > s.valid:
            return finish('expired')
        s.channel = s.by[0]
        why = self.state_guards(r.j, s.cls, r.control, s.step, r.facts)
        if why:
            if why == 'control_group':
                r.sent = True
            return finish(why)
        if self.profile is None and s.cls in ('service', 'mandatory'):             # Q12
            if now >= s.valid:
                return finish('no_address')
            s.no_profile = True
            return keep('held', s.valid)
        s.channel, why = self.choose_channel(s)
        if why:
            return finish(why)
        if s.channel == 'sms' and not s.step['urgent']:
            l = cal.local(now, self.zone)
            if l.hour >= 21 or l.hour < 8:
                d = l.date() + cal.timedelta(days=1 if l.hour >= 21 else 0)
                release = cal.at(d, 8, self.zone)
                if release > s.valid:
                    return finish('quiet_hours')
                return keep('held', release)
        if s.cls in ('marketing', 'care') and not s.group.counted:
            if self.capped() or self.outranked(s):
                if r.j['on_cap'] == 'drop':
                    return finish('frequency_cap')
                again = cal.add_days(now, 1, self.zone)
                if again > s.valid:
                    return finish('frequency_cap')
                return keep('deferred', again)
        if s.cls in ('marketing', 'care') and not s.group.counted:
            s.group.counted = True
            self.touch_dates.append(self.today)
        r.sent = True
        finish(None)

    def capped(self):
        t = self.today
        week = [d for d in self.touch_dates if t - cal.timedelta(days=6) <= d <= t]
        return t in week or len(week) >= 3

    def outranked(self, s):                                                       # N13, Q17
        prio, t = s.run.j['prio'], self.today
        def later_today(at):
            return at > self.now and cal.local_date(at, self.zone) == t
        for r in self.runs:
            if r.j['prio'] <= prio:
                continue
            if r.ended is None:
                for x in r.touches.values():
                    step = x['touch']['step']
                    cls = step.get('cls') or r.j['cls']
                    if step['k'] == 'send' and cls in ('marketing', 'care') and later_today(x['due']):
                        if self.would_pass(r.j, cls, r.control, step, r.facts, step['by']):
                            return True
            for o in r.sends:
                if o is not s and o.state in ('held', 'deferred') and o.cls in ('marketing', 'care') and not o.group.counted:
                    if later_today(o.next_at) and self.would_pass(r.j, o.cls, r.control, o.step, r.facts, o.by):
                        return True
        for o in self.calendar.values():
            if o and o['j']['prio'] > prio and later_today(o['due']) and not self.blocked(o['j'], o['key']):
                if self.would_pass(o['j'], 'care', False, None, {}, ['sms']):
                    return True
        return False

    def would_pass(self, j, cls, control, step, facts, by):
        if self.state_guards(j, cls, control, step, facts):
            return False
        probe = Send()
        probe.cls = cls
        return any(self.address(probe, ch) is None for ch in by)


def load(path):
    return [json.loads(l) for l in open(path, encoding='utf-8') if l.strip()]


def simulate(raws, profiles, names, until, instants=None):
    """rows in the order of decided_at; instants, when given, collects every timer that fired"""
    events, seen, dead = [], set(), 0
    lines = sorted((Event(r) for r in raws if r.get('type') != 'sojourn.publish'), key=lambda e: e.arrival)
    for e in lines:
        if 'product_line' in e.p and e.p['product_line'] not in LINES:
            dead += 1
            continue
        if e.id in seen:
            continue
        seen.add(e.id)
        events.append(e)
    out, people = [], {}
    start = lines[0].arrival if lines else until
    for p in profiles:
        c = people[p['customer_id']] = Customer(p['customer_id'], names, out)
        c.now = start
        c.merge_profile(p, float('-inf'))
        c.became_known(c.zone)
    for e in events:
        if e.customer not in people:
            people[e.customer] = Customer(e.customer, names, out)
    for c in people.values():
        mine = [e for e in events if e.customer == c.cid]
        i = 0
        while True:
            due = c.next_due()
            nxt = mine[i].arrival if i < len(mine) else None
            t = min(x for x in (due, nxt, float('inf')) if x is not None)
            if t > until:
                break
            if instants is not None and due == t:
                instants.append((c.cid, t))
            batch = []
            while i < len(mine) and mine[i].arrival == t:
                batch.append(mine[i])
                i += 1
            c.instant(t, batch)
    out.sort(key=lambda r: r['decided_at'])
    return out, len(lines), dead

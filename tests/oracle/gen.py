"""A mean random timeline (events.ndjson, customers.ndjson, run.json)."""
import random
from datetime import date, datetime, timedelta
from tests.oracle import cal, oracle
from tests.oracle.ref import J
from tests.oracle.cal import DAY, HOUR

ZONES = ['Pacific/Chatham', 'Australia/Lord_Howe', 'Pacific/Kiritimati', 'Pacific/Apia', 'Asia/Kathmandu', 'America/New_York', 'Europe/London',
         'America/Sao_Paulo', 'Asia/Shanghai', 'America/Los_Angeles', 'Asia/Hong_Kong']
LINES = ['critical_illness', 'life', 'annuity', 'health', 'accident', 'motor', 'credit_card', 'deposit']
MIN = 60_000
# days worth standing on: DST changes 2026-28 of the zones above, month ends, leap days, festivals
HOT = ['2026-02-28', '2026-03-08', '2026-03-29', '2026-04-05', '2026-09-27', '2026-10-04', '2026-10-25', '2026-11-01', '2026-01-31', '2026-05-31',
       '2026-02-17', '2026-06-19', '2026-09-25', '2026-10-01', '2027-02-06', '2027-03-14', '2027-03-28', '2027-04-04', '2027-09-26', '2027-10-03',
       '2027-11-07', '2027-12-31', '2028-02-29', '2028-01-26', '2026-07-15', '2026-08-20', '2026-04-30', '2026-12-25']


class G:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.seed, self.n = seed, 0
        self.events = []
        self.seqs = {}

    def uid(self, p):
        self.n += 1
        return '%s-%d-%d' % (p, self.seed, self.n)

    def add(self, c, type, t, payload, source, entity=None, seq=True):
        """entity (type, id); seq True: the next of that entity; None: without"""
        e = {'event_id': None, 'type': type, 'schema_version': 1, 'occurred_at': t, 'customer_id': c['customer_id'], 'payload': payload, 'source': source}
        if entity:
            if seq is True:
                k = (source,) + entity if entity[0] == 'customer' else entity
                seq = self.seqs[k] = self.seqs.get(k, 0) + 1
            e['entity'] = {'type': entity[0], 'id': entity[1]}
            if seq is not None:
                e['entity']['seq'] = seq
            else:
                del e['entity']
        e['t'], e['arr'] = t, t
        self.events.append(e)
        return e

    def cust_entity(self, c):
        return ('customer', c['customer_id']) if self.r.random() < 0.7 else None

    def when(self, c, day, night=0.3):
        r = self.r
        h = r.choice([21, 22, 23, 0, 1, 4, 7]) if r.random() < night else r.randint(8, 20)
        d = datetime(day.year, day.month, day.day, h, r.choice([0, 0, 59, r.randint(0, 59)]), r.choice([0, 59]), r.choice([0, 999000, 1000]))
        return cal.at_local(d, c.get('timezone') or 'Asia/Shanghai')

    # ---- scenarios: c customer, d the day on which it happens --------------------------------------------------
    def renewal(self, c, d, pid=None, due=None):
        r, pid, no = self.r, pid or self.uid('P'), self.r.choice([1, 2, 2, 3, 14])
        due = due or d + timedelta(days=r.choice([45, 31, 30, 8, 7, 4, 3, 0, -1, -7, 10]))
        ent = ('installment', '%s#%d' % (pid, no))
        t = self.when(c, d)
        self.add(c, 'payment.due_scheduled', t, {'policy_id': pid, 'installment_no': no, 'due_date': due.isoformat(), 'amount_cny': '3600.00',
                 'frequency': r.choice(['monthly', 'annual', 'quarterly']), 'pay_method': 'manual', 'product_name': '安康终身寿险'}, 'Billing', ent)
        dates = [due]
        for _ in range(r.choice([0, 0, 1, 2, 3])):
            new = r.choice([r.choice(dates), due + timedelta(days=r.choice([-20, -3, 1, 5, 15, 30]))])
            t += r.choice([0, MIN, 2 * HOUR, DAY, 5 * DAY, 12 * DAY])
            self.add(c, 'payment.due_changed', t, {'policy_id': pid, 'installment_no': no, 'old_due_date': dates[-1].isoformat(),
                     'due_date': new.isoformat(), 'amount_cny': '3600.00'}, 'Billing', ent)
            dates.append(new)
        t = max(t, cal.at(due, 9, 'Asia/Shanghai') - 10 * DAY)
        if r.random() < 0.4:
            t += r.choice([0, HOUR, 8 * DAY])
            self.add(c, 'payment.received', t, {'policy_id': pid, 'installment_no': no, 'amount_cny': '600.00', 'outstanding_cny': '3000.00',
                     'paid_date': due.isoformat(), 'method': 'bank'}, 'Billing', ent)
        x = r.random()
        if x < 0.55:
            t += r.choice([HOUR, 3 * DAY, 9 * DAY, 20 * DAY, 50 * DAY])
            self.add(c, 'payment.received', t, {'policy_id': pid, 'installment_no': no, 'amount_cny': '3600.00', 'outstanding_cny': '0.00',
                     'paid_date': due.isoformat(), 'method': 'bank'}, 'Billing', ent)
        elif x < 0.7:
            self.lapse(c, (due + timedelta(days=61)), pid)
        elif x < 0.8:
            self.cancel(c, t + 4 * DAY, pid)
        if r.random() < 0.35:
            self.failed(c, due, pid, no)

    def cancel(self, c, t, pid, reason=None):
        self.add(c, 'policy.cancelled', t, {'policy_id': pid, 'reason': reason or self.r.choice(['free_look', 'surrender', 'underwriting']),
                 'effective_date': '2026-06-01', 'refund_cny': '6790.00'}, 'Policy admin', ('policy', pid))

    def lapse(self, c, d, pid=None):
        r, pid = self.r, pid or self.uid('P')
        t = self.when(c, d)
        for i in range(r.choice([1, 1, 2])):
            ld = d + timedelta(days=[0, 40][i])
            self.add(c, 'policy.lapsed', t, {'policy_id': pid, 'product_name': '安康', 'lapse_date': ld.isoformat(), 'unpaid_installment_no': 4,
                     'reinstate_deadline': (ld + timedelta(days=729)).isoformat()}, 'Policy admin', ('policy', pid))
            t += r.choice([10, 29, 31]) * DAY
            if r.random() < 0.6:
                self.add(c, 'policy.reinstated', t, {'policy_id': pid, 'effective_date': '2026-09-01', 'paid_cny': '3650.00'}, 'Policy admin', ('policy', pid))
            t += r.choice([0, 5]) * DAY + HOUR

    def failed(self, c, d, pid=None, no=None):
        r, pid, no = self.r, pid or self.uid('P'), no or self.r.choice([2, 5])
        ent, t = ('installment', '%s#%d' % (pid, no)), self.when(c, d)
        why = r.choice(['insufficient_funds', 'card_expired', 'account_closed', 'bank_error', 'limit_exceeded'])
        for cycle in range(r.choice([1, 1, 1, 2])):
            for a in range(1, r.choice([2, 3, 4, 4])):
                p = {'policy_id': pid, 'installment_no': no, 'attempt_no': a, 'amount_cny': '310.00', 'reason_code': why,
                     'next_retry_date': r.choice([None, '2026-08-01'])}
                if r.random() < 0.5:
                    p['due_date'] = d.isoformat()
                self.add(c, 'payment.failed', t, p, 'Payment gateway', ent)
                t += r.choice([3 * DAY, 5 * DAY, 7 * DAY, 5 * DAY + 1, HOUR])
            if r.random() < 0.6:
                out = r.choice(['0.00', '0.00', '210.00'])
                self.add(c, 'payment.received', t, {'policy_id': pid, 'installment_no': no, 'amount_cny': '100.00', 'outstanding_cny': out,
                         'paid_date': d.isoformat(), 'method': 'bank'}, 'Billing', ent)
            t += r.choice([HOUR, 6 * DAY, 20 * DAY])

    def claim(self, c, d):
        r, k, t = self.r, self.uid('K'), self.when(c, d)
        ent, no = ('claim', k), 'CN' + k
        self.add(c, 'claim.filed', t, {'claim_id': k, 'claim_no': no, 'policy_id': 'P-X', 'claim_type': 'medical', 'claimed_cny': '900.00',
                 'filed_via': 'app', 'docs_needed': ['invoice']}, 'Claims', ent)
        decided = False
        for _ in range(r.randint(0, 6)):
            t += r.choice([0, MIN, 5 * HOUR, DAY, 2 * DAY, 3 * DAY, 3 * DAY + 1, 4 * DAY, 7 * DAY])
            x = r.random()
            if x < 0.4:
                self.add(c, 'claim.status_changed', t, {'claim_id': k, 'claim_no': no, 'node': r.choice(['docs_review', 'investigation', 'assessment',
                         'approval', 'payment_processing']), 'expected_by': '2026-08-01', 'reason_code': r.choice([None, 'in_review'])}, 'Claims', ent)
            elif x < 0.62:
                self.add(c, 'claim.documents_requested', t, {'claim_id': k, 'claim_no': no, 'docs_needed': ['id'], 'due_by': '2026-08-01'}, 'Claims', ent)
            elif x < 0.85:
                self.add(c, 'claim.documents_received', t, {'claim_id': k, 'docs': ['id'], 'complete': r.random() < 0.6}, 'Claims', ent)
            elif not decided:
                decided = True
                self.add(c, 'claim.decided', t, {'claim_id': k, 'claim_no': no, 'outcome': r.choice(['approved', 'partial', 'declined']),
                         'amount_cny': '800.00', 'reason_text': '审核完成', 'pay_by': r.choice([None, '2026-08-10'])}, 'Claims', ent)
        t += r.choice([HOUR, DAY, 6 * DAY, 11 * DAY])
        x = r.random()
        if x < 0.5:
            e = self.add(c, 'claim.paid', t, {'claim_id': k, 'claim_no': no, 'amount_cny': '800.00', 'account_tail': '1234', 'paid_at': cal.iso(t)}, 'Claims', ent)
            if r.random() < 0.7:
                self.survey(c, t, k)
        elif x < 0.6:
            self.add(c, 'claim.status_changed', t, {'claim_id': k, 'claim_no': no, 'node': 'withdrawn', 'expected_by': '2026-08-01', 'reason_code': None}, 'Claims', ent)

    def survey(self, c, t, k):
        r = self.r
        t += r.choice([DAY, 2 * DAY, 3 * DAY, 4 * DAY, 5 * DAY])
        self.add(c, 'survey.responded', t, {'survey_id': self.uid('SV'), 'claim_id': r.choice([k, k, None, 'K-other']), 'score': r.randint(1, 5),
                 'nps': None, 'comment': None, 'sentiment': None}, 'Survey tool', ('survey', self.uid('SVE')))

    def paid_claim(self, c, d):
        k, t = self.uid('K'), self.when(c, d)
        self.add(c, 'claim.paid', t, {'claim_id': k, 'claim_no': 'CN' + k, 'amount_cny': '800.00', 'account_tail': '1234', 'paid_at': cal.iso(t)}, 'Claims', ('claim', k))
        self.survey(c, t, k)

    def policy(self, c, d, receipt=None):
        r, pid, t = self.r, self.uid('P'), self.when(c, d)
        ent = ('policy', pid)
        self.add(c, 'policy.issued', t, {'policy_id': pid, 'product_id': 'X1', 'product_name': '守护', 'product_line': r.choice(LINES[:6]),
                 'term_months': r.choice([12, 13, 24, 120]), 'effective_date': d.isoformat(), 'premium_cny': '6800.00', 'frequency': 'annual',
                 'pay_method': 'auto_debit', 'channel': 'bancassurance', 'free_look_days': r.choice([15, 15, 10]), 'sum_insured_cny': '300000.00'}, 'Policy admin', ent)
        n = r.choice([0, 1, 1, 1, 2, 3])
        rd = receipt or d + timedelta(days=r.choice([0, 0, 1, 2, 5, 9]))
        for i in range(n):
            t2 = max(t, cal.at(rd, 12, c.get('timezone') or 'Asia/Shanghai')) + r.choice([0, MIN, 10 * HOUR, 30 * HOUR, 3 * DAY, 17 * DAY])
            self.add(c, 'policy.receipt_signed', t2, {'policy_id': pid, 'receipt_date': rd.isoformat(), 'method': 'e_sign'}, 'Policy admin', ent)
            rd = rd + timedelta(days=r.choice([-1, 0, 1, 4]))
            t = t2 + r.choice([MIN, HOUR, DAY])
        if r.random() < 0.25:
            self.cancel(c, t + r.choice([HOUR, 2 * DAY, 10 * DAY, 14 * DAY]), pid)

    def silence(self, c, d, line=None):
        r, t, line = self.r, self.when(c, d), line or self.r.choice(['credit_card', 'credit_card', 'life'])
        for i in range(r.choice([1, 1, 2])):
            self.add(c, 'silence.detected', t, {'product_line': line, 'last_activity_at': cal.iso(t - 180 * DAY), 'silent_days': 180,
                     'points_balance': r.choice([None, 8200])}, 'Silence agent', self.cust_entity(c))
            if r.random() < 0.5:
                t2 = t + r.choice([HOUR, 6 * DAY, 7 * DAY, 8 * DAY, 20 * DAY])
                self.add(c, 'activity.recorded', t2, {'product_line': r.choice([line, line, 'life']), 'kind': 'login', 'channel': 'app', 'amount': None},
                         'App', self.cust_entity(c))
            t += r.choice([30, 60, 61, 80, 82]) * DAY

    def churn(self, c, d):
        r, t = self.r, self.when(c, d)
        ent = ('customer', c['customer_id'])
        prev = r.choice([None, 0.3, 0.75])
        for i in range(r.choice([1, 2, 3])):
            s = r.choice([0.7, 0.94, 0.69, 0.75]) if i != 1 else r.choice([0.1, 0.39, 0.4, 0.9])
            self.add(c, 'churn.risk_scored', t, {'score': s, 'prev_score': prev, 'model_version': 'm1', 'top_reasons': [], 'label_horizon_days': 90},
                     'Churn model service', ent if r.random() < 0.85 else None)
            prev = s
            if r.random() < 0.4:
                self.task(c, t + r.choice([HOUR, 2 * DAY, 3 * DAY, 3 * DAY + 1]), 'churn_win_back')
            t += r.choice([2, 4, 6, 31, 60, 90, 91]) * DAY

    def task(self, c, t, journey, stage=None):
        r = self.r
        p = {'task_id': self.uid('T'), 'stage': stage or r.choice(['first_contact', 'need_confirmed', 'proposal', 'after_sales']),
             'status': r.choice(['done', 'done', 'done', 'open', 'missed']), 'advisor_id': 'A1', 'note': None}
        x = r.random()
        if x < 0.7:
            p['journey_id'] = journey
        elif x < 0.8:
            p['journey_id'] = 'need_alert'
        self.add(c, 'advisor.task_updated', t, p, 'CRM', ('task', self.uid('TE')))

    def need(self, c, d, line=None):
        r, line, t = self.r, line or self.r.choice(LINES[:5]), self.when(c, d)
        for _ in range(r.randint(2, 6)):
            self.add(c, 'enquiry.made', t, {'product_line': line, 'product_id': None, 'channel': 'web', 'keywords': [], 'dwell_seconds': 60, 'sentiment': None},
                     'Web', self.cust_entity(c))
            t += r.choice([1, HOUR, DAY, 2 * DAY, 3 * DAY + 12 * HOUR, 7 * DAY, 3 * DAY])
        if r.random() < 0.4:
            self.task(c, t + r.choice([HOUR, 4 * DAY, 5 * DAY]), 'need_alert', 'proposal')
        if r.random() < 0.3:
            p = self.uid('P')
            self.add(c, 'policy.issued', t - r.choice([0, 2 * DAY, 7 * DAY, -2 * DAY]), {'policy_id': p, 'product_id': 'X1', 'product_name': '守护', 'product_line': line,
                     'term_months': 12, 'effective_date': d.isoformat(), 'premium_cny': '6800.00', 'frequency': 'annual', 'pay_method': 'auto_debit',
                     'channel': 'agent', 'free_look_days': 15, 'sum_insured_cny': '300000.00'}, 'Policy admin', ('policy', p))

    def complaint(self, c, d):
        r, k, t = self.r, self.uid('CP'), self.when(c, d)
        ent = ('complaint', k)
        p = {'complaint_id': k, 'complaint_no': 'NO' + k, 'category': 'service', 'severity': 'low', 'handler': '周经理', 'channel': 'app', 'related': {}}
        if r.random() < 0.3:
            p['answer_by'] = '2026-09-01'
        self.add(c, 'complaint.opened', t, p, 'Complaint desk', ent)
        for i in range(r.randint(0, 4)):
            t += r.choice([0, HOUR, DAY, 24 * HOUR + 1, 6 * DAY, 14 * DAY])
            if r.random() < 0.35:
                self.add(c, 'complaint.resolved', t, {'complaint_id': k, 'complaint_no': 'NO' + k, 'outcome_text': '已解决', 'upheld': True}, 'Complaint desk', ent)
            else:
                self.add(c, 'complaint.status_changed', t, {'complaint_id': k, 'complaint_no': 'NO' + k, 'status': r.choice(['accepted', 'investigating',
                         'proposed', 'extended', 'reopened']), 'status_text': '处理中', 'answer_by': '2026-09-01'}, 'Complaint desk', ent)
        if r.random() < 0.5:
            t += r.choice([HOUR, 3 * DAY, 13 * DAY, 28 * DAY])
            self.add(c, 'complaint.resolved', t, {'complaint_id': k, 'complaint_no': 'NO' + k, 'outcome_text': '已解决', 'upheld': True}, 'Complaint desk', ent)

    def maturity(self, c, d):
        r, pid = self.r, self.uid('P')
        m = d + timedelta(days=r.choice([0, 7, 29, 30, 60, 61, 90, 95, -1]))
        t = self.when(c, d)
        self.add(c, 'policy.maturing', t, {'policy_id': pid, 'product_name': '年金险', 'maturity_date': m.isoformat(), 'amount_cny': '50000.00'}, 'Policy admin', ('policy', pid))
        t += r.choice([0, HOUR, 10 * DAY, 40 * DAY, 100 * DAY])
        x = r.random()
        if x < 0.45:
            self.add(c, 'policy.maturity_instructed', t, {'policy_id': pid, 'option': 'payout', 'instructed_at': cal.iso(t)}, 'Policy admin', ('policy', pid))
        elif x < 0.6:
            self.cancel(c, t, pid, 'surrender')

    def kyc(self, c, d):
        r, k, t = self.r, self.uid('D'), self.when(c, d)
        for i in range(r.choice([1, 1, 2, 3])):
            x = d + timedelta(days=r.choice([0, 6, 7, 30, 31, 90, 91, -2, -70]))
            self.add(c, 'kyc.document_expiring', t, {'document_id': k, 'doc_type': 'id_card', 'doc_name': '身份证', 'expiry_date': x.isoformat()}, 'KYC', ('document', k))
            t += r.choice([MIN, 20 * DAY, 60 * DAY, 130 * DAY])
            if r.random() < 0.7:
                self.add(c, 'kyc.document_updated', t, {'document_id': k, 'doc_type': 'id_card', 'new_expiry_date': '2036-06-20'}, 'KYC', ('document', k))
                t += r.choice([0, HOUR, 3 * DAY])

    def recommend(self, c, d):
        r, t, line = self.r, self.when(c, d), self.r.choice(LINES[:6])
        for i in range(r.choice([1, 1, 2])):
            self.add(c, 'recommendation.generated', t, {'recommendation_id': self.uid('R'), 'product_id': 'p', 'product_name': '稳盈年金', 'product_line': line,
                     'product_risk_level': r.randint(1, 5), 'score': r.choice([0.59, 0.6, 0.64, 0.9]), 'reason_code': 'family'}, 'Recommendation engine', self.cust_entity(c))
            if r.random() < 0.5:
                self.assess(c, t + r.choice([HOUR, 5 * DAY, 14 * DAY, 14 * DAY + 1]))
            t += r.choice([3, 30, 60, 91]) * DAY

    def assess(self, c, t):
        r = self.r
        d = cal.local_date(t, 'Asia/Shanghai')
        self.add(c, 'risk_assessment.completed', t, {'assessment_id': self.uid('RA'), 'risk_level': r.randint(1, 5), 'completed_on': d.isoformat(),
                 'valid_until': (d + timedelta(days=r.choice([0, 2, 364]))).isoformat()}, 'Suitability system', self.cust_entity(c))

    def tier(self, c, d):
        r, t = self.r, self.when(c, d)
        levels = ['basic', 'growth', 'high_value']
        a = r.choice(levels[:2])
        for i in range(r.choice([1, 1, 2, 3])):
            b = 'high_value' if i % 2 == 0 else r.choice(levels)
            self.add(c, 'customer.tier_changed', t, {'from_tier': a, 'to_tier': b, 'reason': 'aum', 'aum_cny': '6000000.00'}, 'CDP', ('customer', c['customer_id']))
            for stage in r.choice([[], ['first_contact'], ['first_contact', 'after_sales'], ['after_sales', 'first_contact']]):
                self.task(c, t + r.choice([HOUR, 20 * HOUR, DAY, 3 * DAY, 30 * DAY]), 'advisor_handoff', stage)
            a = b
            t += r.choice([HOUR, DAY, 40 * DAY, 181 * DAY])

    # ---- noise --------------------------------------------------------------------------------------------------
    def consent(self, c, t):
        r = self.r
        p = {'purpose': r.choice(['marketing', 'care', 'all']), 'channel': r.choice(['sms', 'email', 'all']), 'granted': r.random() < 0.4, 'method': 'app', 'text': 't'}
        self.add(c, 'consent.changed', t, p, 'Consent centre', self.cust_entity(c))
        if r.random() < 0.4:
            self.add(c, 'consent.changed', t + r.choice([0, HOUR, 3 * DAY]), dict(p, granted=not p['granted']), 'Consent centre', self.cust_entity(c))

    def update(self, c, t, prof):
        self.add(c, 'customer.updated', t, {'changed': sorted(prof), 'profile': prof}, 'CRM', ('customer', c['customer_id']) if self.r.random() < 0.9 else None)

    def noise(self, c, t):
        r, x = self.r, self.r.random()
        if x < 0.22:
            self.consent(c, t)
        elif x < 0.42:
            self.update(c, t, {'timezone': r.choice(ZONES + [None])})
            if r.random() < 0.4:
                self.update(c, t + r.choice([HOUR, DAY, 6 * DAY]), {'timezone': c.get('timezone')})
        elif x < 0.50:
            self.update(c, t, {r.choice(['mobile', 'email']): None} if r.random() < 0.3 else
                        r.choice([{'mobile': '+8613900000000'}, {'email': 'new@example.com'}, {'mobile': c.get('mobile')}]))
        elif x < 0.57:
            ch = r.choice(['sms', 'email'])
            self.add(c, 'message.status', t, {'message_id': self.uid('unknown'), 'status': r.choice(['failed', 'bounced', 'delivered', 'opened']), 'channel': ch,
                     'error_code': '5.1.1', 'reply_text': None, 'at': cal.iso(t)}, 'SMS gateway', ('message', self.uid('M')))
        elif x < 0.65:
            self.add(c, 'message.status', t, {'message_id': self.uid('unknown'), 'status': 'replied', 'channel': 'sms', 'error_code': None,
                     'reply_text': r.choice(['STOP', 'R', '退订', 'hello', 'TD', 'r']), 'at': cal.iso(t)}, 'SMS gateway', ('message', self.uid('M')))
        elif x < 0.72:
            self.update(c, t, {'do_not_contact': True})
            if r.random() < 0.5:
                self.update(c, t + r.choice([HOUR, 5 * DAY]), {'do_not_contact': False})
        elif x < 0.78:
            self.update(c, t, {'personalisation_opt_out': r.random() < 0.7})
        elif x < 0.86:
            d = cal.local_date(t, c.get('timezone') or 'Asia/Shanghai')
            self.update(c, t, {'birth_date': r.choice(['1960-02-29', born(d + timedelta(days=r.randint(-2, 5))), '1980-07-24', None])})
        elif x < 0.94:
            p = {'date_of_death': '2026-01-01', 'reported_by': 'family'}
            self.add(c, 'customer.deceased', t, p, 'Policy admin', ('customer', c['customer_id']))
            if r.random() < 0.5:
                self.add(c, 'customer.deceased', t + r.choice([HOUR, 4 * DAY]), dict(p, revoked=True), 'Policy admin', ('customer', c['customer_id']))
        elif x < 0.97:
            self.update(c, t, {'tier': r.choice(['basic', 'growth', 'high_value'])})
        else:
            self.add(c, 'fraud.alert_raised', t, {'alert_id': self.uid('F'), 'rule': 'r', 'score': 0.4, 'hold': False}, 'Risk control', self.cust_entity(c))


def born(d):
    return date(1966, d.month, min(d.day, 28)).isoformat()


def profile(g, cid, base):
    r = g.r
    yes = lambda p: r.random() < p
    b = base + timedelta(days=r.randint(-3, 20)) if yes(0.5) else base + timedelta(days=r.randint(0, 364))
    b = date(r.choice([1944, 1960, 1966, 1967, 1992, 2000]), b.month, min(b.day, 28)).isoformat()
    cons = {p: {ch: yes(0.82) for ch in ('sms', 'email')} for p in ('marketing', 'care')}
    if yes(0.15):
        cons['marketing']['sms'] = {'granted': True, 'at': cal.iso(cal.at(base, 3, 'UTC') - 3 * DAY), 'method': 'web'}
    return {'customer_id': cid, 'name': '客户', 'salutation_zh': '王女士', 'salutation_en': 'Ms Wang', 'language': r.choice(['zh-CN', 'zh-CN', 'en']),
            'timezone': r.choice(ZONES), 'tier': r.choice(['basic', 'growth', 'high_value']), 'mobile': '+86138%08d' % r.randint(0, 99999999) if yes(0.92) else None,
            'email': '%s@example.com' % cid.lower() if yes(0.85) else None, 'consent': cons, 'advisor_id': 'A1', 'advisor_name': '李顾问', 'points_balance': 8200,
            'service_level': 'basic', 'do_not_contact': yes(0.04), 'personalisation_opt_out': yes(0.08),
            'birth_date': r.choice(['1960-02-29', '2000-02-29', b, b, b, b, b, b, None] ),
            'risk_level': r.choice([None, 1, 2, 3, 5, 5]), 'risk_valid_until': r.choice([None, (base + timedelta(days=r.randint(-5, 60))).isoformat(), '2030-01-01'])}


def caps(g, c, base):
    """many capped journeys on the same few local days: cap, reservation, deferral, weekly limit"""
    r = g.r
    for p in c['consent']:
        for ch in c['consent'][p]:
            c['consent'][p][ch] = True if r.random() < 0.93 else False
    c['do_not_contact'], c['personalisation_opt_out'] = False, r.random() < 0.03
    c['risk_level'], c['risk_valid_until'] = r.choice([5, 5, 3]), '2030-01-01'
    if r.random() < 0.8:
        d = base + timedelta(days=r.choice([0, 0, 1, 2, 3]))
        c['birth_date'] = '%d-%02d-%02d' % (r.choice([1992, 1967]), d.month, min(d.day, 28))
    day = lambda: base + timedelta(days=r.choice([0, 0, 0, 1, 1, 2, 3, 5]))
    for k in r.sample(['policy', 'policy', 'silence', 'silence2', 'churn', 'need', 'recommend', 'recommend2'], r.randint(3, 6)):
        if k == 'policy':
            d = base - timedelta(days=r.choice([2, 3, 1]))
            g.policy(c, d, base - timedelta(days=r.choice([1, 1, 2, 0, 16, 15])))
        elif k == 'silence':
            g.silence(c, day(), 'credit_card')
        elif k == 'silence2':
            g.silence(c, day(), 'life')
        elif k == 'need':
            g.need(c, day() - timedelta(days=r.choice([1, 2, 3])))
        else:
            getattr(g, k.rstrip('2'))(c, day())


CAPPED = ['policy', 'silence', 'churn', 'need', 'recommend']
ALL = ['renewal', 'lapse', 'failed', 'claim', 'paid_claim', 'policy', 'silence', 'churn', 'need', 'complaint', 'maturity', 'kyc', 'recommend', 'tier']


def generate(seed):
    g = G(seed)
    r = g.r
    base = date.fromisoformat(r.choice(HOT)) + timedelta(days=r.choice([0, 0, -1, -2, -7, -16, 1, 3]))
    people, hidden = [], []
    for i in range(r.choice([1, 1, 1, 2])):
        c = profile(g, 'S%dC%d' % (seed, i), base)
        people.append(c)
    origin = cal.at(base - timedelta(days=r.choice([2, 5, 10])), 18, 'UTC')
    for c in people:
        if r.random() < 0.14:
            hidden.append(c['customer_id'])
        g.add(c, 'fraud.alert_raised', origin, {'alert_id': g.uid('F'), 'rule': 'origin', 'score': 0.1, 'hold': False}, 'Risk control')
        if r.random() < 0.25:
            caps(g, c, base)
            for _ in range(r.choice([0, 0, 1])):
                g.noise(c, g.when(c, base + timedelta(days=r.choice([0, 1, 2, 4]))))
            continue
        for name in ([r.choice(ALL)] if r.random() < 0.5 else r.sample(CAPPED, r.randint(2, 4)) if r.random() < 0.55 else r.sample(ALL, 2)):
            d = base + timedelta(days=r.choice([0, 0, 0, 1, 1, 2, 3, -1]))
            getattr(g, name)(c, d)
        while len(g.events) < 6:
            getattr(g, r.choice(ALL))(c, base + timedelta(days=r.choice([0, 1, 2])))
        if r.random() < 0.25:
            g.complaint(c, base + timedelta(days=r.choice([-5, -16, 0, 1, 2, 4])))
        last = max(e['t'] for e in g.events)
        for _ in range(r.choice([0, 1, 1, 2, 3])):
            g.noise(c, g.when(c, base + timedelta(days=r.choice([0, 0, 1, 1, 2, 4, 7, 15, 30]))) if r.random() < 0.8 else r.randint(origin, last))
        if c['customer_id'] in hidden and r.random() < 0.75:
            full = {k: v for k, v in c.items() if k != 'customer_id'}
            if r.random() < 0.3:
                full.pop('consent')
            mine = [e for e in g.events if e['customer_id'] == c['customer_id'] and e['t'] > origin]
            t = r.choice(mine)['t'] + r.choice([0, 1, MIN, 5 * HOUR, DAY, 2 * DAY, 3 * DAY]) if mine else origin + DAY
            e = g.add(c, 'customer.updated', t, {'changed': sorted(full), 'profile': full}, 'CRM', None)
    ev = sorted(g.events, key=lambda e: (e['t'] > origin, e['t']))[:2 + 22]
    for i, e in enumerate(ev):
        e['event_id'] = 'e%d-%d' % (seed, i)
    ev = [e for e in ev if e['t'] >= origin]
    names = list(J) if r.random() < 0.85 else r.sample(list(J), r.randint(4, 12))
    last = max(e['t'] for e in ev)
    until = last + r.choice([5, 20, 60, 60, 120, 400]) * DAY + r.choice([0, 7, HOUR])
    body = [e for e in ev if e['t'] > origin]
    for e in body:
        if e['type'] in ('enquiry.made', 'silence.detected', 'activity.recorded') and r.random() < 0.01:
            e['payload']['product_line'] = 'pet'                 # Q5: a dead letter
    # disorder
    for e in body:
        x = r.random()
        if x < 0.07:
            e['arr'] = e['t'] + r.choice([r.randint(1, 3 * DAY), 5 * MIN, 11 * HOUR, 3 * DAY])
        elif x < 0.10:
            e['arr'] = max(origin, e['t'] - r.randint(1, 2000))
        elif x < 0.13 and e.get('entity', {}).get('type') != 'customer':
            e['source'] = 'Other desk'
            if e.get('entity'):
                e['entity']['seq'] += 100
    for _ in range(r.choice([0, 0, 1, 2])):
        if len(body) > 1:
            i = r.randrange(len(body) - 1)
            a, b = body[i], body[i + 1]
            a['arr'] = b['arr'] + r.choice([0, 1, 50_000])
    if r.random() < 0.1 and len(body) > 1:
        a, b = r.sample(body, 2)
        if abs(a['arr'] - b['arr']) < 3 * DAY:
            b['arr'] = a['arr']
            b['t'] = min(b['t'], b['arr'])
    extra = []
    for e in body:
        x = r.random()
        if x < 0.05:
            extra.append(dict(e, arr=e['arr'] + r.choice([0, HOUR, DAY])))
        elif x < 0.09:
            extra.append(dict(e, event_id=e['event_id'] + 'x', arr=e['arr'] + r.choice([0, 1, HOUR, 2 * DAY, 20 * DAY])))
    everything = ev + extra
    # snap some arrivals to the exact instants of timers, +-1 ms
    for _ in range(r.choice([0, 1, 2, 3])):
        inst = []
        try:
            oracle.simulate(lines(everything), visible(people, hidden), names, until, inst)
        except Exception:
            break
        pool = [e for e in everything if e['t'] > origin]
        if not inst or not pool:
            break
        e = r.choice(pool)
        near = [t for (cid, t) in inst if cid == e['customer_id'] and abs(t - e['arr']) < 8 * DAY and t > origin + 1]
        if near:
            t = r.choice(near) + r.choice([0, 0, 0, -1, 1, r.randint(1, 9 * HOUR)])
            if r.random() < 0.7 or t < e['t']:
                e['t'] = t
            e['arr'] = t
    r.shuffle(everything) if r.random() < 0.2 else everything.sort(key=lambda e: e['arr'])
    if any(n == 'advisor_handoff' for n in names) and until > cal.parse('2026-12-20T00:00:00Z') and any(e['type'] == 'customer.tier_changed' for e in everything):
        # no official calendar after 2026: business time is not decidable there
        names = [n for n in names if n != 'advisor_handoff']
    return lines(everything), visible(people, hidden), {'journeys': names, 'until': cal.iso(until)}


def visible(people, hidden):
    return [c for c in people if c['customer_id'] not in hidden]


def lines(evs):
    out = []
    for e in evs:
        d = {k: v for k, v in e.items() if k not in ('t', 'arr')}
        d['occurred_at'] = cal.iso(e['t'])
        if e['arr'] != e['t']:
            d['arrives_at'] = cal.iso(e['arr'])
        out.append(d)
    return out

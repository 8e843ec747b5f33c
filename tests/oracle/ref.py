"""The 16 reference journeys as plain data (spec/reference/journeys.yaml with the corrections of settled.md).

Conditions are lambdas of x: x.e payload of the event, x.f facts of the run, x.c customer values, x.today.
They return True, False or None (unknown, Q1).
"""

def send(id, template, by, cls=None, urgent=False, not_while=None):
    first_of = isinstance(by, tuple)
    return {'k': 'send', 'id': id, 'template': template, 'by': list(by), 'first_of': first_of,
            'cls': cls, 'urgent': urgent, 'not_while': not_while}

def call(name, touch=False, id=None):
    return {'k': 'call', 'id': id, 'template': name, 'touch': touch}

def wait(**kw):
    return {'k': 'wait', **kw}

def wait_for(type, within, cond=None, then=(), otherwise=()):
    return {'k': 'wait_for', 'type': type, 'cond': cond, 'within': within, 'then': list(then), 'otherwise': list(otherwise)}

def choose(*branches, id=None):
    return {'k': 'choose', 'id': id, 'branches': list(branches)}

def end(reason):
    return {'k': 'end', 'reason': reason}

S, E_, SE = ['sms'], ['email'], ['sms', 'email']
FIRST_SE, FIRST_ES = ('sms', 'email'), ('email', 'sms')
ALWAYS = lambda x: True
days = lambda n: ('days', n)
DECEASED = {'type': 'customer.deceased', 'cond': lambda x: not x.e.get('revoked')}
PAID = lambda x: dec(x.e['outstanding_cny']) <= 0

def dec(s):
    from decimal import Decimal
    return Decimal(s)

def ex(type, cond=None, do=()):
    return {'type': type, 'cond': cond, 'do': list(do)}

def touch(id, offset, time, step, cond=None, catch_up_h=0):
    """offset: ('D', n) or ('M', n) from the anchor date."""
    return {'id': id, 'offset': offset, 'time': time, 'step': step, 'cond': cond, 'catch_up': catch_up_h * 3600_000}

J = {}

def journey(id, cls, prio, start, key, again, **kw):
    j = {'id': id, 'cls': cls, 'prio': prio, 'start': start, 'key': key, 'again': again, 'anchor': None, 'facts': {},
         'schedule': [], 'flow': [], 'react': [], 'deadlines': [], 'goal': None, 'exit': [], 'expire': None, 'finish': None,
         'not_while': None, 'personalised': False, 'control': None, 'same_day': False, 'on_cap': 'defer'}
    j.update(kw)
    J[id] = j

NOT_MONTHLY = lambda x: x.f['frequency'] != 'monthly'

journey('renewal_premium', 'service', 80, {'type': 'payment.due_scheduled', 'cond': lambda x: x.e['installment_no'] >= 2},
        ['policy_id', 'installment_no'], ('never',), anchor='due_date', facts={'due_date': 'due_date', 'frequency': 'frequency'},
        schedule=[
            touch('t30', ('D', -30), 9, send('t30', 'renewal_t30', E_), NOT_MONTHLY),
            touch('t7', ('D', -7), 9, send('t7', 'renewal_t7', SE), NOT_MONTHLY),
            touch('t3', ('D', -3), 9, send('t3', 'renewal_t3', S)),
            touch('t0', ('D', 0), 9, send('t0', 'renewal_t0', SE)),
            touch('g7', ('D', 7), 9, send('g7', 'renewal_grace7', S)),
            touch('g30', ('D', 30), 9, send('g30', 'renewal_grace30', SE)),
            touch('g53', ('D', 53), 9, send('g53', 'renewal_grace53', SE, cls='mandatory'))],
        react=[{'type': 'payment.due_changed', 'cond': None, 'set': {'due_date': 'due_date'}, 'do': [send('chg', 'due_date_changed', S)]}],
        goal=ex('payment.received', PAID, [send('receipt', 'premium_receipt', S)]),
        exit=[ex('policy.lapsed'), ex('policy.cancelled'), DECEASED], expire=('anchor', 'D', 75))

journey('lapse_reinstatement', 'service', 85, {'type': 'policy.lapsed', 'cond': None}, ['policy_id', 'lapse_date'], ('never',),
        anchor='lapse_date', facts={'lapse_date': 'lapse_date'},
        flow=[send('notice', 'lapse_notice', SE, cls='mandatory')],
        schedule=[
            touch('m1', ('M', 1), 9, send('m1', 'reinstate_reminder', SE)),
            touch('m6', ('M', 6), 9, send('m6', 'reinstate_reminder', SE)),
            touch('m21', ('M', 21), 9, send('m21', 'reinstate_deadline', SE, cls='mandatory'))],
        goal=ex('policy.reinstated', None, [send('ok', 'reinstated_confirm', S)]),
        exit=[ex('policy.cancelled'), DECEASED], expire=('anchor', 'M', 24))

journey('payment_failed_retry', 'service', 82, {'type': 'payment.failed', 'cond': lambda x: x.e['attempt_no'] == 1},
        ['policy_id', 'installment_no'], ('after_exit',), facts={'reason_code': 'reason_code'},
        flow=[send('first', 'payfail_first', SE),
              choose((lambda x: x.f['reason_code'] in ('card_expired', 'account_closed'),
                      [wait_for('payment.received', days(3), PAID,
                                otherwise=[send('final', 'payfail_final', SE), call('advisor.task', id='call_1')])]),
                     (ALWAYS,
                      [call('billing.retry', id='call_2'),
                       wait_for('payment.failed', days(5), lambda x: x.e['attempt_no'] == 2,
                                then=[send('retry2', 'payfail_retry', S),
                                      wait_for('payment.failed', days(7), lambda x: x.e['attempt_no'] == 3,
                                               then=[send('final', 'payfail_final', SE), call('advisor.task', id='call_3')],
                                               otherwise=[end('retry_pending')])],
                                otherwise=[end('retry_pending')])]), id='choose_1')],
        goal=ex('payment.received', PAID), exit=[ex('policy.lapsed'), ex('policy.cancelled'), DECEASED])

COMPLETE = lambda x: x.e['complete']
journey('claim_status', 'service', 95, {'type': 'claim.filed', 'cond': None}, ['claim_id'], ('never',),
        flow=[send('ack', 'claim_ack', SE, urgent=True), call('workorder.link', id='call_1')],
        react=[
            {'type': 'claim.status_changed', 'cond': lambda x: x.e['node'] != 'withdrawn', 'set': {}, 'do': [send('node', 'claim_node', S)]},
            {'type': 'claim.documents_requested', 'cond': None, 'set': {}, 'do': [
                send('docs', 'claim_docs', SE),
                wait_for('claim.documents_received', days(3), COMPLETE, otherwise=[
                    send('docs_r1', 'claim_docs_reminder', S),
                    wait_for('claim.documents_received', days(4), COMPLETE, otherwise=[
                        send('docs_r2', 'claim_docs_reminder', S), call('advisor.task', id='call_2')])])]},
            {'type': 'claim.decided', 'cond': lambda x: x.e['outcome'] != 'declined', 'set': {}, 'do': [send('approved', 'claim_approved', SE)]},
            {'type': 'claim.decided', 'cond': lambda x: x.e['outcome'] == 'declined', 'set': {},
             'do': [send('declined', 'claim_declined', SE, cls='mandatory')]}],
        deadlines=[
            {'id': 'no_update', 'after': ('days', 3), 'at_start': True,
             'since': [('claim.filed', None), ('claim.status_changed', None), ('claim.documents_requested', None), ('claim.documents_received', None)],
             'stop': ['claim.decided'], 'max': 3, 'rest': ('claim.documents_requested', 'claim.documents_received', COMPLETE),
             'do': [call('escalate', id='call_3'), send('delay', 'claim_delay', S)]},
            {'id': 'decide_30', 'after': ('days', 30), 'at_start': True, 'since': [('claim.filed', None)], 'stop': ['claim.decided'], 'max': 1, 'rest': None,
             'do': [call('escalate', id='call_4'), send('delay30', 'claim_delay', SE, cls='mandatory')]},
            {'id': 'pay_10', 'after': ('days', 10), 'at_start': False,
             'since': [('claim.decided', lambda x: x.e['outcome'] in ('approved', 'partial'))], 'stop': ['claim.paid'], 'max': 1, 'rest': None,
             'do': [call('escalate', id='call_5')]}],
        goal=ex('claim.paid', None, [send('paid', 'claim_paid', S)]),
        exit=[ex('claim.status_changed', lambda x: x.e['node'] == 'withdrawn')], expire=('start', 'D', 180))

journey('onboarding_free_look', 'service', 70, {'type': 'policy.issued', 'cond': lambda x: x.e['term_months'] > 12}, ['policy_id'], ('never',),
        anchor='receipt_date', facts={},
        flow=[send('welcome', 'welcome', SE),
              wait_for('policy.receipt_signed', days(5), None, otherwise=[
                  send('sign1', 'receipt_reminder', S),
                  wait_for('policy.receipt_signed', days(5), None, otherwise=[call('advisor.task', id='call_1')])])],
        react=[{'type': 'policy.receipt_signed', 'cond': None, 'set': {'receipt_date': 'receipt_date'}, 'do': []}],
        schedule=[
            touch('video', ('D', 1), 10, send('video', 'freelook_case_video', SE, cls='care'), catch_up_h=24),
            touch('callback', ('D', 2), 10, send('callback', 'callback_reminder', S), catch_up_h=24),
            touch('ending', ('D', 12), 10, send('ending', 'freelook_ending', SE)),
            touch('handbook', ('D', 16), 10, send('handbook', 'onboarding_handbook', E_, cls='care'))],
        finish='handbook', expire=('start', 'D', 120),
        exit=[ex('policy.cancelled', lambda x: x.e['reason'] == 'free_look', [send('bye', 'freelook_cancelled', S)]),
              ex('policy.cancelled'), DECEASED])

journey('silence_reactivation', 'marketing', 40, {'type': 'silence.detected', 'cond': None}, ['product_line'], ('cooldown', 60, 'key'),
        facts={'product_line': 'product_line'},
        flow=[choose((lambda x: x.f['product_line'] == 'credit_card', [send('offer', 'silence_points_offer', FIRST_SE)]),
                     (ALWAYS, [send('offer', 'silence_simple_steps', FIRST_SE)]), id='choose_1'),
              wait_for('activity.recorded', days(7), None, otherwise=[
                  send('nudge', 'silence_second_nudge', E_),
                  wait_for('activity.recorded', days(14), None, otherwise=[end('no_response')])])],
        goal=ex('activity.recorded'), exit=[DECEASED])

journey('birthday_care', 'care', 60, {'calendar': 'birthday', 'time': 9}, ['year'], ('never',), same_day=True, on_cap='drop',
        flow=[choose((lambda x: x.c['tier'] == 'high_value',
                      [send('bd', 'birthday_vip', S), call('advisor.task', touch=True, id='call_1')]),
                     (lambda x: x.c['tier'] == 'growth', [send('bd', 'birthday_growth', S)]),
                     (ALWAYS, [send('bd', 'birthday_basic', S)]), id='choose_1')])

journey('festival_care', 'care', 35, {'calendar': 'festival', 'time': 10}, ['festival_id', 'year'], ('never',), same_day=True, on_cap='drop',
        flow=[send('greet', 'festival_greeting', S)])

journey('churn_win_back', 'marketing', 50,
        {'type': 'churn.risk_scored', 'cond': lambda x: x.e['score'] >= 0.70 and (x.e.get('prev_score') is None or x.e['prev_score'] < 0.70)},
        [], ('cooldown', 60, 'key'), personalised=True, control=('churn_win_back', 10),
        flow=[choose((lambda x: x.c['tier'] == 'high_value',
                      [call('advisor.task', touch=True, id='call_1'),
                       wait_for('advisor.task_updated', days(3), lambda x: x.e['status'] == 'done',
                                otherwise=[send('offer', 'churn_offer_a', FIRST_ES)])]),
                     (ALWAYS,
                      [{'k': 'experiment', 'name': 'churn_offer', 'arms': [
                          (50, [send('offer', 'churn_offer_a', FIRST_SE)]), (50, [send('offer', 'churn_offer_b', FIRST_SE)])]},
                       wait(dur=days(5)), send('last', 'churn_last', E_)]), id='choose_1')],
        goal=ex('churn.risk_scored', lambda x: x.e['score'] < 0.40), exit=[ex('complaint.opened'), DECEASED], expire=('start', 'D', 30))

journey('need_alert', 'marketing', 55, {'pattern': True}, ['product_line'], ('cooldown', 30, 'key'), personalised=True,
        facts={'product_line': 'product_line'},
        flow=[call('advisor.task', touch=True, id='call_1'), send('follow', 'need_followup', FIRST_SE),
              wait_for('advisor.task_updated', days(5), lambda x: x.e['stage'] == 'proposal' and x.e['status'] == 'done',
                       then=[send('proposal', 'need_proposal', E_)], otherwise=[call('escalate', id='call_2')])],
        goal=ex('policy.issued'), exit=[ex('complaint.opened'), DECEASED], expire=('start', 'D', 30))

journey('complaint_fast', 'mandatory', 100, {'type': 'complaint.opened', 'cond': None}, ['complaint_id'], ('never',),
        flow=[send('ack', 'complaint_ack', SE, urgent=True), call('workorder.open', id='call_1')],
        react=[{'type': 'complaint.status_changed', 'cond': lambda x: x.e['status'] != 'extended', 'set': {},
                'do': [send('prog', 'complaint_progress', S)]},
               {'type': 'complaint.status_changed', 'cond': lambda x: x.e['status'] == 'extended', 'set': {},
                'do': [send('ext', 'complaint_extended', SE)]}],
        deadlines=[
            {'id': 'contact', 'after': ('hours', 24), 'at_start': True, 'since': [('complaint.opened', None)], 'stop': ['complaint.status_changed', 'complaint.resolved'],
             'max': 1, 'rest': None, 'do': [call('escalate', id='call_2')]},
            {'id': 'd13', 'after': ('days', 13), 'at_start': True, 'since': [('complaint.opened', None)], 'stop': ['complaint.resolved'], 'max': 1, 'rest': None,
             'do': [call('escalate', id='call_3')]},
            {'id': 'd28', 'after': ('days', 28), 'at_start': True, 'since': [('complaint.opened', None)], 'stop': ['complaint.resolved'], 'max': 1, 'rest': None,
             'do': [call('escalate', id='call_4')]}],
        goal=ex('complaint.resolved', None, [send('res', 'complaint_resolved', SE)]), expire=('start', 'D', 180))

journey('policy_maturity', 'service', 65, {'type': 'policy.maturing', 'cond': None}, ['policy_id'], ('never',),
        anchor='maturity_date', facts={'maturity_date': 'maturity_date'},
        schedule=[
            touch('t90', ('D', -90), 10, send('t90', 'maturity_notice', E_)),
            touch('t60', ('D', -60), 10, call('advisor.task', touch=True, id='t60'),
                  lambda x: x.c['tier'] == 'high_value' or x.c['age'] is None or x.c['age'] >= 60),
            touch('t30', ('D', -30), 10, send('t30', 'maturity_notice', SE)),
            touch('t7', ('D', -7), 10, send('t7', 'maturity_notice', S)),
            touch('t0', ('D', 0), 10, send('t0', 'maturity_due', S))],
        goal=ex('policy.maturity_instructed', None, [send('ok', 'maturity_confirmed', S)]),
        exit=[ex('policy.cancelled'), DECEASED], expire=('anchor', 'D', 60))

journey('kyc_expiry', 'service', 75, {'type': 'kyc.document_expiring', 'cond': None}, ['document_id'], ('after_exit',),
        anchor='expiry_date', facts={'expiry_date': 'expiry_date'},
        schedule=[
            touch('t90', ('D', -90), 10, send('t90', 'kyc_expiring', E_)),
            touch('t30', ('D', -30), 10, send('t30', 'kyc_expiring', SE)),
            touch('t7', ('D', -7), 10, send('t7', 'kyc_expiring', S)),
            touch('p1', ('D', 1), 10, send('p1', 'kyc_expired', S)),
            touch('p60', ('D', 60), 10, send('p60', 'kyc_expired', S)),
            touch('p90', ('D', 90), 10, send('p90', 'kyc_restricted', SE, cls='mandatory'))],
        goal=ex('kyc.document_updated', None, [send('ok', 'kyc_done', S)]), exit=[DECEASED], expire=('anchor', 'D', 120))

journey('csat_after_claim', 'service', 30, {'type': 'claim.paid', 'cond': None}, ['claim_id'], ('cooldown', 90, 'customer'),
        flow=[wait(later=(2, 10)), send('invite', 'csat_invite', S),
              wait_for('survey.responded', days(3), None,
                       then=[choose((lambda x: x.e['score'] <= 2,
                                     [send('sorry', 'csat_sorry', S), call('complaint.fast_channel', id='call_1')]),
                                    (ALWAYS, [end('answered')]), id='choose_1')],
                       otherwise=[send('remind', 'csat_reminder', E_)])],
        exit=[ex('complaint.opened'), DECEASED], expire=('start', 'D', 14))

def _unsuitable(x):
    return x.c['risk_level'] is None or x.f['product_risk_level'] > x.c['risk_level']

def _lower(x):
    return None if x.c['risk_level'] is None else x.c['risk_level'] < x.f['product_risk_level']

journey('cross_sell_suitability', 'marketing', 20, {'type': 'recommendation.generated', 'cond': lambda x: x.e['score'] >= 0.60},
        ['product_line'], ('cooldown', 60, 'key'), personalised=True, facts={'product_risk_level': 'product_risk_level'},
        not_while=lambda x: bool(x.c['open_claims']) or bool(x.c['open_complaints']) or x.c['in_free_look'],
        flow=[choose((lambda x: x.c['risk_level'] is None or x.c['risk_valid_until'] is None or x.c['risk_valid_until'] < x.today,
                      [send('assess', 'risk_assessment_invite', FIRST_SE, cls='service'),
                       wait_for('risk_assessment.completed', days(14), None, otherwise=[end('no_assessment')])]), id='choose_1'),
              choose((_lower, [end('unsuitable')]),
                     (lambda x: (x.c['age'] is None or x.c['age'] >= 60) and x.f['product_risk_level'] >= 3,
                      [call('advisor.task', touch=True, id='call_1'), end('advisor')]),
                     (ALWAYS, [send('offer', 'cross_sell_offer', FIRST_ES, not_while=_unsuitable)]), id='choose_2')],
        goal=ex('policy.issued'), exit=[ex('complaint.opened'), ex('claim.filed'), DECEASED], expire=('start', 'D', 30))

journey('advisor_handoff', 'service', 90,
        {'type': 'customer.tier_changed', 'cond': lambda x: x.e['to_tier'] == 'high_value' and x.e['from_tier'] != 'high_value'},
        [], ('cooldown', 180, 'key'),
        flow=[call('advisor.task', id='call_1'), send('intro', 'advisor_intro', SE),
              wait_for('advisor.task_updated', ('business_days', 1), lambda x: x.e['stage'] == 'first_contact' and x.e['status'] == 'done',
                       then=[wait_for('advisor.task_updated', days(60), lambda x: x.e['stage'] == 'after_sales' and x.e['status'] == 'done',
                                      otherwise=[call('escalate', id='call_2')])],
                       otherwise=[call('escalate', id='call_3'), send('delay', 'advisor_delay', S)])],
        exit=[DECEASED, ex('customer.tier_changed', lambda x: x.e['to_tier'] != 'high_value')])
for _j in J.values():
    for _x in _j['exit']:
        _x.setdefault('do', [])

"""The event types of the reference insurer: whoever adds one adds a class here and touches nothing else.

A field is required unless it says ``optional`` (may be absent or null) or ``defaulted``. Amounts are CNY.
The fields follow requirements B2 with the corrections of settled.md (Q2, Q5, "Corrections").
"""

from typing import Annotated, Literal

from pydantic import Field

from sojourn.schema import (
    Day,
    Event,
    Id,
    Instant,
    Money,
    Number,
    Part,
    PartialProfile,
    Score,
    Text,
    Texts,
    Whole,
    defaulted,
    example,
    optional,
)

CUSTOMER = "cj.customer.v1"
ACTIVITY = "cj.activity.v1"
SIGNAL = "cj.signal.v1"
POLICY = "cj.policy.v1"
PAYMENT = "cj.payment.v1"
CLAIM = "cj.claim.v1"
COMPLAINT = "cj.complaint.v1"

# ---- closed lists (Q5: an unknown product line is a dead letter)

ProductLine = Literal["critical_illness", "life", "annuity", "health", "accident", "motor", "credit_card", "deposit"]
Tier = Literal["basic", "growth", "high_value"]
# Why a product is recommended; the texts stand in the glossary, table recommendation_reason (Q2).
RecommendationReason = Literal[
    "family",
    "age",
    "income",
    "life_stage",
    "protection_gap",
    "retirement",
    "savings",
    "health",
    "enquiry",
    "browsing",
    "existing_policy",
    "maturing_policy",
    "travel",
    "children",
    "home",
    "vehicle",
]
RiskLevel = Annotated[int, Field(ge=1, le=5)]
Ordinal = Annotated[int, Field(ge=1, le=10_000)]

# ---- the customer


class CustomerUpdated(
    Event,
    type="customer.updated",
    entity="customer",
    topic=CUSTOMER,
    source="CRM",
    core=True,
    note="profile upsert; also first sight of a customer",
):
    """New values of profile fields; a field with null is cleared."""

    changed: Texts = example(["mobile"])
    profile: PartialProfile = example({"mobile": "+8613800138000"})


class CustomerTierChanged(Event, type="customer.tier_changed", entity="customer", topic=CUSTOMER, source="CDP"):
    """The customer moved from one tier to another."""

    from_tier: Tier = example("growth")
    to_tier: Tier = example("high_value")
    reason: Text = example("aum")
    aum_cny: Money = example("6000000.00")


class CustomerDeceased(
    Event, type="customer.deceased", entity="customer", topic=CUSTOMER, source="Policy admin", core=True
):
    """A death was reported, or the report was taken back (revoked)."""

    date_of_death: Day = example("2026-05-04")
    reported_by: Text = example("family")
    revoked: bool = defaulted(False)


class ConsentChanged(
    Event,
    type="consent.changed",
    entity="customer",
    topic=CUSTOMER,
    source="Consent centre / SMS gateway",
    core=True,
):
    """A consent was given or withdrawn for a purpose and a channel (N12, Q20)."""

    purpose: Literal["marketing", "care", "all"] = example("marketing")
    channel: Literal["sms", "email", "all"] = example("sms")
    granted: bool = example(True)
    method: Literal["web", "app", "call_centre", "sms_reply_R", "email_link"] = example("app")
    text: Text = example("我同意接收优惠信息")


class RiskAssessmentCompleted(
    Event, type="risk_assessment.completed", entity="customer", topic=CUSTOMER, source="Suitability system"
):
    """The customer's risk level was assessed."""

    assessment_id: Id = example("RA-1001")
    risk_level: RiskLevel = example(3)
    completed_on: Day = example("2026-03-01")
    valid_until: Day = example("2027-02-28")


# ---- activity and signals


class ActivityRecorded(
    Event,
    type="activity.recorded",
    entity="customer",
    topic=ACTIVITY,
    source="App / Web / Core bank",
    core=True,
):
    """A sign of life with one product line."""

    product_line: ProductLine = example("credit_card")
    kind: Literal["login", "transaction", "card_spend", "claim_view", "call", "branch_visit"] = example("login")
    channel: Text = example("app")
    amount: Money | None = optional()


class EnquiryMade(
    Event,
    type="enquiry.made",
    entity="customer",
    topic=ACTIVITY,
    source="Web / App / Call centre / Branch pad",
    core=True,
):
    """The customer asked about a product line."""

    product_line: ProductLine = example("critical_illness")
    product_id: Id | None = optional()
    channel: Literal["web", "app", "call_centre", "branch", "wechat"] = example("web")
    keywords: Texts = example([])
    dwell_seconds: Whole | None = optional(60)
    sentiment: Number | None = optional()


class SilenceDetected(
    Event,
    type="silence.detected",
    entity="customer",
    topic=SIGNAL,
    source="Silence agent (this engine) or CDP",
    core=True,
):
    """Nothing was heard of the customer with a product line for a long time."""

    product_line: ProductLine = example("credit_card")
    last_activity_at: Instant = example("2025-09-01T10:00:00+08:00")
    silent_days: Whole = example(180)
    points_balance: Whole | None = optional(8200)


class ChurnRiskScored(
    Event,
    type="churn.risk_scored",
    entity="customer",
    topic=SIGNAL,
    source="Churn model service",
    core=True,
    note="crossings of 0.70 upward and of 0.40 downward",
):
    """The model's score crossed a threshold."""

    score: Score = example(0.78)
    prev_score: Number | None = optional(0.3)
    model_version: Text = example("m1")
    top_reasons: Texts = example([])
    label_horizon_days: Whole = example(90)


class RecommendationGenerated(
    Event, type="recommendation.generated", entity="customer", topic=SIGNAL, source="Recommendation engine"
):
    """A product was found for the customer."""

    recommendation_id: Id = example("R-1001")
    product_id: Id = example("X1")
    product_name: Text = example("稳盈年金")
    product_line: ProductLine = example("annuity")
    product_risk_level: RiskLevel = example(2)
    score: Score = example(0.75)
    reason_code: RecommendationReason = example("family")


class FraudAlertRaised(Event, type="fraud.alert_raised", entity="customer", topic=SIGNAL, source="Risk control"):
    """Risk control saw something odd."""

    alert_id: Id = example("F-1001")
    rule: Text = example("velocity")
    score: Number = example(0.4)
    hold: bool = example(False)


# ---- policies


class PolicyIssued(Event, type="policy.issued", entity="policy", topic=POLICY, source="Policy admin", core=True):
    """A policy came into being."""

    policy_id: Id = example("P-20260301")
    product_id: Id = example("X1")
    product_name: Text = example("守护重疾险")
    product_line: ProductLine = example("critical_illness")
    term_months: Whole = example(240)
    effective_date: Day = example("2026-03-01")
    premium_cny: Money = example("6800.00")
    frequency: Literal["single", "annual", "semiannual", "quarterly", "monthly"] = example("annual")
    pay_method: Literal["auto_debit", "manual"] = example("auto_debit")
    channel: Literal["bancassurance", "agent", "online"] = example("bancassurance")
    free_look_days: Annotated[int, Field(ge=0, le=3650)] = example(15)
    sum_insured_cny: Money = example("300000.00")


class PolicyReceiptSigned(
    Event,
    type="policy.receipt_signed",
    entity="policy",
    topic=POLICY,
    source="Policy admin / agent pad",
    core=True,
):
    """The customer signed for the policy; the free look counts from here."""

    policy_id: Id = example("P-20260301")
    receipt_date: Day = example("2026-03-04")
    method: Literal["e_sign", "paper"] = example("e_sign")


class PolicyCancelled(Event, type="policy.cancelled", entity="policy", topic=POLICY, source="Policy admin", core=True):
    """The policy is over."""

    policy_id: Id = example("P-20260301")
    reason: Literal["free_look", "surrender", "claim_terminated", "underwriting"] = example("free_look")
    effective_date: Day = example("2026-03-10")
    refund_cny: Money = example("6790.00")


class PolicyLapsed(Event, type="policy.lapsed", entity="policy", topic=POLICY, source="Policy admin", core=True):
    """Cover is suspended as a premium stayed unpaid; the engine never computes a lapse (N2)."""

    policy_id: Id = example("P-20240505")
    product_name: Text = example("安康终身寿险")
    lapse_date: Day = example("2026-07-05")
    unpaid_installment_no: Whole = example(3)
    reinstate_deadline: Day = example("2028-07-04")


class PolicyReinstated(Event, type="policy.reinstated", entity="policy", topic=POLICY, source="Policy admin"):
    """A suspended policy is in force again."""

    policy_id: Id = example("P-20240505")
    effective_date: Day = example("2026-09-01")
    paid_cny: Money = example("3650.00")


class PolicyMaturing(Event, type="policy.maturing", entity="policy", topic=POLICY, source="Policy admin"):
    """The day of maturity comes near."""

    policy_id: Id = example("P-20160930")
    product_name: Text = example("年金险")
    maturity_date: Day = example("2026-09-30")
    amount_cny: Money = example("50000.00")


class PolicyMaturityInstructed(
    Event, type="policy.maturity_instructed", entity="policy", topic=POLICY, source="Policy admin"
):
    """The customer said what shall happen with the money."""

    policy_id: Id = example("P-20160930")
    option: Literal["payout", "annuitise", "leave_on_deposit"] = example("payout")
    instructed_at: Instant = example("2026-08-20T11:00:00+08:00")


# ---- payments


class PaymentDueScheduled(
    Event,
    type="payment.due_scheduled",
    entity="installment",
    topic=PAYMENT,
    source="Billing",
    core=True,
    note="published 45 days ahead (annual) or 10 days ahead (monthly)",
):
    """An installment is coming up."""

    policy_id: Id = example("P-20240312")
    installment_no: Ordinal = example(3)
    due_date: Day = example("2026-03-12")
    amount_cny: Money = example("3600.00")
    frequency: Text = example("annual")
    pay_method: Text = example("manual")
    product_name: Text = example("安康终身寿险")


class PaymentDueChanged(
    Event, type="payment.due_changed", entity="installment", topic=PAYMENT, source="Billing", core=True
):
    """An installment got another due date."""

    policy_id: Id = example("P-20240312")
    installment_no: Whole = example(3)
    old_due_date: Day = example("2026-03-12")
    due_date: Day = example("2026-03-20")
    amount_cny: Money = example("3600.00")


class PaymentReceived(
    Event,
    type="payment.received",
    entity="installment",
    topic=PAYMENT,
    source="Billing / payment gateway",
    core=True,
):
    """Money came in; with nothing outstanding the installment is paid."""

    policy_id: Id = example("P-20240312")
    installment_no: Whole = example(3)
    amount_cny: Money = example("3600.00")
    outstanding_cny: Money = example("0.00")
    paid_date: Day = example("2026-03-08")
    method: Text = example("bank")


class PaymentFailed(
    Event, type="payment.failed", entity="installment", topic=PAYMENT, source="Payment gateway", core=True
):
    """A debit did not go through."""

    policy_id: Id = example("P-20240312")
    installment_no: Whole = example(3)
    attempt_no: Annotated[int, Field(ge=1, le=3)] = example(1)
    amount_cny: Money = example("3600.00")
    reason_code: Literal["insufficient_funds", "card_expired", "account_closed", "limit_exceeded", "bank_error"] = (
        example("insufficient_funds")
    )
    next_retry_date: Day | None = optional("2026-03-15")
    due_date: Day | None = optional("2026-03-12")


# ---- claims


class ClaimFiled(Event, type="claim.filed", entity="claim", topic=CLAIM, source="Claims", core=True):
    """A claim was made."""

    claim_id: Id = example("K-1001")
    claim_no: Id = example("CN20260001")
    policy_id: Id = example("P-20260301")
    claim_type: Literal["medical", "critical_illness", "accident", "death", "motor", "disability"] = example("medical")
    claimed_cny: Money = example("900.00")
    filed_via: Text = example("app")
    docs_needed: Texts = example(["invoice"])


class ClaimStatusChanged(Event, type="claim.status_changed", entity="claim", topic=CLAIM, source="Claims", core=True):
    """A claim reached another node."""

    claim_id: Id = example("K-1001")
    claim_no: Id = example("CN20260001")
    node: Literal["docs_review", "investigation", "assessment", "approval", "payment_processing", "withdrawn"] = (
        example("assessment")
    )
    expected_by: Day = example("2026-03-06")
    reason_code: Text | None = optional()


class ClaimDocumentsRequested(
    Event, type="claim.documents_requested", entity="claim", topic=CLAIM, source="Claims", core=True
):
    """Papers are missing; all of them are named at once."""

    claim_id: Id = example("K-1001")
    claim_no: Id = example("CN20260001")
    docs_needed: Texts = example(["id", "invoice"])
    due_by: Day = example("2026-03-20")


class ClaimDocumentsReceived(
    Event, type="claim.documents_received", entity="claim", topic=CLAIM, source="Claims / App upload"
):
    """Papers came in."""

    claim_id: Id = example("K-1001")
    docs: Texts = example(["id", "invoice"])
    complete: bool = example(True)


class ClaimDecided(Event, type="claim.decided", entity="claim", topic=CLAIM, source="Claims", core=True):
    """A claim was decided."""

    claim_id: Id = example("K-1001")
    claim_no: Id = example("CN20260001")
    outcome: Literal["approved", "partial", "declined"] = example("approved")
    amount_cny: Money = example("800.00")
    reason_text: Text = example("审核完成")
    pay_by: Day | None = optional("2026-03-13")


class ClaimPaid(Event, type="claim.paid", entity="claim", topic=CLAIM, source="Claims / payment gateway", core=True):
    """The money of a claim went out."""

    claim_id: Id = example("K-1001")
    claim_no: Id = example("CN20260001")
    amount_cny: Money = example("800.00")
    account_tail: Id = example("1234")
    paid_at: Instant = example("2026-03-04T22:57:35+08:00")


# ---- complaints


class Related(Part):
    """What a complaint is about."""

    policy_id: Id | None = optional()
    claim_id: Id | None = optional()
    message_id: Id | None = optional()


class ComplaintOpened(
    Event,
    type="complaint.opened",
    entity="complaint",
    topic=COMPLAINT,
    source="Complaint desk / call centre",
    core=True,
):
    """A complaint was made; marketing and care rest from here (N20)."""

    complaint_id: Id = example("CP-1001")
    complaint_no: Id = example("TS20260001")
    category: Text = example("service")
    severity: Literal["low", "medium", "high"] = example("low")
    handler: Text = example("周经理")
    channel: Text = example("app")
    related: Related = example({})
    answer_by: Day | None = optional()


class ComplaintStatusChanged(
    Event,
    type="complaint.status_changed",
    entity="complaint",
    topic=COMPLAINT,
    source="Complaint desk",
    core=True,
):
    """A complaint moved on, needs more time, or was opened again."""

    complaint_id: Id = example("CP-1001")
    complaint_no: Id = example("TS20260001")
    status: Literal["accepted", "investigating", "proposed", "extended", "reopened"] = example("investigating")
    status_text: Text = example("处理中")
    answer_by: Day = example("2026-03-20")


class ComplaintResolved(
    Event, type="complaint.resolved", entity="complaint", topic=COMPLAINT, source="Complaint desk", core=True
):
    """A complaint was answered for good."""

    complaint_id: Id = example("CP-1001")
    complaint_no: Id = example("TS20260001")
    outcome_text: Text = example("已解决")
    upheld: bool = example(True)


# ---- documents, surveys, advisors, messages


class KycDocumentExpiring(
    Event, type="kyc.document_expiring", entity="document", topic="cj.kyc.v1", source="KYC / CDD system"
):
    """A document on file is about to expire."""

    document_id: Id = example("D-1001")
    doc_type: Text = example("id_card")
    doc_name: Text = example("身份证")
    expiry_date: Day = example("2026-10-04")


class KycDocumentUpdated(
    Event, type="kyc.document_updated", entity="document", topic="cj.kyc.v1", source="KYC / CDD system"
):
    """A document on file was renewed."""

    document_id: Id = example("D-1001")
    doc_type: Text = example("id_card")
    new_expiry_date: Day = example("2036-10-01")


class SurveyResponded(Event, type="survey.responded", entity="survey", topic="cj.feedback.v1", source="Survey tool"):
    """The customer answered a survey."""

    survey_id: Id = example("SV-1001")
    claim_id: Id | None = optional("K-1001")
    score: Annotated[int, Field(ge=1, le=5)] = example(2)
    nps: Annotated[int, Field(ge=0, le=10)] | None = optional()
    comment: Text | None = optional()
    sentiment: Number | None = optional()


class AdvisorTaskUpdated(
    Event, type="advisor.task_updated", entity="task", topic="cj.advisor.v1", source="CRM / agent pad"
):
    """An advisor worked on a task; instance_id and journey_id say for which run (Q31)."""

    task_id: Id = example("T-1001")
    journey_id: Id | None = optional()
    instance_id: Id | None = optional()
    stage: Literal["first_contact", "need_confirmed", "proposal", "after_sales"] = example("first_contact")
    status: Literal["open", "done", "missed", "declined"] = example("done")
    advisor_id: Id = example("A1")
    note: Text | None = optional()


class MessageStatus(
    Event,
    type="message.status",
    entity="message",
    topic="cj.message.v1",
    source="SMS gateway / mail provider",
    core=True,
):
    """A provider's receipt, or the customer's answer to a message (Q21)."""

    message_id: Id = example("M-1001")
    status: Literal["delivered", "failed", "bounced", "opened", "clicked", "replied", "complained"] = example(
        "delivered"
    )
    channel: Text = example("sms")
    error_code: Text | None = optional()
    reply_text: Text | None = optional()
    at: Instant = example("2026-03-12T09:00:05+08:00")

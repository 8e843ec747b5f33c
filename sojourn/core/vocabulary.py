"""Every status and every reason of the log, in one place, with the sentences that support reads out.

Closed lists (interfaces.md, N22): whatever writes a row uses these names, and pages, documents and
commands take their words from here. A sentence is said to the customer, so it only claims what the row
knows: a part in square brackets is left out when one of its values is not there, and ``[one|other]``
says the other part instead. ``sojourn.core.saying`` fills them in.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple


class Status(NamedTuple):
    """One status: its word in both languages, the colour token of the pages, and what it means."""

    name: str
    zh: str
    en: str
    token: str
    meaning: str


class Reason(NamedTuple):
    """One reason: the sentence in both languages, and what it means to those who run the engine."""

    name: str
    zh: str
    en: str
    meaning: str


_STATUSES: Final = (
    Status("sent", "已发出", "Sent", "ok", "the provider accepted it; nobody knows yet whether it arrived (Q46)"),
    Status("delivered", "已送达", "Delivered", "ok", "a receipt says that it arrived"),
    Status("held", "等待中", "Waiting", "wait", "it waits for an instant or for a profile, then is judged again (N14)"),
    Status("deferred", "已改期", "Moved", "wait", "the cap moved it to the next local date (N13, Q18)"),
    Status("suppressed", "没有发", "Not sent", "none", "it was due and is not sent"),
    Status("skipped", "已跳过", "Skipped", "none", "it never became due, or its journey never began"),
    Status("failed", "失败", "Failed", "bad", "the provider refused it for good"),
    Status("in_doubt", "未确认", "Not confirmed", "doubt", "the provider never answered; it may have arrived (Q27)"),
)

_REASONS: Final = (
    Reason(
        "no_consent",
        "您没有同意接收[{purpose}{channel}|这类信息][，或已在{date}撤回]，所以没有发。",
        "You have not agreed to [{purpose} by {channel}|this kind of message][, or withdrew it on {date}],"
        " so we did not send it.",
        "marketing and care need a consent for their purpose and channel (N12, Q20)",
    ),
    Reason(
        "do_not_contact",
        "您[在{date}]要求我们停止联系，所以只发必须告知的信息。",
        "[On {date} you|You] asked us to stop, so we only send what we must tell you.",
        "the customer wants nothing that need not be sent",
    ),
    Reason(
        "deceased",
        "我们登记的资料显示客户已经离世，这类信息已停止。",
        "Our records say the customer has died, so these messages have stopped.",
        "the customer is recorded as deceased",
    ),
    Reason(
        "no_profile",
        "您的资料还没有传到这个系统，到了就发。",
        "Your details have not reached this system yet. It goes out when they do.",
        "no profile of this customer has arrived; service and mandatory messages wait for it (Q12)",
    ),
    Reason(
        "no_address",
        "我们没有您的[{address}|联系地址]。",
        "We do not have your [{address}|address].",
        "the profile holds no address for the channel",
    ),
    Reason(
        "invalid_address",
        "您的[{address}|联系地址][在{date}]被退回，已经停用。请告诉我们新的。",
        "Your [{address}|address] bounced[ on {date}] and is no longer used. Please give us a new one.",
        "the address failed for good and was not changed since (Q20, Q22a)",
    ),
    Reason(
        "personalisation_opt_out",
        "您关闭了个性化推荐，所以没有发。",
        "You turned off personal recommendations, so we did not send it.",
        "the journey is personalised and the customer declined that (Q13)",
    ),
    Reason(
        "not_while",
        "您有[{matter}|事项]未办结，这期间不发这类信息。",
        "While [{matter}|another matter] is open we do not send this.",
        "a condition under `not_while` of the journey or the step holds (N20, Q23)",
    ),
    Reason(
        "paused_complaint",
        "您的投诉还没有办结，或办结不到14天，这期间不发营销和关怀信息。",
        "Your complaint is open, or was closed less than 14 days ago, so greetings and offers are paused.",
        "a pause of this class holds: a rule of the project, or another journey of the customer (N20, Q22)",
    ),
    Reason(
        "control_group",
        "为了解这类信息是否有用，我们随机留出少数客户不发，您在其中。",
        "To learn whether this helps, a few customers picked at random do not get it. You are one of them.",
        "the customer is in the control group of the journey (N18, Q14)",
    ),
    Reason(
        "quiet_hours",
        "[{from} 到 {to} |夜间]不发短信[，这条 {time} 发]。",
        "We send no texts [from {from} to {to}|at night].[ This one goes out at {time}.]",
        "held until the end of the quiet hours, or suppressed because that is too late (N14, Q18)",
    ),
    Reason(
        "frequency_cap",
        "营销和关怀信息每天最多 [{per_day}|1]次、7天最多 [{per_week}|3]次，已经满了[，{next}]。",
        "At most [{per_day}|one] such message a day and [{per_week}|three] in 7 days. The limit is reached[; {next}].",
        "the cap over all journeys of the customer is used up (N13, Q18, Q19)",
    ),
    Reason(
        "outranked",
        "同一天有一条更要紧的信息给您，这条往后排。",
        "A more important message goes out to you the same day, so this one comes later.",
        "a touch of higher priority is armed for later the same local day (N13, Q17)",
    ),
    Reason(
        "expired",
        "这条信息[到{date}|过期]就没有意义了，没能在那之前发出。",
        "It was only useful [until {date}|for a while] and could not go out before.",
        "its validity ended before it could be handed over (N6)",
    ),
    Reason(
        "missing_variable",
        "内容缺少[{field}|资料]，怕说错，没有发。已通知同事处理。",
        "[{field}|Something] was missing. Rather than say something wrong we did not send it; a colleague knows.",
        "a required variable of the template had no value (Q2)",
    ),
    Reason(
        "render_failed",
        "内容没能生成，没有发。已通知同事处理。",
        "The text could not be produced, so it was not sent; a colleague knows.",
        "the template failed on these values",
    ),
    Reason(
        "journey_ended",
        "这件事[在{date}]已经办完，不用再提醒。",
        "The matter was settled[ on {date}], so no further message was needed.",
        "its run ended while the message was waiting (N17, Q24, Q36)",
    ),
    Reason(
        "superseded",
        "日期有变动，由新的一条代替。",
        "The date changed; a new message takes its place.",
        "later news replaced it: a moved date, or the event that it had been waiting for (Q24a, Q33, Q37)",
    ),
    Reason(
        "condition_unknown",
        "判断要用的资料缺了[{field}|一项]，没有发。已通知同事处理。",
        "[{field}|A value] was missing for the decision, so it was not sent; a colleague knows.",
        "a condition met a value that was absent (Q1)",
    ),
    Reason(
        "skipped_past",
        "我们得知这件事时，该发的时间已经过了。",
        "When we learned of it, the time for this message had passed.",
        "its time had passed when the event that armed it arrived (N5, Q38)",
    ),
    Reason(
        "not_entered",
        "当时不符合条件[：{reason}]，所以没有开始。",
        "At that time it did not apply to you[: {reason}].",
        "the journey did not begin; `detail.cause` is the reason why (Q8)",
    ),
    Reason(
        "intake_behind",
        "系统正在补读资料，怕发错，先等一等。",
        "The system is catching up on data. We wait rather than send something outdated.",
        "a source of events is behind, and the message may be outdated",
    ),
    Reason(
        "provider_refused",
        "[{provider}|通道]没有接收[：{detail}]。",
        "[{provider}|The provider] refused it[: {detail}].",
        "the provider said no for good; `detail` holds what it said",
    ),
    Reason(
        "unknown_outcome",
        "[{provider}|通道]没有回音，您可能收到了，也可能没有。",
        "[{provider}|The provider] did not answer. It may or may not have reached you.",
        "the hand-over went out and no answer came back; see Q27 for what is repeated",
    ),
)

STATUSES: Final[Mapping[str, Status]] = MappingProxyType({one.name: one for one in _STATUSES})
REASONS: Final[Mapping[str, Reason]] = MappingProxyType({one.name: one for one in _REASONS})

#: Statuses of a message that is not decided yet; its last row is not its end.
OPEN: Final = frozenset({"held", "deferred"})
#: Statuses of rows that need a reason.
NEED_REASON: Final = frozenset({"held", "deferred", "suppressed", "skipped", "failed", "in_doubt"})

#: Words for closed values that stand in sentences and on pages: (Chinese, English).
WORDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "sms": ("短信", "text message"),
        "email": ("邮件", "e-mail"),
        "call": ("系统调用", "call"),
        "marketing": ("营销", "offers"),
        "care": ("关怀", "greetings"),
        "service": ("服务", "service"),
        "mandatory": ("必须告知", "mandatory"),
        "address.sms": ("手机号", "mobile number"),
        "address.email": ("邮箱", "e-mail address"),
        "provider.sms": ("短信通道", "The SMS gateway"),
        "provider.email": ("邮件通道", "The mail server"),
        "provider.call": ("对方系统", "The other system"),
    }
)

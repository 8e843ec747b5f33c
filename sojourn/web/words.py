"""Every text of the pages in both languages, in one catalogue: (Chinese, English)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

PAGE_WORDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "skip": ("跳到正文", "Skip to content"),
        "main": ("主导航", "Main"),
        "inbox": ("收件箱", "Inbox"),
        "log": ("消息日志", "Message log"),
        "switch": ("English", "中文"),
        "as_of": ("数据截至", "As of"),
        "zone": ("时间按", "Times in"),
        "refresh": ("刷新", "Refresh"),
        # inbox
        "inbox_lead": (
            "本机收件箱收到 {sms} 条短信、{mail} 封邮件，另有 {call} 次系统调用。",
            "The local inbox holds {sms} text messages, {mail} e-mails and {call} calls to other systems.",
        ),
        "inbox_hint": (
            "没有设置 SOJOURN_SMS、SOJOURN_SMTP 或 SOJOURN_CALLS 的通道都送到这里，没有一条离开这台机器。",
            "Channels without SOJOURN_SMS, SOJOURN_SMTP or SOJOURN_CALLS lead here; nothing leaves this machine.",
        ),
        "inbox_empty": (
            "还没有收到信息。向 POST /v1/events 发送事件，几秒后刷新本页。",
            "Nothing has come yet. Send events to POST /v1/events and refresh this page a few seconds later.",
        ),
        "phones": ("手机", "Phones"),
        "no_sms": ("没有短信", "No text messages"),
        "mails": ("邮件", "E-mails"),
        "mail_list": ("邮件列表", "List of e-mails"),
        "no_mail": ("没有邮件", "No e-mails"),
        "from": ("发件人", "From"),
        "to": ("收件人", "To"),
        "subject": ("主题", "Subject"),
        "time": ("时间", "Time"),
        "no_html": ("这封邮件只有文字", "This e-mail is text only"),
        "calls": ("给其他系统的调用", "Calls to other systems"),
        "call": ("调用", "Call"),
        "passed": ("传入的值", "Values passed"),
        "earlier_calls": ("只显示最近 {n} 次", "The last {n} are shown"),
        # log
        "log_lead": (
            "每一条决定都在这里：发出的、没有发的、等待中的，以及为什么。",
            "Every decision is here: sent, not sent, waiting, and why.",
        ),
        "log_counts": ("最近 {n} 条中", "Among the last {n}"),
        "all": ("全部", "All"),
        "by_status": ("按状态", "By status"),
        "by_journey": ("按旅程", "By journey"),
        "all_journeys": ("全部旅程", "All journeys"),
        "customer": ("客户", "Customer"),
        "message": ("信息", "Message"),
        "channel": ("渠道", "Channel"),
        "result": ("结果", "Result"),
        "earlier": ("更早的 {n} 条", "Earlier {n}"),
        "newest": ("回到最新", "Back to the newest"),
        "no_earlier": ("再往前没有了", "Nothing earlier"),
        "no_rows": ("没有这样的记录", "There are no such rows"),
        "step": ("步骤", "step"),
        "compared": ("比较的值", "Values compared"),
        "journey_only": ("旅程没有开始", "The journey did not begin"),
        "erased": ("已删除", "erased"),
        "event": ("事件", "Event"),
        "version": ("第{n}版", "version {n}"),
    }
)

"""Real things from settings: store, channels, local inbox, press."""

from collections.abc import Callable, Mapping
from typing import Any

from sojourn.bootstrap.channels_file import ChannelOptions
from sojourn.bootstrap.keys import kept
from sojourn.bootstrap.releases import Edition
from sojourn.bootstrap.settings import Settings
from sojourn.channels.calls import Calls, CallTarget
from sojourn.channels.inbox import LocalInbox
from sojourn.channels.mail import MailFrom
from sojourn.channels.sms import Sms, SmsGateway
from sojourn.channels.smtp import Smtp, SmtpServer
from sojourn.delivery.port import Channel
from sojourn.delivery.render import Press, Unsubscriber
from sojourn.ports import Store
from sojourn.rendering import Renderer
from sojourn.store.sealing import master_key
from sojourn.store.sqlite import SqliteStore


def make_store(settings: Settings, clock: Callable[[], int], *, create: bool = True) -> Store:
    """Give the store of a project, not open yet; ``create`` makes its master key where there is none."""
    key = master_key(settings.var / "master.key", create=create)
    return SqliteStore(settings.database_file, key, clock)


def make_inbox(settings: Settings, clock: Callable[[], int]) -> LocalInbox | None:
    """Give the local inbox where at least one way out is not set."""
    if settings.smtp and settings.sms and settings.calls:
        return None
    return LocalInbox(clock, file=settings.var / "inbox.ndjson")


def make_channels(settings: Settings, options: ChannelOptions, inbox: LocalInbox | None) -> dict[str, Channel]:
    """Give the adapters; what has no setting goes to the local inbox, which must be open."""
    sms_url = settings.sms.get_secret_value() if settings.sms else inbox.sms_url if inbox else ""
    smtp_url = settings.smtp.get_secret_value() if settings.smtp else inbox.smtp_url if inbox else ""
    calls_url = settings.calls.get_secret_value() if settings.calls else inbox.calls_url if inbox else ""
    sms, mail, calls = options.sms, options.email, options.calls
    secret = kept(settings.var / "calls.key").value.encode()
    names: Mapping[Any, str] = sms.fields
    return {
        "sms": Sms(
            SmsGateway(
                sms_url,
                sms.encoding,
                dict(names),
                sms.extra,
                sms.headers,
                sms.honours_key,
                sms.at_once,
                sms.per_second,
                sms.timeout,
            )
        ),
        "email": Smtp(
            SmtpServer(
                smtp_url,
                MailFrom(mail.sender, tuple(mail.names.items())),
                mail.at_once,
                mail.per_second,
                mail.timeout,
            )
        ),
        "call": Calls(CallTarget(calls_url, secret, calls.at_once, calls.per_second, calls.timeout)),
    }


def make_press(settings: Settings, options: ChannelOptions, edition: Edition) -> Press:
    """Give what renders the messages of an edition; links are signed with the project's own key."""
    key = kept(settings.var / "links.key").value.encode()
    templates = edition.project.templates
    renderer = Renderer(templates, key)
    renderer.warm()
    target = options.email.unsubscribe
    way_out = None
    if target is not None and target in templates.links.targets:
        way_out = Unsubscriber(templates.links.base, key, target)
    return Press(renderer, frozenset(edition.book.rules.purposes), way_out)

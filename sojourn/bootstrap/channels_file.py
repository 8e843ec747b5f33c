"""``channels.yaml`` of a project folder: how the providers want it. Optional; every value has a default."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from sojourn.errors import ConfigurationError

FILE = "channels.yaml"
_AtOnce = Annotated[int, Field(ge=1, le=1000)]
_Timeout = Annotated[float, Field(gt=0, le=20)]  # inside the lease of an order
_Rate = Annotated[float, Field(gt=0)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SmsOptions(_Part):
    """How the SMS gateway wants it."""

    encoding: Literal["json", "form"] = "json"
    fields: dict[Literal["to", "text", "reference", "id"], str] = {}
    extra: dict[str, str] = {}
    headers: dict[str, str] = {}
    honours_key: bool = False
    at_once: _AtOnce = 64
    per_second: _Rate | None = None
    timeout: _Timeout = 10


class EmailOptions(_Part):
    """Who writes the mails, and how fast."""

    sender: str = Field("sojourn@localhost.localdomain", alias="from")
    names: dict[str, str] = {}
    at_once: _AtOnce = 16
    per_second: _Rate | None = None
    timeout: _Timeout = 10
    unsubscribe: str | None = None


class CallOptions(_Part):
    """How calls to other systems are made."""

    at_once: _AtOnce = 16
    per_second: _Rate | None = None
    timeout: _Timeout = 10


class ChannelOptions(_Part):
    """All of the file."""

    sms: SmsOptions = SmsOptions()
    email: EmailOptions = EmailOptions.model_validate({})
    calls: CallOptions = CallOptions()


def read_channels(project: Path) -> ChannelOptions:
    """Give the options of a project folder; defaults where there is no file.

    Raises:
        ConfigurationError: The file is no YAML, or says something that is not known.
    """
    path = project / FILE
    if not path.is_file():
        return ChannelOptions()
    try:
        content: Any = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        return ChannelOptions.model_validate(content or {})
    except (YAMLError, UnicodeDecodeError, OSError) as error:
        raise ConfigurationError(
            "The file of the channels cannot be read", file=FILE, problem=type(error).__name__, next_step="Correct it"
        ) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise ConfigurationError(
            "The file of the channels says something that is not known",
            file=FILE,
            at=".".join(str(part) for part in first["loc"]),
            problem=first["msg"],
            next_step="See docs/how-to/add-a-channel.md",
        ) from None

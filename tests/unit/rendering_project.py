"""Small folders of templates for the tests, written where a test says."""

from __future__ import annotations

from pathlib import Path

from sojourn.rendering import SIMULATION_KEY, MessageFacts, Renderer, Templates, load_templates

CATALOGUE = """\
locales: [zh-CN, en]
sms:
  opt_out_for: [care, marketing]
  zh-CN: {signature: 【晴川保险】, opt_out: 拒收请回复R}
  en: {signature: "[Qingchuan] ", opt_out: " Reply R to opt out"}
email:
  zh-CN: {brand: 晴川保险, notes: {service: 这是通知。}}
  en: {brand: Qingchuan, notes: {service: A notice.}}
templates:
  note: {class: service}
"""
VARIABLES = """\
links:
  base: https://qc.example
  targets: {pay: https://my.qc.example/pay}
variables:
  name: {type: text, value: {zh-CN: customer.salutation_zh, en: customer.salutation_en}}
  other: {type: text}
  amount: {type: money, value: amount_cny}
  day: {type: date}
  moment: {type: datetime}
  count: {type: int}
  docs: {type: list}
  pay_url: {type: url, link: pay}
  site: {type: url}
"""
LAYOUT = (
    "<mjml><mj-head><mj-title>{{ subject }}</mj-title><mj-style>.b { color: red; }</mj-style></mj-head><mj-body>"
    "<mj-section><mj-column><mj-text>{{ brand }}{{ body }}{{ note }}</mj-text></mj-column></mj-section></mj-body>"
    "</mjml>"
)
FACTS = MessageFacts("m-1", "service", "Asia/Shanghai", 1_775_000_000_000)


def write(
    folder: Path,
    sms: str | None = None,
    *,
    subject: str = "s",
    html: str | None = None,
    text: str = "t",
    catalogue: str = CATALOGUE,
    variables: str = VARIABLES,
    layout: str = LAYOUT,
) -> Path:
    """Writes templates/ with the one template `note`: as SMS, as e-mail, or both; the same in both languages."""
    root = folder / "templates"
    root.mkdir(exist_ok=True)
    (root / "catalogue.yaml").write_text(catalogue, encoding="utf-8")
    (root / "variables.yaml").write_text(variables, encoding="utf-8")
    (root / "layout.mjml").write_text(layout, encoding="utf-8")
    for locale in ("zh-CN", "en"):
        if sms is not None:
            _put(root / "sms" / "note" / f"{locale}.txt", sms)
        if html is not None:
            for name, source in (("subject.txt", subject), ("body.txt", text), ("body.html", html)):
                _put(root / "email" / "note" / locale / name, source)
    return root


def _put(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def load(folder: Path, sms: str | None = None, **files: str) -> Templates:
    """Writes and loads."""
    return load_templates(write(folder, sms, **files))  # type: ignore[arg-type]


def text_of(folder: Path, sms: str, values: dict[str, object], locale: str = "en") -> str:
    """The SMS `note` without its signature, for a source that has no problem."""
    templates = load(folder, sms)
    assert templates.problems == ()
    rendered = Renderer(templates, SIMULATION_KEY).render("note", "sms", locale, values, FACTS)
    return rendered.text.removeprefix(templates.sms[locale].signature)

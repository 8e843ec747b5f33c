"""How values that identify a person are shown on pages and in lists (console.md, "Masking"). Pure."""


def mask_phone(number: str) -> str:
    """Give 138****1234 for +8613812341234; other countries keep their code and the last four digits."""
    digits = number.removeprefix("+86") if number.startswith("+86") else number
    if len(digits) < 8:
        return "****"
    return f"{digits[:3]}****{digits[-4:]}"


def mask_mail(address: str) -> str:
    """Give w***@e******.com for wang@example.com."""
    local, at, domain = address.partition("@")
    if not at:
        return "***"
    name, dot, rest = domain.partition(".")
    return f"{local[:1]}***@{name[:1]}{'*' * max(3, len(name) - 1)}{dot}{rest.rpartition('.')[2]}"


def mask_id(value: str) -> str:
    """Give C-10****13 for C-10020213; short ones keep only their first character."""
    if len(value) < 7:
        return f"{value[:1]}***"
    return f"{value[:4]}****{value[-2:]}"


def mask_address(kind: str, address: str) -> str:
    """Mask an address of a channel."""
    return mask_mail(address) if kind == "email" else mask_phone(address)

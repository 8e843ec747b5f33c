"""Checks of Kafka."""

from sojourn.bootstrap.doctor.finding import Finding, Site


async def broker(site: Site) -> list[Finding]:
    return []


async def topics(site: Site) -> list[Finding]:
    return []
